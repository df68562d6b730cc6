// A row of logits as the kernels of sampling.cu see it: chunks of 128 numbers, each looked at by a warp, lane
// l having numbers 32 j + l. Which kernel and which warp looks does not matter to any result: floats are
// added in fixed orders, and the masses that draws go by are integers.
#pragma once
#include <math_constants.h>

#include "backend/cuda/kernels/sampling.h"

namespace quern::cuda {

constexpr int kLaneNumbers = kChunkNumbers / 32;
constexpr unsigned kAllLanes = 0xffffffffu;
constexpr uint32_t kAllKeys = 0x7f800000u;  // that of -infinity
// The mass of the likeliest token. A vocabulary of 2^20 has at most 2^63 together.
constexpr float kMassOfOne = 0x1p43f;

using Mass = unsigned long long;

// What is left of a row: tokens whose key is at most `most` and whose weight is at least `least`.
struct Filter {
  float largest, scale;
  uint32_t most = kAllKeys;
  float least = 0;
};

// t = (logit - largest) / temperature, which is 0 or below, as an integer: the likelier, the smaller. What is
// no number has a key beyond all.
__device__ __forceinline__ float distance_of(float logit, float largest, float scale) {
  return (logit - largest) * scale;
}
__device__ __forceinline__ uint32_t key_of(float distance) {
  return __float_as_uint(distance) & 0x7fffffffu;
}
__device__ __forceinline__ float distance_at(uint32_t key) {
  return -__uint_as_float(key);
}
__device__ __forceinline__ Mass mass_at(uint32_t key) {
  return __float2ull_rn(expf(distance_at(key)) * kMassOfOne);
}
__device__ __forceinline__ Mass mass_of(float logit, const Filter& filter) {
  const uint32_t key = key_of(distance_of(logit, filter.largest, filter.scale));
  if (key > filter.most) return 0;
  const float weight = expf(distance_at(key));
  return weight >= filter.least ? __float2ull_rn(weight * kMassOfOne) : 0;
}

// A row, and what is known of its chunks.
struct RowView {
  const float* logits;
  int vocab;
  float* largest;  // [chunks]
  int chunks;
  Mass* masses;  // [chunks]
};

// ---- warps

__device__ __forceinline__ int lane_id() {
  return static_cast<int>(threadIdx.x) % 32;
}
__device__ __forceinline__ int warp_id() {
  return static_cast<int>(threadIdx.x) / 32;
}

template <typename T>
__device__ __forceinline__ T from_lane(T value, int apart) {
  return __shfl_xor_sync(kAllLanes, value, apart);
}
// Of the first `lanes` lanes, and of each so many after them; for every lane.
template <typename T, typename Combine>
__device__ __forceinline__ T warp_combine(T value, Combine combine, int lanes = 32) {
#pragma unroll
  for (int apart = 16; apart > 0; apart /= 2)
    if (apart < lanes) value = combine(value, from_lane(value, apart));
  return value;
}
template <typename T>
__device__ __forceinline__ T warp_sum(T value) {
  return warp_combine(value, [](const T& a, const T& b) { return a + b; });
}
__device__ __forceinline__ float warp_largest(float value) {
  return warp_combine(value, [](float a, float b) { return fmaxf(a, b); });
}
// Of this lane and those below it.
__device__ __forceinline__ Mass warp_running_sum(Mass value) {
#pragma unroll
  for (int apart = 1; apart < 32; apart *= 2) {
    const Mass below = __shfl_up_sync(kAllLanes, value, apart);
    value += lane_id() >= apart ? below : 0;
  }
  return value;
}

// Numbers of a chunk; behind the row's end, and in place of what is no number, -infinity.
__device__ __forceinline__ void load_chunk(const float* row, int vocab, int chunk,
                                           float (&out)[kLaneNumbers]) {
#pragma unroll
  for (int j = 0; j < kLaneNumbers; ++j) {
    const int token = chunk * kChunkNumbers + 32 * j + lane_id();
    out[j] = token < vocab ? fmaxf(row[token], -CUDART_INF_F) : -CUDART_INF_F;
  }
}
__device__ __forceinline__ float largest_of(const float (&numbers)[kLaneNumbers]) {
  float largest = numbers[0];
#pragma unroll
  for (int j = 1; j < kLaneNumbers; ++j) largest = fmaxf(largest, numbers[j]);
  return warp_largest(largest);
}

__device__ __forceinline__ Mass chunk_mass(const float* logits, int vocab, int chunk, const Filter& filter) {
  float numbers[kLaneNumbers];
  load_chunk(logits, vocab, chunk, numbers);
  Mass mass = 0;
#pragma unroll
  for (int j = 0; j < kLaneNumbers; ++j) mass += mass_of(numbers[j], filter);
  return warp_sum(mass);
}

// ---- blocks

// Room for what the warps of a block tell each other: 32 of them at most, a power of two.
template <typename T>
struct BlockScratch {
  T of_warp[32];
};

// For every thread. What the warps had is in scratch.of_warp until the next use.
template <typename T, typename Combine>
__device__ __forceinline__ T block_combine(T value, BlockScratch<T>& scratch, Combine combine) {
  const int warps = static_cast<int>(blockDim.x) / 32;
  value = warp_combine(value, combine);
  __syncthreads();
  if (lane_id() == 0) scratch.of_warp[warp_id()] = value;
  __syncthreads();
  return warp_combine(scratch.of_warp[lane_id() % warps], combine, warps);
}
template <typename T>
__device__ __forceinline__ T block_sum(T value, BlockScratch<T>& scratch) {
  return block_combine(value, scratch, [](const T& a, const T& b) { return a + b; });
}
__device__ __forceinline__ float block_largest(float value, BlockScratch<float>& scratch) {
  return block_combine(value, scratch, [](float a, float b) { return fmaxf(a, b); });
}
// The largest of the chunks' numbers.
__device__ __forceinline__ float largest_chunk(const float* chunks, int count, BlockScratch<float>& scratch) {
  float largest = -CUDART_INF_F;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x))
    largest = fmaxf(largest, chunks[i]);
  return block_largest(largest, scratch);
}

}  // namespace quern::cuda
