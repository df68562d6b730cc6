// What the machine can do at best, for measuring shares: reading memory in order, and multiply-adds on
// registers.
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/multiply_adds.h"
#include "backend/cpu/kernels/simd.h"

namespace quern::cpu::QUERN_ISA {

// Reads `count` numbers once, four vectors at a time; the sum keeps the compiler honest.
float read_stream(const float* from, int64_t count) {
  F32 sums[4] = {};
  for (int64_t i = 0; i + 4 * kLanes <= count; i += 4 * kLanes) {
    for (int v = 0; v < 4; ++v) sums[v] += load(from + i + v * kLanes);
  }
  return sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

// Ten independent chains of multiply-adds: enough to hide a latency of four or five at two a cycle. Returns
// their number of multiply-adds, one lane counted as one.
int64_t multiply_adds(int64_t rounds, float* result) {
  constexpr int kChains = 10;
  F32 sums[kChains] = {};
  const F32 a = splat(1.0f + result[0]), b = splat(1e-9f);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int chain = 0; chain < kChains; ++chain) sums[chain] = fma(sums[chain], a, b);
  }
  F32 total = {};
  for (const F32& chain : sums) total += chain;
  result[0] = sum(total) * 0x1p-100f;
  return rounds * kChains * kLanes;
}

}  // namespace quern::cpu::QUERN_ISA
