// What becomes of the products of one row and one head: a norm over the head, rotation, and a place among the
// queries or in a page. A warp does it, in the same shape wherever it is called.
#pragma once
#include "backend/cuda/kernels/norm.cuh"
#include "backend/cuda/kernels/product.h"

namespace quern::cuda {

__device__ __forceinline__ void store_cached(void* to, KvType type, int64_t index, float value) {
  if (type == KvType::f32) {
    static_cast<float*>(to)[index] = value;
  } else if (type == KvType::bf16) {
    static_cast<__nv_bfloat16*>(to)[index] = __float2bfloat16_rn(value);
  } else {
    constexpr float kMost = 65504;  // of f16; what is beyond stays finite
    const float kept = value > kMost ? kMost : value < -kMost ? -kMost : value;
    static_cast<__half*>(to)[index] = __float2half_rn(kept);
  }
}

__device__ inline void finish_head(const Heads& heads, int row, int head) {
  enum class Kind { query, key, value };
  constexpr int kAtOnce = 4;
  const int lane = threadIdx.x % kWarp, head_dim = heads.kv.head_dim;
  const Kind kind = head < heads.queries                       ? Kind::query
                    : head < heads.queries + heads.kv.kv_heads ? Kind::key
                                                               : Kind::value;
  const float* products = heads.products + (int64_t{row} * heads.count() + head) * head_dim;
  const float* weight = kind == Kind::query ? heads.q_norm : kind == Kind::key ? heads.k_norm : nullptr;

  float inverse = 1;
  if (weight) {
    float sum = 0;
#pragma unroll 4
    for (int d = lane; d < head_dim; d += kWarp) {
      const float number = __ldcg(products + d);
      sum = fmaf(number, number, sum);
    }
    inverse = 1.0f / sqrtf(warp_sum(sum) / static_cast<float>(head_dim) + heads.eps);
  }

  const int half = kind != Kind::value && heads.turn.cos ? heads.turn.dim / 2 : 0;
  int64_t part = 0;
  if (kind != Kind::query) {
    const StepTables& step = heads.step;
    const int position = step.row_position[row];
    const int start = step.page_starts[heads.kv.group * step.sequences + step.row_sequence[row]];
    const int page = step.pages[start + position / kPagePositions];
    if (page < 0) return;
    const int kv_head = (head - heads.queries) % heads.kv.kv_heads;
    part = (int64_t{page} * heads.kv.kv_heads + kv_head) * kPagePositions * head_dim;
  }
  for (int first = lane; first < head_dim; first += kAtOnce * kWarp) {
    float mine[kAtOnce], other[kAtOnce], cosine[kAtOnce], sine[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const int d = first + i * kWarp, pair = d < half ? d + half : d - half;
      const bool turns = d < 2 * half && d < head_dim;
      mine[i] = d < head_dim ? __ldcg(products + d) : 0;
      other[i] = turns ? __ldcg(products + pair) : 0;
      if (weight) {
        mine[i] = d < head_dim ? normalised(mine[i], inverse, weight[d]) : 0;
        other[i] = turns ? normalised(other[i], inverse, weight[pair]) : 0;
      }
      cosine[i] = turns ? heads.turn.cos[int64_t{row} * half + min(d, pair)] : 1;
      sine[i] = turns ? heads.turn.sin[int64_t{row} * half + min(d, pair)] : 0;
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const int d = first + i * kWarp;
      if (d >= head_dim) continue;
      float value = mine[i];
      if (d < half)
        value = mine[i] * cosine[i] - other[i] * sine[i];
      else if (d < 2 * half)
        value = mine[i] * cosine[i] + other[i] * sine[i];
      if (kind == Kind::query) {
        heads.q_out[(int64_t{row} * heads.queries + head) * head_dim + d] = __float2bfloat16_rn(value);
      } else {
        const int position = heads.step.row_position[row] % kPagePositions;
        const bool tiled = lies_in_tiles(heads.kv.type, head_dim);
        const int index = !tiled              ? plain_index(head_dim, position, d)
                          : kind == Kind::key ? key_tile_index(position, d)
                                              : value_tile_index(position, d);
        store_cached(kind == Kind::key ? heads.kv.keys : heads.kv.values, heads.kv.type, part + index, value);
      }
    }
  }
}

}  // namespace quern::cuda
