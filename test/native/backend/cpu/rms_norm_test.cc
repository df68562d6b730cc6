#include <cmath>

#include "backend/cpu/isa.h"
#include "check.h"
#include "golden.h"
#include "numbers.h"

namespace quern::test {
namespace {

using cpu::Kernels;

// A sum of n / lanes positive squares a lane, each addition off by at most u of what is there: on average the
// errors of random sign add up to less than u sqrt(n / lanes), and half of that comes through the square
// root. Eight operations besides.
double tolerance(int cols, int lanes) {
  return kUnit * (8 + 4 * std::sqrt(static_cast<double>(cols) / lanes));
}

void check_rows(int rows, int cols, float eps, float scale) {
  Random random(static_cast<uint64_t>(rows * 100003 + cols));
  const int64_t x_stride = cols + 5, out_stride = cols + 1;
  const auto x = random.reals(static_cast<size_t>(rows * x_stride), scale);
  const auto weight = random.reals(static_cast<size_t>(cols), 2);
  for (const Kernels* kernels : cpu::runnable_kernels()) {
    const std::string context =
        std::string(kernels->name) + " rows " + std::to_string(rows) + " cols " + std::to_string(cols);
    std::vector<float> out(static_cast<size_t>(rows * out_stride), -1);
    kernels->rms_norm({x.data(), x_stride, weight.data(), eps, rows, cols, out.data(), out_stride});
    for (int row = 0; row < rows; ++row) {
      double squares = 0;
      for (int c = 0; c < cols; ++c)
        squares += std::pow(double{x[static_cast<size_t>(row * x_stride + c)]}, 2);
      const double factor = 1 / std::sqrt(squares / cols + double{eps});
      for (int c = 0; c < cols; ++c) {
        const double want =
            x[static_cast<size_t>(row * x_stride + c)] * factor * weight[static_cast<size_t>(c)];
        const double got = out[static_cast<size_t>(row * out_stride + c)];
        CHECK_FOR(std::abs(got - want) <= 1e-37 + tolerance(cols, kernels->lanes) * std::abs(want), context);
      }
      CHECK_FOR(out[static_cast<size_t>(row * out_stride + cols)] == -1, context);
    }
    // In place, one row at a time: the same bits.
    for (int row = 0; row < rows; ++row) {
      std::vector<float> one(x.begin() + row * x_stride, x.begin() + row * x_stride + cols);
      kernels->rms_norm({one.data(), cols, weight.data(), eps, 1, cols, one.data(), cols});
      CHECK_FOR(same_bytes(one, {out.begin() + row * out_stride, out.begin() + row * out_stride + cols}),
                context);
    }
  }
}

TEST(against_float64) {
  for (const int cols : {1, 3, 4, 7, 8, 15, 16, 17, 31, 40, 64, 80, 96, 100, 128, 576, 2560, 9728})
    for (const int rows : {1, 2, 5}) check_rows(rows, cols, 1e-6f, 3);
  check_rows(2, 128, 1e-5f, 1e-4f);  // eps decides
  check_rows(2, 128, 1e-6f, 1e15f);  // squares near the end of float32
}

TEST(zeros_stay_zeros) {
  for (const Kernels* kernels : cpu::runnable_kernels()) {
    std::vector<float> x(37, 0.0f), weight(37, 1.0f);
    kernels->rms_norm({x.data(), 37, weight.data(), 1e-6f, 1, 37, x.data(), 37});
    for (const float value : x) CHECK_EQ(value, 0.0f);
  }
}

TEST(golden_vectors) {
  const auto vectors = Golden::open("models/unit-vectors/vectors.safetensors");
  if (!vectors) return;
  const auto x = vectors->read<float>("rmsnorm.x"), weight = vectors->read<float>("rmsnorm.weight"),
             y = vectors->read<float>("rmsnorm.y");
  const int cols = static_cast<int>(weight.size()), rows = static_cast<int>(x.size()) / cols;
  for (const Kernels* kernels : cpu::runnable_kernels()) {
    std::vector<float> out(x.size());
    kernels->rms_norm({x.data(), cols, weight.data(), 1e-6f, rows, cols, out.data(), cols});
    for (size_t i = 0; i < x.size(); ++i) CHECK_NEAR(out[i], y[i], 0, 1e-5);
  }
}

}  // namespace
}  // namespace quern::test
