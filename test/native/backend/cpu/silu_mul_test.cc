#include <cmath>
#include <limits>

#include "backend/cpu/isa.h"
#include "check.h"
#include "golden.h"
#include "numbers.h"

namespace quern::test {
namespace {

using cpu::Kernels;

// e^x is good to two units in the last place, 4 u; adding one, dividing and multiplying round once each.
// Where e^-gate leaves float32's range (gate below -88) the result is no longer exact, but smaller than
// 1e-35.
constexpr double kRelative = 8 * kUnit, kAbsolute = 1e-35;

double silu(double gate) {
  return gate / (1 + std::exp(-gate));
}

TEST(against_float64) {
  for (const Kernels* kernels : cpu::runnable_kernels()) {
    for (const size_t count : {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 100, 9728}) {
      Random random(count);
      const auto gate = random.reals(count, 20), up = random.reals(count, 3);
      std::vector<float> out(count + 1, -1);
      kernels->silu_mul({gate.data(), up.data(), out.data(), static_cast<int64_t>(count)});
      for (size_t i = 0; i < count; ++i) CHECK_NEAR(out[i], silu(gate[i]) * up[i], kAbsolute, kRelative);
      CHECK_EQ(out[count], -1.0f);
      // Alone or in place, a number gives the same bits.
      auto in_place = gate;
      kernels->silu_mul({in_place.data(), up.data(), in_place.data(), static_cast<int64_t>(count)});
      out.pop_back();
      CHECK_FOR(same_bytes(in_place, out), kernels->name);
      for (size_t i = 0; i < count; i += 1 + count / 50) {
        std::vector<float> one(1);
        kernels->silu_mul({&gate[i], &up[i], one.data(), 1});
        CHECK_FOR(same_bytes(one, {out[i]}), kernels->name);
      }
    }
  }
}

TEST(the_whole_range) {
  for (const Kernels* kernels : cpu::runnable_kernels()) {
    for (float gate = -200; gate <= 200; gate += 0.25f) {
      const float up = 1;
      float out = 0;
      kernels->silu_mul({&gate, &up, &out, 1});
      CHECK_NEAR(out, silu(gate), kAbsolute, kRelative);
    }
    for (const float gate :
         {-std::numeric_limits<float>::infinity(), -1e30f, -1e10f, 1e10f, 1e30f, 0.0f, -0.0f, 1e-40f}) {
      const float up = 1;
      float out = -1;
      kernels->silu_mul({&gate, &up, &out, 1});
      CHECK_NEAR(out, gate < -100 ? 0 : silu(gate), 0, kRelative);
    }
  }
}

TEST(golden_vectors) {
  const auto vectors = Golden::open("models/unit-vectors/vectors.safetensors");
  if (!vectors) return;
  const auto x = vectors->read<float>("silu.x"), y = vectors->read<float>("silu.y");
  const std::vector<float> ones(x.size(), 1);
  for (const Kernels* kernels : cpu::runnable_kernels()) {
    std::vector<float> out(x.size());
    kernels->silu_mul({x.data(), ones.data(), out.data(), static_cast<int64_t>(x.size())});
    for (size_t i = 0; i < x.size(); ++i) CHECK_NEAR(out[i], y[i], 1e-30, 1e-5);
  }
}

}  // namespace
}  // namespace quern::test
