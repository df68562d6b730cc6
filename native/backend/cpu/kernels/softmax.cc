// The passes over a row of logits, or of weights made from them, that sampling needs. 4 bytes a number each:
// bound by the caches.
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
  const F32 nothing = splat(-std::numeric_limits<float>::infinity());  // in place of NaN, as in largest_of()
  const auto weight_of = [&](F32 logits) { return exp((max(logits, nothing) - largest) * scale); };
  for (int64_t i = 0; i < whole; i += kLanes) store(p.out + i, weight_of(load(p.logits + i)));
  if (const int tail = static_cast<int>(p.count - whole); tail > 0)
    store_partial(p.out + whole, weight_of(load_partial(p.logits + whole, tail)), tail);
}

// Sums in pieces, so that float32 lanes lose nothing that matters; in a fixed order.
WeightSum sum_above(const float* weights, int64_t count, float floor) {
  constexpr int64_t kPieceNumbers = 4096;
  WeightSum result;
  for (int64_t first = 0; first < count; first += kPieceNumbers) {
    const int64_t end = first + kPieceNumbers < count ? first + kPieceNumbers : count;
    F32 mass = {};
    I32 number = {};
    int64_t i = first;
    for (; i + kLanes <= end; i += kLanes) {
      const F32 weight = load(weights + i);
      const I32 kept = weight >= splat(floor);  // -1 where true
      mass += as_floats(as_bits(weight) & reinterpret_cast<U32>(kept));
      number -= kept;
    }
    result.mass += sum(mass);
    for (int lane = 0; lane < kLanes; ++lane) result.count += number[lane];
    for (; i < end; ++i) {
      result.mass += weights[i] >= floor ? weights[i] : 0.0f;
      result.count += weights[i] >= floor ? 1 : 0;
    }
  }
  return result;
}

int64_t collect_between(const float* weights, int64_t count, float from, float below, float* out) {
  int64_t found = 0;
  const auto take = [&](int64_t i) {
    if (weights[i] >= from && weights[i] < below) out[found++] = weights[i];
  };
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const F32 weight = load(weights + i);
    if (!any((weight >= splat(from)) & (weight < splat(below)))) continue;
    for (int lane = 0; lane < kLanes; ++lane) take(i + lane);
  }
  for (; i < count; ++i) take(i);
  return found;
}

}  // namespace quern::cpu::QUERN_ISA
