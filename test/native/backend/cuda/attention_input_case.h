// The input of attention on made-up numbers: how an operation is run, what a row of it gave, and what float64
// says.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "backend/cuda/made_up_step.h"
#include "backend/cuda/product_case.h"
#include "check.h"

namespace quern::test {

struct HeadsShape {
  int hidden, heads, kv_heads, head_dim, rope_dim;  // rope_dim 0: none
  cuda::KvType type;
  bool head_norms, bias;
  cuda::Encoding encoding, of_values;
};

// What a row gave.
struct RowNumbers {
  std::vector<double> queries, keys, values;
  bool operator==(const RowNumbers&) const = default;
};

// A sum of products, and what it may be off by.
struct SumAndSlack {
  double value, slack;
};
// How an operation reckons, in float64.
struct HeadsArithmetic {
  std::vector<double> (*normed)(const float* x, const std::vector<float>& weight, float eps);
  SumAndSlack (*product)(const EncodedMatrix& matrix, int row, const double* in);
  double rounding_of_queries;
};

class HeadsLayer {
 public:
  HeadsLayer(const HeadsShape& shape, int rows, Random& random)
      : shape_(shape),
        q(shape.encoding, shape.heads * shape.head_dim, shape.hidden, random, shape.bias),
        k(shape.encoding, shape.kv_heads * shape.head_dim, shape.hidden, random, shape.bias),
        v(shape.of_values, shape.kv_heads * shape.head_dim, shape.hidden, random, shape.bias),
        x_(random.reals(size_t(rows * shape.hidden), 3)),
        norm_(random.reals(size_t(shape.hidden), 2)),
        q_norm_(random.reals(size_t(shape.head_dim), 2)),
        k_norm_(random.reals(size_t(shape.head_dim), 2)),
        norm_there_(norm_),
        q_norm_there_(q_norm_),
        k_norm_there_(k_norm_) {
    for (int i = 0; i < rows * shape.rope_dim / 2; ++i) {
      const double angle = random.unit() * 6;
      cos_.push_back(static_cast<float>(std::cos(angle)));
      sin_.push_back(static_cast<float>(std::sin(angle)));
    }
  }

  // Rows from `first` on, as many as the step has. Queries are of type Query: float, or the bits of a bf16.
  template <typename Query>
  std::vector<RowNumbers> run(const MadeUpStep& step, int first,
                              void (*operation)(const cuda::AttentionInput&, cuda::StreamEnd)) const {
    const auto& [hidden, heads, kv_heads, head_dim, rope_dim, type, head_norms, bias, encoding, of_values] =
        shape_;
    const int rows = step.rows(), half = rope_dim / 2;
    const auto slice = [&](const std::vector<float>& all, int width) {
      return std::vector<float>(all.begin() + first * width, all.begin() + (first + rows) * width);
    };
    const size_t size = type == cuda::KvType::f32 ? 4 : 2, part = size_t(cuda::kPagePositions * head_dim);
    const DeviceArray<float> x_there(slice(x_, hidden)), cos_there(slice(cos_, half)),
        sin_there(slice(sin_, half));
    const DeviceArray<Query> q_out(size_t(rows * heads * head_dim));
    DeviceArray<uint8_t> keys(size_t(step.pages() * kv_heads) * part * size), values(keys.size());
    keys.clear(0xff);
    values.clear(0xff);
    const Scratch scratch(rows, hidden, (heads + 2 * kv_heads) * head_dim);
    operation({step.tables(),
               x_there.data(),
               norm_there_.data(),
               kEps,
               q.matrix(),
               k.matrix(),
               v.matrix(),
               head_norms ? q_norm_there_.data() : nullptr,
               head_norms ? k_norm_there_.data() : nullptr,
               {rope_dim > 0 ? cos_there.data() : nullptr, sin_there.data(), rope_dim},
               {keys.data(), values.data(), kv_heads, head_dim, kGroup, type},
               q_out.data(),
               scratch.workspace()},
              nullptr);
    CHECK(scratch.tickets_are_zero());

    const std::vector<Query> got_q = q_out.read();
    const std::vector<uint8_t> got_keys = keys.read(), got_values = values.read();
    const bool tiles = cuda::lies_in_tiles(type, head_dim);
    std::vector<RowNumbers> out(static_cast<size_t>(rows));
    for (int row = 0; row < rows; ++row) {
      RowNumbers& numbers = out[size_t(row)];
      for (int i = 0; i < heads * head_dim; ++i)
        numbers.queries.push_back(number_of(got_q[size_t(row * heads * head_dim + i)]));
      const int position = step.position(row), place = position % cuda::kPagePositions;
      const size_t page = size_t(step.page(kGroup, row, position));
      for (int i = 0; i < kv_heads * head_dim; ++i) {
        const int d = i % head_dim;
        const size_t start = (page * size_t(kv_heads) + size_t(i / head_dim)) * part;
        const int plain = cuda::plain_index(head_dim, place, d);
        numbers.keys.push_back(
            read(got_keys, type, start + size_t(tiles ? cuda::key_tile_index(place, d) : plain)));
        numbers.values.push_back(
            read(got_values, type, start + size_t(tiles ? cuda::value_tile_index(place, d) : plain)));
      }
    }
    // Nothing else was touched.
    const size_t written = size_t(rows * kv_heads * head_dim) * size;
    for (const auto* bytes : {&got_keys, &got_values})
      CHECK(size_t(std::count(bytes->begin(), bytes->end(), 0xff)) + written >= bytes->size());
    return out;
  }

