// The norm over rows of x, one shape of reduction wherever it is done: 256 threads take four numbers in turn,
// a warp's sums meet in a butterfly, those of the eight warps are added in order.
#pragma once
#include "backend/cuda/kernels/mma.cuh"

namespace quern::cuda {

constexpr int kNormThreads = 256;
constexpr int kNormWarps = kNormThreads / kWarp;

// Numbers c .. c + 3 of a row; zeros beyond its end. Rows of x are aligned where cols % 4 == 0.
__device__ __forceinline__ float4 load_four(const float* row, int c, int cols) {
  if (cols % 4 == 0) return c < cols ? *reinterpret_cast<const float4*>(row + c) : float4{0, 0, 0, 0};
  return {c < cols ? row[c] : 0, c + 1 < cols ? row[c + 1] : 0, c + 2 < cols ? row[c + 2] : 0,
          c + 3 < cols ? row[c + 3] : 0};
}

__device__ __forceinline__ float normalised(float number, float inverse, float weight) {
  return number * inverse * weight;
}

__device__ __forceinline__ float add_squares(float sum, float4 four) {
  sum = fmaf(four.x, four.x, sum);
  sum = fmaf(four.y, four.y, sum);
  sum = fmaf(four.z, four.z, sum);
  return fmaf(four.w, four.w, sum);
}

// 1 / sqrt(mean(row^2) + eps) of up to `most` rows, in every thread of a block of 256, from what each has of
// the sums of squares. `sums` is shared and may be used again after another barrier.
template <int most>
__device__ __forceinline__ void inverse_roots(const float (&mine)[most], int count, int cols, float eps,
                                              float (&sums)[most][kNormWarps], float (&inverse)[most]) {
#pragma unroll
  for (int r = 0; r < most; ++r) {
    if (r >= count) break;
    const float sum = warp_sum(mine[r]);
    if (threadIdx.x % kWarp == 0) sums[r][threadIdx.x / kWarp] = sum;
  }
  __syncthreads();
#pragma unroll
  for (int r = 0; r < most; ++r) {
    if (r >= count) break;
    float sum = 0;
    for (int warp = 0; warp < kNormWarps; ++warp) sum += sums[r][warp];
    inverse[r] = 1.0f / sqrtf(sum / static_cast<float>(cols) + eps);
  }
}

template <int most>
__device__ __forceinline__ void inverse_rms(const float* const (&rows)[most], int count, int cols, float eps,
                                            float (&sums)[most][kNormWarps], float (&inverse)[most]) {
  float mine[most] = {};
  for (int c = 4 * threadIdx.x; c < cols; c += 4 * kNormThreads) {
#pragma unroll
    for (int r = 0; r < most; ++r) {
      if (r >= count) break;
      mine[r] = add_squares(mine[r], load_four(rows[r], c, cols));
    }
  }
  inverse_roots<most>(mine, count, cols, eps, sums, inverse);
}

__device__ __forceinline__ uint2 normalised_bf16(float4 four, float inverse, float4 weight) {
  return {pack_bf16(normalised(four.x, inverse, weight.x), normalised(four.y, inverse, weight.y)),
          pack_bf16(normalised(four.z, inverse, weight.z), normalised(four.w, inverse, weight.w))};
}

}  // namespace quern::cuda
