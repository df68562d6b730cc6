// out = softmax(q k^T / sqrt(head_dim) + slope (j - i)) v for one row and one query head a block, in float32.
//
// Shapes: q, out [rows, heads * head_dim]; keys and values in pages, of any type and layout. Bytes: 2 *
// head_dim numbers a position, read again for every row and head. Bound by instructions: 4 a number of a key
// or a value. What counts here is that nothing is rounded to less than float32, and that a row's bits depend
// on its own position alone: it goes through blocks of 128 positions, counted from position 0, with the
// online softmax; a block of which it sees nothing is left out.
//
// A thread scores one position of a block, then owns up to four numbers of the head and sums values over
// the block's positions in order.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "backend/cuda/kernels/attention_sight.cuh"
#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/kernels/previous.cuh"

namespace quern::cuda {
namespace {

constexpr int kThreads = 128, kWarps = kThreads / 32;
constexpr int kBlock = kThreads;  // positions
constexpr int kMostHeadDim = 512, kOwned = kMostHeadDim / kThreads;

__device__ inline float widened(float x) {
  return x;
}
__device__ inline float widened(__half x) {
  return __half2float(x);
}
__device__ inline float widened(__nv_bfloat16 x) {
  return __bfloat162float(x);
}

struct Larger {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};
struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
};

// Of all threads; every thread gets it. `parts` may be used again after the next __syncthreads.
template <typename Fold>
__device__ float fold_block(float x, float* parts, const Fold& fold) {
  for (int other = 16; other > 0; other /= 2) x = fold(x, __shfl_xor_sync(~0u, x, other));
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = x;
  __syncthreads();
  float all = parts[0];
  for (int warp = 1; warp < kWarps; ++warp) all = fold(all, parts[warp]);
  return all;
}

template <typename KV>
__device__ float dot(const float* q, const KV* part, int position, int head_dim, bool in_tiles) {
  float sums[4] = {};
  int d = 0;
  for (; d + 4 <= head_dim; d += 4) {
    const KV* const key =
        part + (in_tiles ? key_tile_index(position, d) : plain_index(head_dim, position, d));
    for (int i = 0; i < 4; ++i) sums[i] = fmaf(q[d + i], widened(key[i]), sums[i]);
  }
  for (; d < head_dim; ++d)  // never in tiles
    sums[0] = fmaf(q[d], widened(part[plain_index(head_dim, position, d)]), sums[0]);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

__device__ inline float load_number(const void* from, int64_t at, bool is_f32) {
  return is_f32 ? static_cast<const float*>(from)[at]
                : __bfloat162float(static_cast<const __nv_bfloat16*>(from)[at]);
}

template <typename KV>
__global__ void __launch_bounds__(kThreads) plain_attention_kernel(Attention op) {
  __shared__ float own_q[kMostHeadDim], sink_q[kMostHeadDim], weights[kBlock], largest_parts[kWarps],
      sum_parts[kWarps];
  wait_for_previous();
  const int head = static_cast<int>(blockIdx.x) % op.heads, row = static_cast<int>(blockIdx.x) / op.heads;
  const int head_dim = op.kv.head_dim, thread = static_cast<int>(threadIdx.x);
  const int kv_head = head / (op.heads / op.kv.kv_heads);
  const int position = op.step.row_position[row];
  const Sight sight{position, lowest_seen(position, op.window), op.sinks};
  const int32_t* const pages = pages_of(op.step, op.kv.group, op.step.row_sequence[row]);
  const bool in_tiles = lies_in_tiles(op.kv.type, head_dim);
  const int64_t at = (static_cast<int64_t>(row) * op.heads + head) * head_dim;
  const float scale = 1.0f / sqrtf(static_cast<float>(head_dim));
  const float slope = op.slopes ? op.slopes[head] : 0.0f;
  const auto part_of = [&](const void* numbers, int j) {
    return static_cast<const KV*>(numbers) +
           (static_cast<int64_t>(pages[j / kPagePositions]) * op.kv.kv_heads + kv_head) * kPagePositions *
               head_dim;
  };

  const auto q = [&](int d) { return load_number(op.q, at + d, op.is_plain); };
  for (int d = thread; d < head_dim; d += kThreads) {
    own_q[d] = q(d);
    if (op.sinks > 0) sink_q[d] = op.sink_turn.cos ? turned(op.sink_turn, row, q, d) : q(d);
  }
  __syncthreads();

  float largest = -INFINITY, sum = 0, owned[kOwned] = {};
  for (int first = 0; first <= position; first += kBlock) {
    if (!sight.sees_any(first, first + kBlock)) continue;
    const int j = first + thread;
    float score = -INFINITY;
    if (sight.sees(j)) {
      const bool is_sink = j < op.sinks;
      const int from = is_sink ? position_for_sinks(position, op.window, op.sinks) : position;
      score = dot(is_sink ? sink_q : own_q, part_of(op.kv.keys, j), j % kPagePositions, head_dim, in_tiles) *
              scale;
      score = fmaf(slope, static_cast<float>(j - from), score);
    }
    const float now = fmaxf(largest, fold_block(score, largest_parts, Larger()));
    const float weight = expf(score - now), rescale = expf(largest - now);
    weights[thread] = weight;
    sum = fmaf(sum, rescale, fold_block(weight, sum_parts, Sum()));  // and all weights are there
    largest = now;
    for (int i = 0; i < kOwned; ++i) owned[i] *= rescale;
    for (int k = 0; k < kBlock; ++k) {
      if (!sight.sees(first + k)) continue;
      const KV* const part = part_of(op.kv.values, first + k);
      for (int i = 0; i < kOwned; ++i) {
        const int d = thread + i * kThreads, in_page = k % kPagePositions;
        if (d < head_dim)
          owned[i] =
              fmaf(weights[k],
                   widened(part[in_tiles ? value_tile_index(in_page, d) : plain_index(head_dim, in_page, d)]),
                   owned[i]);
      }
    }
    __syncthreads();  // before the next block's weights
  }
  for (int i = 0; i < kOwned; ++i) {
    const int d = thread + i * kThreads;
    if (d >= head_dim) continue;
    const float attended = owned[i] / sum;
    if (op.is_plain)
      static_cast<float*>(op.out)[at + d] = attended;
    else
      static_cast<__nv_bfloat16*>(op.out)[at + d] = __float2bfloat16(attended);
  }
}

}  // namespace

void plain_attention(const Attention& op, StreamEnd at) {
  const unsigned blocks = static_cast<unsigned>(op.step.rows) * static_cast<unsigned>(op.heads);
  const auto kernel = op.kv.type == KvType::f32   ? plain_attention_kernel<float>
                      : op.kv.type == KvType::f16 ? plain_attention_kernel<__half>
                                                  : plain_attention_kernel<__nv_bfloat16>;
  launch_kernel("plain_attention", kernel, blocks, kThreads, 0, at, op);
}

}  // namespace quern::cuda
