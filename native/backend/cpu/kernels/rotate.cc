// Rotary position embedding, rotate-half layout: (x[i], x[i + dim/2]) turns by the angle of its position and
// frequency i. A few hundred numbers a head, in cache: never a bound.
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/simd.h"

namespace quern::cpu::QUERN_ISA {

void rotate(const RotateParams& p) {
  const int half = p.dim / 2, whole = half - half % kLanes;
  float *low = p.x, *high = p.x + half;
  for (int i = 0; i < whole; i += kLanes) {
    const F32 a = load(low + i), b = load(high + i), cos = load(p.cos + i), sin = load(p.sin + i);
    store(low + i, a * cos - b * sin);
    store(high + i, b * cos + a * sin);
  }
  for (int i = whole; i < half; ++i) {
    const float a = low[i], b = high[i];
    low[i] = a * p.cos[i] - b * p.sin[i];
    high[i] = b * p.cos[i] + a * p.sin[i];
  }
}

}  // namespace quern::cpu::QUERN_ISA
