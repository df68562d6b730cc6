// The two passes over a row of logits that sampling needs. 4 bytes a number each: bound by cache or memory.
#include <limits>

#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/simd.h"

namespace quern::cpu::QUERN_ISA {

// NaN is passed over: the second operand of max() stands where a comparison fails.
float largest_of(const float* values, int64_t count) {
  const int64_t whole = count - count % kLanes;
  F32 most = splat(-std::numeric_limits<float>::infinity());
  for (int64_t i = 0; i < whole; i += kLanes) most = max(load(values + i), most);
  float result = largest(most);
  for (int64_t i = whole; i < count; ++i) result = values[i] > result ? values[i] : result;
  return result;
}

void softmax_weights(const SoftmaxWeightsParams& p) {
  const int64_t whole = p.count - p.count % kLanes;
  const F32 largest = splat(p.largest), scale = splat(p.scale);
  for (int64_t i = 0; i < whole; i += kLanes) store(p.out + i, exp((load(p.logits + i) - largest) * scale));
  if (const int tail = static_cast<int>(p.count - whole); tail > 0) {
    store_partial(p.out + whole, exp((load_partial(p.logits + whole, tail) - largest) * scale), tail);
  }
}

}  // namespace quern::cpu::QUERN_ISA
