// What a row of attention sees, and from where.
#pragma once
#include "backend/cuda/kernels/operations.h"

namespace quern::cuda {

struct Sight {
  int position, lowest, sinks;  // positions below `sinks` and from `lowest` to its own

  __device__ bool sees(int j) const { return j <= position && (j >= lowest || j < sinks); }
  // Whether it sees any of positions [begin, end).
  __device__ bool sees_any(int begin, int end) const {
    return begin <= position && (end > lowest || begin < sinks);
  }
  __device__ bool sees_all(int begin, int end) const {
    return end - 1 <= position && (begin >= lowest || end <= sinks || lowest <= sinks);
  }
};

// The lowest position that is seen from another one, sinks apart.
__host__ __device__ constexpr int lowest_seen(int position, int window) {
  return window > 0 && position >= window ? position - window + 1 : 0;
}

// Where a row counts as being for the sinks: as if nothing lay between them and the window.
__host__ __device__ constexpr int position_for_sinks(int position, int window, int sinks) {
  return sinks > 0 && position > sinks + window - 1 ? sinks + window - 1 : position;
}

__device__ inline const int32_t* pages_of(const StepTables& step, int group, int sequence) {
  return step.pages + step.page_starts[group * step.sequences + sequence];
}

// Number d of a head, turned by a row's angles.
template <typename Numbers>
__device__ inline float turned(const Turn& turn, int64_t row, const Numbers& q, int d) {
  const int half = turn.dim / 2;
  if (d >= turn.dim) return q(d);
  const int pair = d < half ? d : d - half;
  const float cos = turn.cos[row * half + pair], sin = turn.sin[row * half + pair];
  return d < half ? fmaf(q(d), cos, -(q(d + half) * sin)) : fmaf(q(d), cos, q(pair) * sin);
}

}  // namespace quern::cuda
