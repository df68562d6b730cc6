// Where a sum of a product goes: bias, then what the operation makes of it. The same expressions after either
// kernel.
#pragma once
#include "backend/cuda/kernels/product.h"

namespace quern::cuda {

__device__ __forceinline__ float with_bias(const Matrix& matrix, int row, float sum) {
  return matrix.bias ? sum + matrix.bias[row] : sum;
}

__device__ __forceinline__ float silu(float number) {
  return number / (1.0f + expf(-number));
}

// `sum` of row `weight_row` of a part with row `row` of x. Outcome::gate: `up` is the sum of the other part.
__device__ __forceinline__ void emit(const Product& p, int part, int weight_row, int row, float sum,
                                     float up) {
  const Matrix& matrix = p.parts[part];
  const float value = with_bias(matrix, weight_row, sum);
  const int64_t index = int64_t{row} * matrix.rows + weight_row;
  switch (p.outcome) {
    case Outcome::store:
      p.out[index] = value;
      break;
    case Outcome::add:
      p.out[index] += value;
      break;
    case Outcome::gate:
      p.gated[index] = __float2bfloat16_rn(silu(value) * with_bias(p.parts[1], weight_row, up));
      break;
    case Outcome::silu:
      p.gated[index] = __float2bfloat16_rn(silu(value));
      break;
    case Outcome::times:
      p.gated[index] = __float2bfloat16_rn(__bfloat162float(p.gated[index]) * value);
      break;
    case Outcome::heads: {
      const Heads& heads = p.heads;
      const int64_t first = (int64_t{row} * heads.count() + p.first_head[part]) * heads.kv.head_dim;
      heads.products[first + weight_row] = value;
      break;
    }
  }
}

}  // namespace quern::cuda
