// Which kernels a product takes. What rows go through does not change their bits.
#include "backend/cuda/kernels/product.h"

#include <climits>

#include "backend/cuda/kernels/gemm.h"
#include "backend/cuda/kernels/gemv.h"
#include "backend/cuda/kernels/heads.cuh"
#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/kernels/previous.cuh"

namespace quern::cuda {
namespace {

constexpr int kFinishThreads = 128;

// A warp a row and head of those that the product has.
__global__ void __launch_bounds__(kFinishThreads)
    finish_heads(const __grid_constant__ Heads heads, int first_head, int count, int rows) {
  wait_for_previous();
  const int at = blockIdx.x * (kFinishThreads / kWarp) + threadIdx.x / kWarp;
  if (at < rows * count) finish_head(heads, at / count, first_head + at % count);
}

void finish_all(const Product& p, StreamEnd at) {
  int count = 0;
  for (int part = 0; part < p.part_count; ++part) count += p.parts[part].rows / p.heads.kv.head_dim;
  constexpr int kOfBlock = kFinishThreads / kWarp;
  launch_kernel("finish_heads", finish_heads, (p.rows * count + kOfBlock - 1) / kOfBlock, kFinishThreads, 0,
                at, p.heads, p.first_head[0], count, p.rows);
}

}  // namespace

int set_tiles(Product& product, int rows) {
  const bool gate = product.outcome == Outcome::gate;
  const int parts = gate ? 1 : product.part_count, of_part = gate ? rows / 2 : rows;
  int tiles = 0;
  for (int part = 0; part < 3; ++part) {
    product.first_tile[part] = part < parts ? tiles : INT_MAX;
    if (part < parts) tiles += (product.parts[part].rows + of_part - 1) / of_part;
  }
  return tiles;
}

void multiply(const Product& product, StreamEnd at) {
  Product p = product;
  const bool few = p.rows <= kMostGemvRows;
  if (!p.in && !(few && gemv_shared_bytes(p) > 0)) {
    p.norm.out = p.workspace.normed;
    p.norm.out_is_bf16 = true;
    norm(p.norm, at);
    at = at.behind_kernel();
    p.in = static_cast<const __nv_bfloat16*>(p.workspace.normed);
  }
  if (few) return launch_gemv(p, at);
  launch_gemm(p, at);
  if (p.outcome == Outcome::heads) finish_all(p, at.behind_kernel());
}

}  // namespace quern::cuda
