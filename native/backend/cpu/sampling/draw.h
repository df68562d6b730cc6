#pragma once
#include <algorithm>
#include <cstdint>

#include "backend/cpu/kernels/kernels.h"

namespace quern::cpu {

constexpr int64_t kDrawBlock = 2048;  // weights that are summed before a draw looks at single ones

// Among weights of at least `floor`, in the order of ids: the token at which the running sum passes the
// draw's share of the whole.  weights: [count], masses: [count / kDrawBlock, rounded up]
inline int32_t draw_token(const Kernels& kernels, const float* weights, int64_t count, float floor,
                          double uniform, double* masses) {
  double total = 0;
  for (int64_t block = 0; block * kDrawBlock < count; ++block) {
    const int64_t first = block * kDrawBlock;
    masses[block] = kernels.sum_above(weights + first, std::min(kDrawBlock, count - first), floor).mass;
    total += masses[block];
  }
  int64_t first = 0;  // of the block that holds the draw, or of the last one that holds anything
  double before = 0, passed = 0;
  for (int64_t block = 0; block * kDrawBlock < count && passed <= uniform * total; ++block) {
    if (masses[block] == 0) continue;
    first = block * kDrawBlock;
    before = passed;
    passed += masses[block];
  }
  double left = uniform * total - before;
  int32_t token = 0;
  for (int64_t i = first; i < std::min(first + kDrawBlock, count) && left >= 0; ++i) {
    if (weights[i] < floor || weights[i] == 0) continue;
    token = static_cast<int32_t>(i);
    left -= weights[i];
  }
  return token;
}

}  // namespace quern::cpu
