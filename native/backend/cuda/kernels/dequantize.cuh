// What a lane reads of a row of weights, and the bf16 operands that it makes of it. A granule is as many
// steps of 32 numbers as one read covers: one of floats, two of int8, four of int4. Of each step a lane has
// eight numbers, as four registers of two.
#pragma once
#include "backend/cuda/kernels/matrix.h"
#include "backend/cuda/kernels/mma.cuh"

namespace quern::cuda {

// (a * 1 + b) of two bf16, exact where the sum is a bf16.
__device__ __forceinline__ uint32_t add_bf16(uint32_t a, uint32_t b) {
  uint32_t sum;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(sum) : "r"(a), "r"(0x3f803f80u), "r"(b));
  return sum;
}

// (bits & mask) | exponent, in one instruction.
template <uint32_t mask>
__device__ __forceinline__ uint32_t behind(uint32_t exponent, uint32_t bits) {
  uint32_t number;
  asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(number) : "r"(bits), "n"(mask), "r"(exponent));
  return number;
}

template <Encoding encoding>
struct Layout {
  static constexpr bool has_scales = encoding == Encoding::int8 || encoding == Encoding::int4;
  static constexpr int steps = stride_granule(encoding) / kStepNumbers;        // of a granule
  static constexpr int bytes = row_bytes(encoding, stride_granule(encoding));  // of a granule
  static constexpr int lane_bytes = bytes / 4;
  static constexpr int reads = lane_bytes / 16;  // of 16 bytes, a lane and granule
};

// Scales of a granule's steps.
template <Encoding encoding>
__device__ __forceinline__ uint2 load_scales(const uint16_t* scales) {
  if constexpr (encoding == Encoding::int4) return __ldg(reinterpret_cast<const uint2*>(scales));
  if constexpr (encoding == Encoding::int8) return {__ldg(reinterpret_cast<const uint32_t*>(scales)), 0};
  return {};
}
__device__ __forceinline__ float scale_of(uint2 scales, int step) {
  const uint32_t word = step < 2 ? scales.x : scales.y;
  return __half2float(__ushort_as_half(static_cast<uint16_t>(step % 2 ? word >> 16 : word)));
}

// The numbers of one step.
template <Encoding encoding>
__device__ __forceinline__ void operands_of(const uint4 (&read)[Layout<encoding>::reads], int step,
                                            uint32_t (&numbers)[4]) {
  const uint32_t words[4] = {read[0].x, read[0].y, read[0].z, read[0].w};
  if constexpr (encoding == Encoding::bf16) {
#pragma unroll
    for (int i = 0; i < 4; ++i) numbers[i] = words[i];
  } else if constexpr (encoding == Encoding::f16) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float2 pair = __half22float2(*reinterpret_cast<const __half2*>(&words[i]));
      numbers[i] = pack_bf16(pair.x, pair.y);
    }
  } else if constexpr (encoding == Encoding::f32) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      numbers[2 * i] = pack_bf16(__uint_as_float(read[i].x), __uint_as_float(read[i].y));
      numbers[2 * i + 1] = pack_bf16(__uint_as_float(read[i].z), __uint_as_float(read[i].w));
    }
  } else if constexpr (encoding == Encoding::int8) {
    // A byte's lower seven bits behind the exponent of 128 are 128 + bits; what is taken off again is 128, or
    // 256 where the byte is negative, and that is the byte's own sign bit behind the same exponent.
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const uint32_t pair = __byte_perm(words[2 * step + i / 2], 0, i % 2 ? 0x4342 : 0x4140);
      numbers[i] = add_bf16(behind<0x007f007f>(0x43004300, pair), behind<0x00800080>(0xc300c300, pair));
    }
  } else {
    // A nibble behind the exponent of 128 is 128 + nibble; 136 is taken off again.
#pragma unroll
    for (int i = 0; i < 4; ++i)
      numbers[i] = add_bf16(behind<0x000f000f>(0x43004300, words[step] >> (4 * i)), 0xc308c308);
  }
}

// Moves what was read on by a step, so that the next one is step 0.
template <Encoding encoding>
__device__ __forceinline__ void pass_step(uint4 (&read)[Layout<encoding>::reads]) {
  if constexpr (encoding == Encoding::int8) read[0] = {read[0].z, read[0].w, 0, 0};
  if constexpr (encoding == Encoding::int4) read[0] = {read[0].y, read[0].z, read[0].w, 0};
}

}  // namespace quern::cuda
