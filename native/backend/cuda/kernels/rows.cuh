// Rows of activations in bf16.
#pragma once
#include "backend/cuda/kernels/mma.cuh"

namespace quern::cuda {

// Eight numbers of row `row` of in [*, cols] from `column` on; zeros beyond its end.
__device__ __forceinline__ uint4 load_eight(const __nv_bfloat16* in, int cols, int row, int column) {
  const __nv_bfloat16* from = in + int64_t{row} * cols + column;
  if (cols % 8 == 0) return column < cols ? load_sixteen_bytes(from) : uint4{0, 0, 0, 0};
  uint32_t words[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const uint32_t low = column + 2 * i < cols ? __bfloat16_as_ushort(from[2 * i]) : 0;
    const uint32_t high = column + 2 * i + 1 < cols ? __bfloat16_as_ushort(from[2 * i + 1]) : 0;
    words[i] = low | high << 16;
  }
  return {words[0], words[1], words[2], words[3]};
}

}  // namespace quern::cuda
