#include <cmath>

#include "backend/cpu/isa.h"
#include "check.h"
#include "numbers.h"

namespace quern::test {
namespace {

TEST(against_float64) {
  for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
    for (const int dim : {2, 4, 6, 8, 10, 16, 24, 30, 32, 34, 48, 64, 80, 96, 128, 256}) {
      const std::string context = std::string(kernels->name) + " dim " + std::to_string(dim);
      Random random(static_cast<uint64_t>(dim));
      const int half = dim / 2, head_dim = dim + 5;  // the numbers behind dim do not rotate
      const auto before = random.reals(static_cast<size_t>(head_dim), 3);
      std::vector<float> cos(static_cast<size_t>(half)), sin(cos), x(before);
      for (size_t i = 0; i < cos.size(); ++i) {
        const double angle = 7 * random.unit();
        cos[i] = static_cast<float>(std::cos(angle));
        sin[i] = static_cast<float>(std::sin(angle));
      }
      kernels->rotate({x.data(), cos.data(), sin.data(), dim});
      for (int i = 0; i < half; ++i) {
        const double a = before[static_cast<size_t>(i)], b = before[static_cast<size_t>(i + half)];
        const double c = cos[static_cast<size_t>(i)], s = sin[static_cast<size_t>(i)];
        // Two products and their sum, each rounded once.
        const double low = 2 * kUnit * (std::abs(a * c) + std::abs(b * s));
        const double high = 2 * kUnit * (std::abs(b * c) + std::abs(a * s));
        CHECK_FOR(std::abs(x[static_cast<size_t>(i)] - (a * c - b * s)) <= low, context);
        CHECK_FOR(std::abs(x[static_cast<size_t>(i + half)] - (b * c + a * s)) <= high, context);
      }
      for (int i = dim; i < head_dim; ++i)
        CHECK_FOR(x[static_cast<size_t>(i)] == before[static_cast<size_t>(i)], context);
    }
  }
}

}  // namespace
}  // namespace quern::test
