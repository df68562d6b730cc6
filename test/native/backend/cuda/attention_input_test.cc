// Queries, keys and values as attention takes them: against float64, and the bits of a row among any others.
#include <algorithm>

#include "backend/cuda/made_up_step.h"
#include "backend/cuda/product_case.h"
#include "check.h"

namespace quern::test {
namespace {

using cuda::Encoding;
using cuda::KvType;

constexpr float kEps = 1e-3f;
constexpr int kGroup = 1;

struct Shape {
  int hidden, heads, kv_heads, head_dim, rope_dim;  // rope_dim 0: none
  KvType type;
  bool head_norms, bias;
  Encoding encoding, of_values;
};

// What a row gave.
struct RowNumbers {
  std::vector<double> queries, keys, values;
  bool operator==(const RowNumbers&) const = default;
};

class Layer {
 public:
  Layer(const Shape& shape, int rows, Random& random)
      : shape_(shape),
        q(shape.encoding, shape.heads * shape.head_dim, shape.hidden, random, shape.bias),
        k(shape.encoding, shape.kv_heads * shape.head_dim, shape.hidden, random, shape.bias),
        v(shape.of_values, shape.kv_heads * shape.head_dim, shape.hidden, random, shape.bias),
        x(random.reals(size_t(rows * shape.hidden), 3)),
        norm(random.reals(size_t(shape.hidden), 2)),
        q_norm(random.reals(size_t(shape.head_dim), 2)),
        k_norm(random.reals(size_t(shape.head_dim), 2)),
        norm_there_(norm),
        q_norm_there_(q_norm),
        k_norm_there_(k_norm) {
    for (int i = 0; i < rows * shape.rope_dim / 2; ++i) {
      const double angle = random.unit() * 6;
      cos.push_back(static_cast<float>(std::cos(angle)));
      sin.push_back(static_cast<float>(std::sin(angle)));
    }
  }

