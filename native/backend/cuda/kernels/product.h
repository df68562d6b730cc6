// A product of rows of x with one to three matrices, and what becomes of it: what attention_input,
// matmul_add, ffn_input and logits have in common. Few rows are multiplied by gemv.cuh, more by gemm.cuh, to
// the same bits:
//
// k is cut into eight segments, whole granules of the layout, by the matrix alone. A segment's sum begins at
// zero and goes through its steps in order, of floats by tensor cores all the way, of int8 and int4 as
// fmaf(scale, sum of the step, sum). Segments are added in order, to zero.
#pragma once
#include <cuda_bf16.h>

#include "backend/cuda/kernels/operations.h"

namespace quern::cuda {

constexpr int kSegments = 8;

// The first granule of a segment.
QUERN_HD constexpr int segment_begin(int segment, int granules) {
  return static_cast<int>(static_cast<unsigned>(segment) * granules / kSegments);
}

// The heads that attention_input makes of its products: queries, then keys, then values.
struct Heads {
  StepTables step;
  const float *q_norm = nullptr, *k_norm = nullptr;
  float eps = 0;
  Turn turn;
  KvCache kv;
  int queries = 0;
  __nv_bfloat16* q_out = nullptr;  // [rows, queries * head_dim]
  float* products = nullptr;       // [rows, (queries + 2 kv_heads) * head_dim]
  QUERN_HD int count() const { return queries + 2 * kv.kv_heads; }
};

// `gate` needs both matrices in one encoding; otherwise it is done by `silu` and then `times`.
enum class Outcome : uint8_t { store, add, gate, silu, times, heads };

struct Product {
  Matrix parts[3];  // of one encoding and as many cols
  int part_count = 1;
  int first_tile[3] = {};  // of a part, in the kernel's tiles; the kernel's launcher sets them
  int rows = 0;

  // What is multiplied: rows of bf16, or rows of x that are normalised first.
  const __nv_bfloat16* in = nullptr;  // [rows, cols]
  Norm norm;                          // of x; in: null

  Outcome outcome = Outcome::store;
  float* out = nullptr;  // store, add: [rows, parts[0].rows]
  __nv_bfloat16* gated =
      nullptr;  // [rows, parts[0].rows]. gate: silu(parts[0]) * parts[1]; silu; times: it is multiplied
  Heads heads;  // heads
  int first_head[3] = {};  // of each part
  Workspace workspace;
};

// Cuts parts into tiles of `rows` rows of weights; gate and up share theirs. Gives the number of tiles.
int set_tiles(Product& product, int rows);

void multiply(const Product& product, StreamEnd at);

}  // namespace quern::cuda
