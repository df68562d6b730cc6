#pragma once
#include <bit>
#include <cstdint>

#include "backend/cpu/kernels/kernels.h"

namespace quern::cpu {

// Floats as integers of the same order: positive ones are so by themselves.
inline int32_t ordered_bits(float value) {
  const auto bits = std::bit_cast<int32_t>(value);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}
inline float from_ordered_bits(int32_t bits) {
  return std::bit_cast<float>(bits ^ ((bits >> 31) & 0x7fffffff));
}

// The largest key such that everything from it upwards satisfies `enough`, or `least` if nothing does: a
// binary search over the bits of floats between `least` and `beyond`, which is above all keys. It ends when
// few are left, which are looked at one by one: nothing of the size of a vocabulary is ever sorted.
//   ranking.above(floor): their mass and number
//   ranking.between(from, below, visit): visit(key, mass) for each of few, the largest key first, while false
template <typename Ranking, typename Enough>
float largest_floor(const Ranking& ranking, float least, float beyond, Enough enough) {
  constexpr int64_t kFew = 128;  // that are sorted rather than halved further
  int64_t low = ordered_bits(least), high = ordered_bits(beyond);
  WeightSum at_low = ranking.above(least), at_high;
  while (at_low.count - at_high.count > kFew && high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    const WeightSum sum = ranking.above(from_ordered_bits(static_cast<int32_t>(middle)));
    if (enough(sum)) {
      low = middle;
      at_low = sum;
    } else {
      high = middle;
      at_high = sum;
    }
  }
  float floor = from_ordered_bits(static_cast<int32_t>(low));
  if (high - low == 1) return floor;  // many equal keys
  ranking.between(floor, from_ordered_bits(static_cast<int32_t>(high)), [&](float key, float mass) {
    at_high.mass += mass;
    ++at_high.count;
    floor = key;
    return enough(at_high);
  });
  return floor;
}

}  // namespace quern::cpu