  // Rows from `first` on, as many as the step has.
  std::vector<RowNumbers> run(const MadeUpStep& step, int first) const {
    const auto& [hidden, heads, kv_heads, head_dim, rope_dim, type, head_norms, bias, encoding, of_values] =
        shape_;
    const int rows = step.rows(), half = rope_dim / 2;
    const auto slice = [&](const std::vector<float>& all, int width) {
      return std::vector<float>(all.begin() + first * width, all.begin() + (first + rows) * width);
    };
    const size_t size = type == KvType::f32 ? 4 : 2, part = size_t(cuda::kPagePositions * head_dim);
    const DeviceArray<float> x_there(slice(x, hidden)), cos_there(slice(cos, half)),
        sin_there(slice(sin, half));
    const DeviceArray<uint16_t> q_out(size_t(rows * heads * head_dim));
    DeviceArray<uint8_t> keys(size_t(step.pages() * kv_heads) * part * size), values(keys.size());
    keys.clear(0xff);
    values.clear(0xff);
    const Scratch scratch(rows, hidden, (heads + 2 * kv_heads) * head_dim);
    cuda::attention_input({step.tables(),
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

    const std::vector<uint16_t> got_q = q_out.read();
    const std::vector<uint8_t> got_keys = keys.read(), got_values = values.read();
    const bool tiles = cuda::lies_in_tiles(type, head_dim);
    std::vector<RowNumbers> out(static_cast<size_t>(rows));
    for (int row = 0; row < rows; ++row) {
      RowNumbers& numbers = out[size_t(row)];
      for (int i = 0; i < heads * head_dim; ++i)
        numbers.queries.push_back(from_bf16(got_q[size_t(row * heads * head_dim + i)]));
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

  // Row `row` in float64.
  void check(const RowNumbers& got, int row) const {
    const std::vector<double> in = normed_of(&x[size_t(row * shape_.hidden)], norm, kEps);
    check_heads(q, got.queries, in, shape_.head_norms ? &q_norm : nullptr, row, 0x1p-8);
    const double rounding = shape_.type == KvType::f32 ? 1e-6 : shape_.type == KvType::f16 ? 0x1p-11 : 0x1p-8;
    check_heads(k, got.keys, in, shape_.head_norms ? &k_norm : nullptr, row, rounding);
    check_heads(v, got.values, in, nullptr, -1, rounding);
  }

 private:
  static double read(const std::vector<uint8_t>& bytes, KvType type, size_t index) {
    if (type == KvType::f32) {
      float value;
      std::memcpy(&value, bytes.data() + index * 4, 4);
      return double{value};
    }
    uint16_t bits;
    std::memcpy(&bits, bytes.data() + index * 2, 2);
    return type == KvType::f16 ? double{to_f32(static_cast<F16>(bits))} : from_bf16(bits);
  }

  void check_heads(const EncodedMatrix& matrix, const std::vector<double>& got, const std::vector<double>& in,
                   const std::vector<float>* head_norm, int row, double rounding) const {
    const int head_dim = shape_.head_dim, half = row < 0 ? 0 : shape_.rope_dim / 2;
    for (int head = 0; head < matrix.matrix().rows / head_dim; ++head) {
      std::vector<double> want;
      double squares = 0, slack = 0;
      for (int d = 0; d < head_dim; ++d) {
        const Wanted sum = wanted(matrix, head * head_dim + d, in.data());
        want.push_back(sum.value);
        squares += sum.value * sum.value;
        slack = std::max(slack, sum.tolerance() + sum.magnitudes * 0x1p-11);
      }
      if (head_norm != nullptr) {
        const double scale = 1 / std::sqrt(squares / head_dim + double{kEps});
        for (int d = 0; d < head_dim; ++d) want[size_t(d)] *= scale * double{(*head_norm)[size_t(d)]};
        slack *= scale * 4;
      }
      for (int i = 0; i < half; ++i) {
        const double a = want[size_t(i)], b = want[size_t(i + half)];
        const double c = double{cos[size_t(row * half + i)]}, s = double{sin[size_t(row * half + i)]};
        want[size_t(i)] = a * c - b * s;
        want[size_t(i + half)] = b * c + a * s;
      }
      for (int d = 0; d < head_dim; ++d)
        CHECK_NEAR(got[size_t(head * head_dim + d)], want[size_t(d)], 2 * slack, rounding);
    }
  }

  const Shape shape_;

 public:
  const EncodedMatrix q, k, v;
  const std::vector<float> x, norm, q_norm, k_norm;
  std::vector<float> cos, sin;

 private:
  const DeviceArray<float> norm_there_, q_norm_there_, k_norm_there_;
};

TEST(attention_input_fills_queries_and_pages_and_a_row_has_its_bits_anywhere) {
  Random random(6);
  for (const Shape& shape :
       {Shape{72, 3, 1, 24, 24, KvType::f32, true, true, Encoding::f32, Encoding::f32},
        Shape{108, 4, 2, 12, 8, KvType::f32, false, false, Encoding::f16, Encoding::f16},
        Shape{48, 2, 2, 64, 64, KvType::f32, false, true, Encoding::bf16, Encoding::bf16},
        Shape{112, 4, 1, 32, 32, KvType::bf16, true, false, Encoding::bf16, Encoding::bf16},
        Shape{80, 4, 2, 48, 16, KvType::f16, true, true, Encoding::int8, Encoding::int8},
        Shape{80, 2, 1, 20, 0, KvType::bf16, false, true, Encoding::int4, Encoding::int8},
        Shape{81, 3, 3, 33, 32, KvType::f16, true, false, Encoding::int4, Encoding::int4},
        Shape{320, 2, 1, 128, 128, KvType::bf16, true, true, Encoding::bf16, Encoding::bf16}}) {
    constexpr int kRows = 41;
    const std::vector<MadeUpStep::Sequence> all = {{1, 33}, {5, 14}, {35, 3}};
    const Layer layer(shape, kRows, random);
    const std::vector<RowNumbers> got = layer.run(MadeUpStep(all, 10, random), 0);
    for (int row = 0; row < kRows; ++row) layer.check(got[size_t(row)], row);
    // The same rows in steps of one, of a few and of more.
    const auto same = [&](const std::vector<MadeUpStep::Sequence>& sequences, int first) {
      const std::vector<RowNumbers> some = layer.run(MadeUpStep(sequences, 10, random), first);
      for (size_t row = 0; row < some.size(); ++row) CHECK(some[row] == got[size_t(first) + row]);
    };
    same({{1, 33}}, 0);
    same({{2, 17}, {1, 3}}, 4);
    same({{8, 30}}, 33);
    same({{1, 33}, {5, 14}, {3, 3}}, 0);
    same({{34, 4}}, 7);
  }
}

TEST(what_is_too_large_for_f16_stays_finite) {
  Random random(7);
  const Shape shape{64, 1, 1, 16, 0, KvType::f16, false, false, Encoding::f32, Encoding::f32};
  Layer layer(shape, 1, random);
  std::vector<uint32_t> huge(16 * 64, 0x4b000000);  // 2^23
  must(cudaMemcpy(const_cast<void*>(layer.v.matrix().numbers), huge.data(), huge.size() * 4,
                  cudaMemcpyHostToDevice));
  const std::vector<RowNumbers> got = layer.run(MadeUpStep({{1, 5}}, 10, random), 0);
  for (const double value : got[0].values) CHECK_EQ(std::abs(value), 65504.0);
}

}  // namespace
}  // namespace quern::test
