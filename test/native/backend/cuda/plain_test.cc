// Operations of precision 'exact', and the embedding, against float64.
#include <algorithm>
#include <cmath>
#include <string>

#include "backend/cuda/device_array.h"
#include "backend/cuda/encoded_matrix.h"
#include "backend/cuda/kernels/operations.h"
#include "backend/cuda/made_up_step.h"
#include "backend/cuda/plain_numbers.h"
#include "check.h"
#include "numbers.h"

namespace quern::test {
namespace {

using cuda::Encoding;

constexpr float kEps = 1e-3f;  // large enough to be seen

std::string named(Encoding encoding) {
  return std::to_string(static_cast<int>(encoding));
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
          const std::vector<double> in = normed(&x[size_t(row * hidden)], weight, kEps);
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
        const std::vector<double> in = normed(&x[size_t(chosen[size_t(row)] * hidden)], weight, kEps);
        for (int i = 0; i < vocab; ++i) {
          const Sum want = product(head, i, in.data());
          CHECK_NEAR(got[size_t(row * vocab + i)], want.value, want.tolerance(hidden), 0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace quern::test
