// Eight neighbouring numbers of a weight's row as float32, exactly: a piece is numbers 8 p .. 8 p + 7.
#pragma once
#include <cuda_fp16.h>

#include "backend/cuda/kernels/matrix.h"

namespace quern::cuda {

constexpr int kPieceNumbers = 8;
constexpr int kStepPieces = kStepNumbers / kPieceNumbers;
template <Encoding encoding>
constexpr int64_t kPieceBytes = row_bytes(encoding, kPieceNumbers);

__device__ __forceinline__ float f16_bits_to_f32(uint32_t bits) {
  return __half2float(__ushort_as_half(static_cast<unsigned short>(bits)));
}

__device__ __forceinline__ float scale_of(const Matrix& matrix, int row, int piece) {
  const int64_t steps = matrix.stride / kStepNumbers;
  return f16_bits_to_f32(matrix.scales[row * steps + piece / kStepPieces]);
}

template <Encoding encoding>
__device__ __forceinline__ void decode_piece(const Matrix& matrix, int row, int piece, float (&out)[8]) {
  const auto* const bytes = static_cast<const char*>(matrix.numbers) +
                            row * (matrix.stride / kPieceNumbers * kPieceBytes<encoding>);
  const int step = piece / kStepPieces, t = piece % kStepPieces;
  if constexpr (encoding == Encoding::f32) {
    const auto* const from = reinterpret_cast<const float4*>(bytes) + piece * 2;
    const float4 a = from[0], b = from[1];
    out[0] = a.x, out[1] = a.y, out[2] = a.z, out[3] = a.w;
    out[4] = b.x, out[5] = b.y, out[6] = b.z, out[7] = b.w;
  } else if constexpr (encoding == Encoding::f16 || encoding == Encoding::bf16) {
    const uint4 four = reinterpret_cast<const uint4*>(bytes)[piece];
    const uint32_t words[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const uint32_t word = words[i];
      out[2 * i] = encoding == Encoding::bf16 ? __uint_as_float(word << 16) : f16_bits_to_f32(word & 0xffff);
      out[2 * i + 1] =
          encoding == Encoding::bf16 ? __uint_as_float(word & 0xffff0000u) : f16_bits_to_f32(word >> 16);
    }
  } else if constexpr (encoding == Encoding::int8) {
    const float scale = scale_of(matrix, row, piece);
    const uint2 two = *reinterpret_cast<const uint2*>(bytes + step / 2 * 64 + t * 16 + step % 2 * 8);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const uint32_t word = i < 4 ? two.x : two.y;
      out[i] = scale * static_cast<float>(static_cast<int8_t>(word >> 8 * (i % 4)));
    }
  } else {
    const float scale = scale_of(matrix, row, piece);
    const uint32_t word = *reinterpret_cast<const uint32_t*>(bytes + step / 4 * 64 + t * 16 + step % 4 * 4);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int nibble = i / 2 + i % 2 * 4;
      out[i] = scale * static_cast<float>(static_cast<int>(word >> 4 * nibble & 15) - 8);
    }
  }
}

}  // namespace quern::cuda