  // Compares what a row gave with float64.
  void check(const RowNumbers& got, int row, const HeadsArithmetic& arithmetic) const {
    const std::vector<double> in = arithmetic.normed(&x_[size_t(row * shape_.hidden)], norm_, kEps);
    const double rounding = shape_.type == cuda::KvType::f32   ? 0
                            : shape_.type == cuda::KvType::f16 ? 0x1p-11
                                                               : 0x1p-8;
    const auto check_heads = [&](const EncodedMatrix& matrix, const std::vector<double>& heads,
                                 const std::vector<float>* head_norm, bool turns, double to) {
      const int head_dim = shape_.head_dim, half = turns ? shape_.rope_dim / 2 : 0;
      for (int head = 0; head < matrix.matrix().rows / head_dim; ++head) {
        std::vector<double> want;
        double squares = 0, slack = 0;
        for (int d = 0; d < head_dim; ++d) {
          const SumAndSlack sum = arithmetic.product(matrix, head * head_dim + d, in.data());
          want.push_back(sum.value);
          squares += sum.value * sum.value;
          slack = std::max(slack, sum.slack);
        }
        if (head_norm != nullptr) {
          const double scale = 1 / std::sqrt(squares / head_dim + double{kEps});
          for (int d = 0; d < head_dim; ++d) want[size_t(d)] *= scale * double{(*head_norm)[size_t(d)]};
          slack *= scale * 4;
        }
        for (int i = 0; i < half; ++i) {
          const double a = want[size_t(i)], b = want[size_t(i + half)];
          const double c = double{cos_[size_t(row * half + i)]}, s = double{sin_[size_t(row * half + i)]};
          want[size_t(i)] = a * c - b * s;
          want[size_t(i + half)] = b * c + a * s;
        }
        for (int d = 0; d < head_dim; ++d)
          CHECK_NEAR(heads[size_t(head * head_dim + d)], want[size_t(d)], 2 * slack, to);
      }
    };
    check_heads(q, got.queries, shape_.head_norms ? &q_norm_ : nullptr, true, arithmetic.rounding_of_queries);
    check_heads(k, got.keys, shape_.head_norms ? &k_norm_ : nullptr, true, rounding);
    check_heads(v, got.values, nullptr, false, rounding);
  }

 private:
  static constexpr float kEps = 1e-3f;  // large enough to be seen
  static constexpr int kGroup = 1;

  static double number_of(float query) { return double{query}; }
  static double number_of(uint16_t bits) { return from_bf16(bits); }
  static double read(const std::vector<uint8_t>& bytes, cuda::KvType type, size_t index) {
    if (type == cuda::KvType::f32) {
      float value;
      std::memcpy(&value, bytes.data() + index * 4, 4);
      return double{value};
    }
    uint16_t bits;
    std::memcpy(&bits, bytes.data() + index * 2, 2);
    return type == cuda::KvType::f16 ? double{to_f32(static_cast<F16>(bits))} : from_bf16(bits);
  }

  const HeadsShape shape_;

 public:
  const EncodedMatrix q, k, v;

 private:
  const std::vector<float> x_, norm_, q_norm_, k_norm_;
  std::vector<float> cos_, sin_;
  const DeviceArray<float> norm_there_, q_norm_there_, k_norm_there_;
};

}  // namespace quern::test
