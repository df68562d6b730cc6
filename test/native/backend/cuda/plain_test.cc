// Operations of precision 'exact', and the embedding, against float64.
#include <algorithm>
#include <cmath>
#include <string>

#include "backend/cuda/device_array.h"
#include "backend/cuda/encoded_matrix.h"
#include "backend/cuda/kernels/operations.h"
#include "backend/cuda/made_up_step.h"
#include "check.h"
#include "numbers.h"

namespace quern::test {
namespace {

using cuda::Encoding;
using cuda::KvType;

constexpr float kEps = 1e-3f;  // large enough to be seen

std::string named(Encoding encoding) {
  return std::to_string(static_cast<int>(encoding));
}

// A sum of products and what a float32 may be off by: a chain for each of 32 lanes, and a tree.
struct Sum {
  double value = 0, magnitudes = 0;
  void add(double product) {
    value += product;
    magnitudes += std::abs(product);
  }
  double tolerance(int terms) const { return (terms / 32 + 20) * kUnit * magnitudes + 1e-30; }
};

Sum product(const EncodedMatrix& w, int n, const double* in) {
  Sum sum;
  for (int k = 0; k < w.matrix().cols; ++k) sum.add(in[k] * w.at(n, k));
  sum.add(w.bias(n));
  return sum;
}

std::vector<double> normed(const float* x, const std::vector<float>& weight) {
  double squares = 0;
  for (size_t i = 0; i < weight.size(); ++i) squares += double{x[i]} * double{x[i]};
  const double scale = 1 / std::sqrt(squares / static_cast<double>(weight.size()) + double{kEps});
  std::vector<double> out;
  for (size_t i = 0; i < weight.size(); ++i) out.push_back(double{x[i]} * scale * double{weight[i]});
  return out;
}

double silu(double x) {
  return x / (1 + std::exp(-x));
}

// Scratch of operations, of one size for all tests: what they leave in it is no business of the next.
class Scratch {
 public:
  Scratch() : normed_(64 * 700), products_(64 * 2000) {
    workspace_.normed = normed_.data();
    workspace_.products = products_.data();
  }
  const cuda::Workspace& workspace() const { return workspace_; }

