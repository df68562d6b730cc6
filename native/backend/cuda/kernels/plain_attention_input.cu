// h = norm(x); q, k, v = h w^T + bias, each head of q and k normed where there are weights for that, then
// turned; keys and values go to their pages. In float32: precision 'exact'
//
// Shapes: x [rows, hidden] f32; q out [rows, heads * head_dim] f32; keys and values as kv_cache.h says, f32,
// f16 or bf16.
// Bytes and bound: those of the products (plain_product.cu). What is here reads 4 bytes of each of their
// numbers twice, from the L1 cache the second time.
// Design: norm, three products into scratch, then a warp for each head of a row. A pair of numbers that turn
// together is half a rotation apart, so a lane reads both instead of asking another lane.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/kernels/plain_product.h"
#include "backend/cuda/kernels/previous.cuh"

namespace quern::cuda {

namespace {

constexpr int kWarp = 32, kWarps = 4;

__device__ __forceinline__ void store_number(void* part, KvType type, int index, float value) {
  if (type == KvType::f32)
    static_cast<float*>(part)[index] = value;
  else if (type == KvType::f16)
    static_cast<__half*>(part)[index] = __float2half_rn(value);
  else
    static_cast<__nv_bfloat16*>(part)[index] = __float2bfloat16_rn(value);
}

// Number d of a head, normed.
struct Head {
  const float* numbers;
  const float* norm;
  float scale;
  __device__ __forceinline__ float operator[](int d) const {
    return norm == nullptr ? numbers[d] : numbers[d] * scale * norm[d];
  }
};

__device__ __forceinline__ float turned(const Head& head, const Turn& turn, int row, int d) {
  const int half = turn.dim / 2;
  if (turn.cos == nullptr || d >= 2 * half) return head[d];
  const int pair = d < half ? d : d - half;
  const float cos = turn.cos[static_cast<int64_t>(row) * half + pair];
  const float sin = turn.sin[static_cast<int64_t>(row) * half + pair];
  const float first = head[pair], second = head[pair + half];
  return d < half ? fmaf(first, cos, -(second * sin)) : fmaf(second, cos, first * sin);
}

__global__ void __launch_bounds__(kWarp* kWarps) plain_heads_kernel(AttentionInput op) {
  wait_for_previous();
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int row = static_cast<int>(blockIdx.x), head_dim = op.kv.head_dim, kv_heads = op.kv.kv_heads;
  const int heads = op.q.rows / head_dim;
  const int index = static_cast<int>(blockIdx.y) * kWarps + static_cast<int>(threadIdx.x) / kWarp;
  if (index >= heads + 2 * kv_heads) return;
  const bool is_query = index < heads, is_key = !is_query && index < heads + kv_heads;

  Head head;
  head.numbers =
      op.workspace.products + (static_cast<int64_t>(row) * (heads + 2 * kv_heads) + index) * head_dim;
  head.norm = is_query ? op.q_norm : is_key ? op.k_norm : nullptr;
  head.scale = 1;
  if (head.norm != nullptr) {
    float squares = 0;
    for (int d = lane; d < head_dim; d += kWarp) squares = fmaf(head.numbers[d], head.numbers[d], squares);
#pragma unroll
    for (int apart = kWarp / 2; apart > 0; apart /= 2)
      squares += __shfl_xor_sync(0xffffffffu, squares, apart);
    head.scale = 1.0f / sqrtf(squares / static_cast<float>(head_dim) + op.eps);
  }
  if (is_query) {
    float* const out = static_cast<float*>(op.q_out) + (static_cast<int64_t>(row) * heads + index) * head_dim;
    for (int d = lane; d < head_dim; d += kWarp) out[d] = turned(head, op.turn, row, d);
    return;
  }

  const int kv_head = (index - heads) % kv_heads;
  const int position = op.step.row_position[row];
  const int start = op.step.page_starts[op.kv.group * op.step.sequences + op.step.row_sequence[row]];
  const int page = op.step.pages[start + position / kPagePositions];
  if (page < 0) return;  // nobody will see it
  const int place = position % kPagePositions;
  const int64_t part = (static_cast<int64_t>(page) * kv_heads + kv_head) * kPagePositions * head_dim;
  const int64_t bytes = part * (op.kv.type == KvType::f32 ? 4 : 2);
  void* const into = static_cast<char*>(is_key ? op.kv.keys : op.kv.values) + bytes;
  const bool tiles = lies_in_tiles(op.kv.type, head_dim);
  for (int d = lane; d < head_dim; d += kWarp) {
    const int at = !tiles   ? plain_index(head_dim, place, d)
                   : is_key ? key_tile_index(place, d)
                            : value_tile_index(place, d);
    store_number(into, op.kv.type, at, is_key ? turned(head, op.turn, row, d) : head[d]);
  }
}

}  // namespace

void plain_attention_input(const AttentionInput& op, StreamEnd at) {
  const int rows = op.step.rows, width = op.q.rows + op.k.rows + op.v.rows;
  norm({op.x, nullptr, op.norm, op.eps, rows, op.q.cols, op.workspace.normed, false}, at);
  at = at.behind_kernel();
  const auto* const normed = static_cast<const float*>(op.workspace.normed);
  float* into = op.workspace.products;
  for (const Matrix* w : {&op.q, &op.k, &op.v}) {
    plain_product({*w, normed, rows, into, width, Finish::store}, at);
    into += w->rows;
  }
  const int heads = width / op.kv.head_dim;
  const dim3 grid(static_cast<unsigned>(rows), static_cast<unsigned>((heads + kWarps - 1) / kWarps));
  launch_kernel("plain_heads", plain_heads_kernel, grid, kWarp * kWarps, 0, at, op);
}

}  // namespace quern::cuda
