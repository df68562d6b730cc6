// RMSNorm of rows: out = x / sqrt(mean(x^2) + eps) * weight.
//   x [*, cols] f32 -> out [rows, cols] f32 or bf16
// Bytes: cols * 4 read (the second time from the first cache), cols * 2 or 4 written, a row. Bound by bytes:
// a block a row, 16 bytes a load. In decode with few rows nobody calls it: products normalise on their way.
#include "backend/cuda/kernels/norm.cuh"

#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/kernels/operations.h"
#include "backend/cuda/kernels/previous.cuh"

namespace quern::cuda {
namespace {

__device__ __forceinline__ void store_number(void* out, int64_t index, bool is_bf16, float value) {
  if (is_bf16)
    static_cast<__nv_bfloat16*>(out)[index] = __float2bfloat16_rn(value);
  else
    static_cast<float*>(out)[index] = value;
}

__global__ void __launch_bounds__(kNormThreads) norm_kernel(const Norm op) {
  wait_for_previous();
  __shared__ float sums[1][kNormWarps];
  const int row = blockIdx.x, cols = op.cols;
  const float* x = op.x + int64_t{op.chosen ? op.chosen[row] : row} * cols;
  float inverse[1];
  inverse_rms<1>({x}, 1, cols, op.eps, sums, inverse);
  const int64_t first = int64_t{row} * cols;
  for (int c = 4 * threadIdx.x; c < cols; c += 4 * kNormThreads) {
    const float4 four = load_four(x, c, cols), weight = load_four(op.weight, c, cols);
    if (cols % 4 == 0 && op.out_is_bf16) {
      *reinterpret_cast<uint2*>(static_cast<__nv_bfloat16*>(op.out) + first + c) =
          normalised_bf16(four, inverse[0], weight);
      continue;
    }
    const float out[4] = {normalised(four.x, inverse[0], weight.x), normalised(four.y, inverse[0], weight.y),
                          normalised(four.z, inverse[0], weight.z), normalised(four.w, inverse[0], weight.w)};
    if (cols % 4 == 0) {
      *reinterpret_cast<float4*>(static_cast<float*>(op.out) + first + c) =
          float4{out[0], out[1], out[2], out[3]};
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (c + i < cols) store_number(op.out, first + c + i, op.out_is_bf16, out[i]);
    }
  }
}

}  // namespace

void norm(const Norm& op, StreamEnd at) {
  launch_kernel("norm", norm_kernel, op.rows, kNormThreads, 0, at, op);
}

}  // namespace quern::cuda