 private:
  DeviceArray<float> normed_, products_;
  cuda::Workspace workspace_;
};

TEST(embed_gives_the_rows_of_a_table_exactly) {
  Random random(1);
  for (const Encoding encoding : kEncodings) {
    for (const int cols : {1, 8, 48, 81, 108, 1300}) {
      const int vocab = 37;
      const EncodedMatrix table(encoding, vocab, cols, random);
      const MadeUpStep step({{1, 5}, {9, 0}, {1, 40}}, vocab, random);
      const DeviceArray<float> x(size_t(step.rows()) * size_t(cols));
      cuda::embed({step.tables(), table.matrix(), x.data()}, nullptr);
      const std::vector<float> got = x.read();
      for (int row = 0; row < step.rows(); ++row)
        for (int col = 0; col < cols; ++col)
          CHECK_EQ(double{got[size_t(row * cols + col)]}, table.at(step.token(row), col));
    }
  }
}

std::vector<float> after_matmul_add(const EncodedMatrix& w, std::span<const float> in,
                                    std::span<const float> x) {
  const DeviceArray<float> in_there(in), x_there(x);
  const int rows = int(in.size()) / w.matrix().cols;
  cuda::plain_matmul_add({w.matrix(), in_there.data(), rows, x_there.data(), {}}, nullptr);
  return x_there.read();
}

TEST(matmul_add_is_the_sum_of_products) {
  Random random(2);
  for (const Encoding encoding : kEncodings) {
    for (const auto& [n, k] : {std::pair{1, 1}, {5, 48}, {33, 81}, {7, 108}, {31, 700}}) {
      for (const int rows : {1, 2, 8, 17}) {
        const EncodedMatrix weights(encoding, n, k, random, rows % 2 == 0);
        const std::vector<float> in = random.reals(size_t(rows * k), 1),
                                 x = random.reals(size_t(rows * n), 1);
        const std::vector<float> got = after_matmul_add(weights, in, x);
        const std::vector<double> exact(in.begin(), in.end());
        for (int row = 0; row < rows; ++row) {
          for (int i = 0; i < n; ++i) {
            Sum want = product(weights, i, &exact[size_t(row * k)]);
            want.add(double{x[size_t(row * n + i)]});
            CHECK_NEAR(got[size_t(row * n + i)], want.value, want.tolerance(k), 0);
          }
        }
      }
    }
  }
}

TEST(a_row_has_the_same_bits_alone_and_among_others) {
  Random random(3);
  for (const Encoding encoding : kEncodings) {
    const int n = 41, k = 333, rows = 11;
    const EncodedMatrix w(encoding, n, k, random, true);
    const std::vector<float> in = random.reals(size_t(rows * k), 1), x = random.reals(size_t(rows * n), 1);
    const std::vector<float> together = after_matmul_add(w, in, x);
    for (const int first : {0, 7, 8, 10}) {
      for (const int count : {1, 2}) {
        if (first + count > rows) continue;
        const std::vector<float> apart =
            after_matmul_add(w, std::span(in).subspan(size_t(first * k), size_t(count * k)),
                             std::span(x).subspan(size_t(first * n), size_t(count * n)));
        CHECK_FOR(std::equal(apart.begin(), apart.end(), together.begin() + first * n), named(encoding));
      }
    }
  }
}

TEST(ffn_input_is_the_gated_product_of_what_is_normed) {
  Random random(4);
  const Scratch scratch;
  for (const Encoding encoding : kEncodings) {
    for (const auto& [hidden, ffn] : {std::pair{72, 37}, {108, 100}, {337, 6}}) {
      for (const int rows : {1, 9}) {
        const EncodedMatrix gate(encoding, ffn, hidden, random), up(Encoding::f16, ffn, hidden, random);
        const std::vector<float> x = random.reals(size_t(rows * hidden), 3),
                                 weight = random.reals(size_t(hidden), 2);
        const DeviceArray<float> x_there(x), weight_there(weight), out(size_t(rows * ffn));
        cuda::plain_ffn_input({x_there.data(), rows, weight_there.data(), kEps, gate.matrix(), up.matrix(),
                               out.data(), scratch.workspace()},
                              nullptr);
        const std::vector<float> got = out.read();
        for (int row = 0; row < rows; ++row) {
          const std::vector<double> in = normed(&x[size_t(row * hidden)], weight);
          for (int i = 0; i < ffn; ++i) {
            const Sum gated = product(gate, i, in.data()), upper = product(up, i, in.data());
            const double tolerance = gated.tolerance(hidden) * std::abs(upper.value) * 1.2 +
                                     upper.tolerance(hidden) * std::abs(silu(gated.value));
            CHECK_NEAR(got[size_t(row * ffn + i)], silu(gated.value) * upper.value, 2 * tolerance, 1e-6);
          }
        }
      }
    }
  }
}

TEST(logits_are_those_of_chosen_rows) {
  Random random(5);
  const Scratch scratch;
  const std::vector<int32_t> chosen = {8, 0, 3, 3, 10, 1, 2, 4, 9};
  for (const Encoding encoding : kEncodings) {
    for (const int count : {1, 9}) {
      const int hidden = 84, vocab = 131;
      const EncodedMatrix head(encoding, vocab, hidden, random);
      const std::vector<float> x = random.reals(size_t(11 * hidden), 3),
                               weight = random.reals(size_t(hidden), 2);
      const DeviceArray<float> x_there(x), weight_there(weight), out(size_t(count * vocab));
      const DeviceArray<int32_t> chosen_there(chosen);
      cuda::plain_logits({x_there.data(), chosen_there.data(), count, weight_there.data(), kEps,
                          head.matrix(), out.data(), scratch.workspace()},
                         nullptr);
      const std::vector<float> got = out.read();
      for (int row = 0; row < count; ++row) {
        const std::vector<double> in = normed(&x[size_t(chosen[size_t(row)] * hidden)], weight);
        for (int i = 0; i < vocab; ++i) {
          const Sum want = product(head, i, in.data());
          CHECK_NEAR(got[size_t(row * vocab + i)], want.value, want.tolerance(hidden), 0);
        }
      }
    }
  }
}

// ---- attention's input

struct Shape {
  int hidden, heads, kv_heads, head_dim, rope_dim;  // rope_dim 0: none
  KvType type;
  bool head_norms, bias;
  Encoding encoding;
};

double read_kv(const std::vector<uint8_t>& bytes, KvType type, size_t index) {
  if (type == KvType::f32) {
    float value;
    std::memcpy(&value, bytes.data() + index * 4, 4);
    return double{value};
  }
  uint16_t bits;
  std::memcpy(&bits, bytes.data() + index * 2, 2);
  return double{type == KvType::f16 ? to_f32(static_cast<F16>(bits)) : to_f32(static_cast<Bf16>(bits))};
}

// One head of a row in float64, and what its numbers may be off by.
struct HeadNumbers {
  std::vector<double> numbers;
  double tolerance = 0;
};
HeadNumbers head_numbers(const EncodedMatrix& w, int head, int head_dim, const std::vector<double>& in,
                         const std::vector<float>* norm, const float* cos, const float* sin, int rope_dim) {
  HeadNumbers out;
  double squares = 0;
  for (int d = 0; d < head_dim; ++d) {
    const Sum sum = product(w, head * head_dim + d, in.data());
    out.numbers.push_back(sum.value);
    out.tolerance = std::max(out.tolerance, sum.tolerance(w.matrix().cols));
    squares += sum.value * sum.value;
  }
  if (norm != nullptr) {
    const double scale = 1 / std::sqrt(squares / head_dim + double{kEps});
    for (int d = 0; d < head_dim; ++d) out.numbers[size_t(d)] *= scale * double{(*norm)[size_t(d)]};
    out.tolerance = out.tolerance * scale * 4 + 1e-6;
  }
  for (int pair = 0; pair < rope_dim / 2; ++pair) {
    const double a = out.numbers[size_t(pair)], b = out.numbers[size_t(pair + rope_dim / 2)];
    out.numbers[size_t(pair)] = a * double{cos[pair]} - b * double{sin[pair]};
    out.numbers[size_t(pair + rope_dim / 2)] = b * double{cos[pair]} + a * double{sin[pair]};
  }
  out.tolerance = out.tolerance * 2 + 1e-6;
  return out;
}

void check_attention_input(const Shape& shape, const std::vector<MadeUpStep::Sequence>& sequences,
                           Random& random) {
  const Scratch scratch;
  const auto& [hidden, heads, kv_heads, head_dim, rope_dim, type, head_norms, bias, encoding] = shape;
  const EncodedMatrix q(encoding, heads * head_dim, hidden, random, bias),
      k(encoding, kv_heads * head_dim, hidden, random, bias),
      v(Encoding::bf16, kv_heads * head_dim, hidden, random, bias);
  const MadeUpStep step(sequences, 10, random);
  const int rows = step.rows();
  const std::vector<float> x = random.reals(size_t(rows * hidden), 3),
                           weight = random.reals(size_t(hidden), 2),
                           q_norm = random.reals(size_t(head_dim), 2),
                           k_norm = random.reals(size_t(head_dim), 2);
  std::vector<float> cos, sin;
  for (int i = 0; i < rows * rope_dim / 2; ++i) {
    const double angle = random.unit() * 6;
    cos.push_back(static_cast<float>(std::cos(angle)));
    sin.push_back(static_cast<float>(std::sin(angle)));
  }
  const size_t size = type == KvType::f32 ? 4 : 2, part = size_t(cuda::kPagePositions * head_dim);
  const DeviceArray<float> x_there(x), weight_there(weight), q_norm_there(q_norm), k_norm_there(k_norm),
      cos_there(cos), sin_there(sin), q_out(size_t(rows * heads * head_dim));
  DeviceArray<uint8_t> keys(size_t(step.pages() * kv_heads) * part * size), values(keys.size());
  keys.clear(0xff);
  values.clear(0xff);
  constexpr int kGroup = 1;
  cuda::plain_attention_input({step.tables(),
                               x_there.data(),
                               weight_there.data(),
                               kEps,
                               q.matrix(),
                               k.matrix(),
                               v.matrix(),
                               head_norms ? q_norm_there.data() : nullptr,
                               head_norms ? k_norm_there.data() : nullptr,
                               {rope_dim > 0 ? cos_there.data() : nullptr, sin_there.data(), rope_dim},
                               {keys.data(), values.data(), kv_heads, head_dim, kGroup, type},
                               q_out.data(),
                               scratch.workspace()},
                              nullptr);
  const std::vector<float> got_q = q_out.read();
  const std::vector<uint8_t> got_keys = keys.read(), got_values = values.read();
  const double rounding = type == KvType::f32 ? 0 : type == KvType::f16 ? 0x1p-11 : 0x1p-8;
  const bool tiles = cuda::lies_in_tiles(type, head_dim);
  size_t written = 0;
  for (int row = 0; row < rows; ++row) {
    const std::vector<double> in = normed(&x[size_t(row * hidden)], weight);
    const float *c = cos.data() + row * rope_dim / 2, *s = sin.data() + row * rope_dim / 2;
    for (int head = 0; head < heads; ++head) {
      const HeadNumbers want =
          head_numbers(q, head, head_dim, in, head_norms ? &q_norm : nullptr, c, s, rope_dim);
      for (int d = 0; d < head_dim; ++d)
        CHECK_NEAR(got_q[size_t((row * heads + head) * head_dim + d)], want.numbers[size_t(d)],
                   want.tolerance, 0);
    }
    const int position = step.position(row), place = position % cuda::kPagePositions;
    const size_t page = size_t(step.page(kGroup, row, position));
    for (int head = 0; head < kv_heads; ++head) {
      const size_t start = (page * size_t(kv_heads) + size_t(head)) * part;
      const HeadNumbers key =
          head_numbers(k, head, head_dim, in, head_norms ? &k_norm : nullptr, c, s, rope_dim);
      const HeadNumbers value = head_numbers(v, head, head_dim, in, nullptr, nullptr, nullptr, 0);
      for (int d = 0; d < head_dim; ++d) {
        const auto key_at =
            size_t(tiles ? cuda::key_tile_index(place, d) : cuda::plain_index(head_dim, place, d));
        const auto value_at =
            size_t(tiles ? cuda::value_tile_index(place, d) : cuda::plain_index(head_dim, place, d));
        CHECK_NEAR(read_kv(got_keys, type, start + key_at), key.numbers[size_t(d)], key.tolerance, rounding);
        CHECK_NEAR(read_kv(got_values, type, start + value_at), value.numbers[size_t(d)], value.tolerance,
                   rounding);
        written += size;
      }
    }
  }
  // Nothing else was touched.
  CHECK(size_t(std::count(got_keys.begin(), got_keys.end(), 0xff)) + written >= got_keys.size());
}

TEST(attention_input_fills_queries_and_pages) {
  Random random(6);
  const std::vector<MadeUpStep::Sequence> mixed = {{1, 33}, {5, 14}, {1, 0}};
  for (const Shape& shape : {Shape{72, 3, 1, 24, 24, KvType::f32, true, true, Encoding::f32},
                             Shape{108, 4, 2, 12, 8, KvType::f32, false, false, Encoding::f16},
                             Shape{48, 2, 2, 64, 64, KvType::f32, false, true, Encoding::bf16},
                             Shape{112, 4, 1, 32, 32, KvType::bf16, true, false, Encoding::bf16},
                             Shape{80, 4, 2, 48, 16, KvType::f16, true, true, Encoding::int8},
                             Shape{80, 2, 1, 20, 0, KvType::bf16, false, true, Encoding::int4},
                             Shape{81, 3, 3, 33, 32, KvType::f16, true, false, Encoding::int4},
                             Shape{48, 1, 1, 128, 128, KvType::bf16, true, true, Encoding::f32}}) {
    check_attention_input(shape, mixed, random);
    check_attention_input(shape, {{1, 21}}, random);
  }
}

}  // namespace
}  // namespace quern::test
