// Products of few and of many rows against float64, and their bits against one another.
#include <algorithm>
#include <tuple>

#include "backend/cuda/kernels/gemv.h"
#include "backend/cuda/product_case.h"
#include "check.h"

namespace quern::test {
namespace {

using cuda::Encoding;

constexpr float kEps = 1e-3f;

std::string named(Encoding encoding, int rows, int cols) {
  return "encoding " + std::to_string(int(encoding)) + ", " + std::to_string(rows) + " rows, " +
         std::to_string(cols) + " cols";
}

std::vector<float> after_add(const EncodedMatrix& w, const std::vector<float>& in, int first, int rows,
                             const std::vector<float>& x, int multiprocessors = 3) {
  const size_t cols = size_t(w.matrix().cols), n = size_t(w.matrix().rows);
  const auto part = [&](const std::vector<float>& all, size_t width) {
    return std::vector<float>(all.begin() + long(size_t(first) * width),
                              all.begin() + long(size_t(first + rows) * width));
  };
  const DeviceArray<uint16_t> in_there(bf16_of(part(in, cols)));
  const DeviceArray<float> x_there(part(x, n));
  const Scratch scratch(rows, 1, 1, multiprocessors);
  cuda::matmul_add({w.matrix(), in_there.data(), rows, x_there.data(), scratch.workspace()}, nullptr);
  return x_there.read();
}

TEST(warps_that_share_a_quarter_of_a_processor_have_as_much_of_k_as_others) {
  for (int granules = 0; granules <= 100; ++granules) {
    const auto count = [&](int warp) {
      const int segment = cuda::segment_of(warp);
      return cuda::segment_begin(segment + 1, granules) - cuda::segment_begin(segment, granules);
    };
    int all = 0;
    for (int warp = 0; warp < 4; ++warp) {
      const int of_quarter = count(warp) + count(warp + 4);
      CHECK(of_quarter == granules / 4 || of_quarter == (granules + 3) / 4);
      all += of_quarter;
    }
    CHECK_EQ(all, granules);
  }
}

TEST(matmul_add_is_the_sum_of_products) {
  Random random(1);
  for (const Encoding encoding : kEncodings) {
    for (const auto& [n, cols] : {std::pair{37, 48}, {16, 72}, {66, 108}, {20, 700}}) {
      for (const int rows : {1, 2, 7, 8, 9, 17, 33, 70}) {
        const EncodedMatrix w(encoding, n, cols, random, rows % 2 == 0);
        const std::vector<float> in = random.reals(size_t(rows * cols), 1),
                                 x = random.reals(size_t(rows * n), 1);
        const std::vector<float> got = after_add(w, in, 0, rows, x);
        for (int row = 0; row < rows; ++row) {
          std::vector<double> exact;
          for (int k = 0; k < cols; ++k) exact.push_back(rounded(double{in[size_t(row * cols + k)]}));
          for (int i = 0; i < n; ++i) {
            const Wanted want = wanted(w, i, exact.data());
            if (std::abs(double{got[size_t(row * n + i)]} - want.value - double{x[size_t(row * n + i)]}) >
                want.tolerance()) {
              CHECK_FOR(false, named(encoding, rows, cols) + " at " + std::to_string(row) + ", " +
                                   std::to_string(i));
              return;
            }
          }
        }
      }
    }
  }
}

TEST(a_row_has_the_same_bits_among_any_others) {
  Random random(2);
  for (const Encoding encoding : kEncodings) {
    for (const int cols : {81, 108, 600}) {
      const int n = 35, most = 130;
      const EncodedMatrix w(encoding, n, cols, random, true);
      const std::vector<float> in = random.reals(size_t(most * cols), 1),
                               x = random.reals(size_t(most * n), 1);
      const std::vector<float> all = after_add(w, in, 0, most, x);
      for (const auto& [first, rows, processors] : {std::tuple<int, int, int>{0, 1, 3},
                                                    {129, 1, 3},
                                                    {3, 5, 3},
                                                    {64, 8, 1},
                                                    {40, 16, 3},
                                                    {99, 31, 3},
                                                    {7, 33, 3},
                                                    {66, 64, 3},
                                                    {0, 130, 1},
                                                    {1, 129, 1000}}) {
        const std::vector<float> some = after_add(w, in, first, rows, x, processors);
        CHECK_FOR(std::memcmp(some.data(), &all[size_t(first * n)], some.size() * 4) == 0,
                  named(encoding, rows, cols));
      }
    }
  }
}

std::vector<float> logits_of(const EncodedMatrix& head, const std::vector<float>& norm,
                             const std::vector<float>& x, const std::vector<int32_t>& chosen) {
  const int rows = int(chosen.size()), hidden = head.matrix().cols;
  const DeviceArray<float> x_there(x), norm_there(norm), out(size_t(rows) * size_t(head.matrix().rows));
  const DeviceArray<int32_t> chosen_there(chosen);
  const Scratch scratch(rows, hidden, 1);
  cuda::logits({x_there.data(), chosen_there.data(), rows, norm_there.data(), kEps, head.matrix(), out.data(),
                scratch.workspace()},
               nullptr);
  return out.read();
}

TEST(logits_are_of_the_chosen_rows_normalised) {
  Random random(3);
  for (const Encoding encoding : kEncodings) {
    for (const int hidden : {48, 81, 108, 384}) {
      const int n = 83, most = 40;
      const EncodedMatrix head(encoding, n, hidden, random, false);
      const std::vector<float> norm = random.reals(size_t(hidden), 1);
      const std::vector<float> x = random.reals(size_t(most * hidden), 2);
      std::vector<int32_t> chosen;
      for (int row = 0; row < most; ++row) chosen.push_back((row * 7 + 3) % most);
      const std::vector<float> all = logits_of(head, norm, x, chosen);
      for (int row = 0; row < most; ++row) {
        const std::vector<double> normed = normed_of(&x[size_t(chosen[size_t(row)] * hidden)], norm, kEps);
        for (int i = 0; i < n; ++i) {
          const Wanted want = wanted(head, i, normed.data());
          // A few numbers of a row may be rounded the other way.
          CHECK_NEAR(all[size_t(row * n + i)], want.value, want.tolerance() + want.magnitudes * 0x1p-11, 0);
        }
      }
      for (const int rows : {1, 3, 8, 9, 32}) {
        const std::vector<float> some =
            logits_of(head, norm, x, std::vector<int32_t>(chosen.begin(), chosen.begin() + rows));
        CHECK_FOR(std::memcmp(some.data(), all.data(), some.size() * 4) == 0, named(encoding, rows, hidden));
      }
    }
  }
}

std::vector<uint16_t> ffn_of(const EncodedMatrix& gate, const EncodedMatrix& up,
                             const std::vector<float>& norm, const std::vector<float>& x, int rows) {
  const int hidden = gate.matrix().cols;
  const DeviceArray<float> x_there(std::span<const float>(x.data(), size_t(rows * hidden))), norm_there(norm);
  const DeviceArray<uint16_t> out(size_t(rows) * size_t(gate.matrix().rows));
  const Scratch scratch(rows, hidden, 1);
  cuda::ffn_input({x_there.data(), rows, norm_there.data(), kEps, gate.matrix(), up.matrix(), out.data(),
                   scratch.workspace()},
                  nullptr);
  return out.read();
}

TEST(ffn_input_gates) {
  Random random(4);
  for (const Encoding encoding : kEncodings) {
    for (const Encoding of_up : {encoding, Encoding::bf16}) {
      const int hidden = 208, ffn = 77, most = 70;
      const EncodedMatrix gate(encoding, ffn, hidden, random), up(of_up, ffn, hidden, random);
      const std::vector<float> norm = random.reals(size_t(hidden), 1);
      const std::vector<float> x = random.reals(size_t(most * hidden), 2);
      const std::vector<uint16_t> all = ffn_of(gate, up, norm, x, most);
      for (int row = 0; row < most; ++row) {
        const std::vector<double> normed = normed_of(&x[size_t(row * hidden)], norm, kEps);
        for (int i = 0; i < ffn; ++i) {
          const Wanted a = wanted(gate, i, normed.data()), b = wanted(up, i, normed.data());
          const double silu = a.value / (1 + std::exp(-a.value)), want = silu * b.value;
          const double slack = 0x1p-11 * (a.magnitudes * std::abs(b.value) + b.magnitudes * std::abs(silu));
          CHECK_NEAR(from_bf16(all[size_t(row * ffn + i)]), want, slack + 1e-5, 0x1p-7);
        }
      }
      for (const int rows : {1, 8, 9, 33})
        CHECK_FOR(std::equal(all.begin(), all.begin() + rows * ffn, ffn_of(gate, up, norm, x, rows).begin()),
                  named(encoding, rows, hidden));
    }
  }
}

}  // namespace
}  // namespace quern::test
