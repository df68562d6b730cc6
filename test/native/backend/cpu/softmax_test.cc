#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/cpu/isa.h"
#include "check.h"
#include "golden.h"
#include "numbers.h"

namespace quern::test {
namespace {

using cpu::Kernels;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(largest) {
  for (const Kernels* kernels : cpu::runnable_kernels()) {
    for (const size_t count : {1, 2, 3, 4, 5, 8, 9, 16, 17, 33, 151936}) {
      Random random(count);
      auto values = random.reals(count, 5);
      for (int round = 0; round < 40; ++round) {  // the largest at every kind of place
        values[static_cast<size_t>(random.below(static_cast<int>(count)))] = 6.0f + static_cast<float>(round);
        CHECK_EQ(kernels->largest(values.data(), static_cast<int64_t>(count)),
                 *std::max_element(values.begin(), values.end()));
      }
      std::vector<float> negative(count, -kInfinity);
      CHECK_EQ(kernels->largest(negative.data(), static_cast<int64_t>(count)), -kInfinity);
      negative[count - 1] = -3e38f;
      CHECK_EQ(kernels->largest(negative.data(), static_cast<int64_t>(count)), -3e38f);
    }
  }
}

// The argument is rounded twice (u of it each, so the result is off by that many u), then e^x: 4 u.
TEST(weights_against_float64) {
  for (const Kernels* kernels : cpu::runnable_kernels()) {
    for (const size_t count : {1, 3, 4, 5, 8, 9, 16, 17, 33, 1000}) {
      for (const float scale : {1.0f, 0.5f, 1 / 0.7f, 10.0f}) {
        Random random(count);
        const auto logits = random.reals(count, 8);
        const float largest = *std::max_element(logits.begin(), logits.end());
        std::vector<float> out(count + 1, -1);
        kernels->softmax_weights({logits.data(), out.data(), static_cast<int64_t>(count), largest, scale});
        for (size_t i = 0; i < count; ++i) {
          const double argument = (double{logits[i]} - double{largest}) * double{scale};
          CHECK_NEAR(out[i], std::exp(argument), 1.2e-38, kUnit * (4 - 2 * argument));
        }
        CHECK_EQ(out[count], -1.0f);
      }
    }
  }
}

TEST(ends_of_the_range) {
  const std::vector<float> logits{0, -87, -87.3f, -87.4f, -200, -3e38f, -kInfinity};
  for (const Kernels* kernels : cpu::runnable_kernels()) {
    std::vector<float> out(logits.size());
    kernels->softmax_weights({logits.data(), out.data(), static_cast<int64_t>(logits.size()), 0, 1});
    CHECK_EQ(out[0], 1.0f);
    CHECK(out[1] > 0 && out[2] > 0);
    for (size_t i = 3; i < out.size(); ++i) CHECK_EQ(out[i], 0.0f);
  }
}

TEST(golden_vectors) {
  const auto vectors = Golden::open("models/unit-vectors/vectors.safetensors");
  if (!vectors) return;
  constexpr size_t kRows = 8, kCols = 100;
  const auto x = vectors->read<float>("softmax.x"), y = vectors->read<float>("softmax.y");
  CHECK_EQ(x.size(), kRows * kCols);
  for (const Kernels* kernels : cpu::runnable_kernels()) {
    for (size_t row = 0; row < kRows; ++row) {
      const float* logits = &x[row * kCols];
      const float largest = kernels->largest(logits, kCols);
      std::vector<float> weights(kCols);
      kernels->softmax_weights({logits, weights.data(), kCols, largest, 1});
      double sum = 0;
      for (const float weight : weights) sum += weight;
      for (size_t i = 0; i < kCols; ++i) CHECK_NEAR(weights[i] / sum, y[row * kCols + i], 1e-6, 1e-5);
    }
  }
}

}  // namespace
}  // namespace quern::test
