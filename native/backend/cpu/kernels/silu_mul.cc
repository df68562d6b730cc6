// out = silu(gate) * up, silu(g) = g / (1 + e^-g). Twelve bytes and about twenty operations a number, in
// cache.
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/simd.h"

namespace quern::cpu::QUERN_ISA {

namespace {
// Below -88 e^-gate saturates while gate goes on: there the result is 0, as it is in the limit.
inline F32 silu(F32 gate) {
  const F32 value = gate / (exp(-gate) + 1.0f);
  return gate < splat(-88.37626f) ? F32{} : value;
}
}  // namespace

void silu_mul(const SiluMulParams& p) {
  const int64_t whole = p.count - p.count % kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) store(p.out + i, silu(load(p.gate + i)) * load(p.up + i));
  if (const int tail = static_cast<int>(p.count - whole); tail > 0) {
    store_partial(p.out + whole, silu(load_partial(p.gate + whole, tail)) * load_partial(p.up + whole, tail),
                  tail);
  }
}

}  // namespace quern::cpu::QUERN_ISA
