// q, k, v = norm(x) w^T + bias for three matrices; queries and keys are normalised over each head and
// rotated; keys and values go to their pages.
//   x [rows, hidden] f32 -> q_out [rows, heads * head_dim] bf16, pages of keys and values
// Bytes: the three matrices once, x; the rest is small. Bound by bytes up to some hundred rows. With up to
// eight rows it is one launch: blocks normalise x for themselves, and the last block of a head finishes the
// head.
#include "backend/cuda/kernels/heads.cuh"
#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/kernels/product.h"

namespace quern::cuda {

void attention_input(const AttentionInput& op, StreamEnd at) {
  Product p;
  p.rows = op.step.rows;
  p.norm = {.x = op.x, .weight = op.norm, .eps = op.eps, .rows = p.rows, .cols = op.q.cols};
  p.outcome = Outcome::heads;
  p.workspace = op.workspace;
  Heads& heads = p.heads;
  heads = {
      .step = op.step, .q_norm = op.q_norm, .k_norm = op.k_norm, .eps = op.eps, .turn = op.turn, .kv = op.kv};
  heads.queries = op.q.rows / op.kv.head_dim;
  heads.q_out = static_cast<__nv_bfloat16*>(op.q_out);
  heads.products = op.workspace.products;

  const Matrix matrices[3] = {op.q, op.k, op.v};
  const int first_head[3] = {0, heads.queries, heads.queries + op.kv.kv_heads};
  // One launch for as many neighbours as have one encoding: for all three, as a rule.
  for (int first = 0, last; first < 3; first = last) {
    p.part_count = 0;
    for (last = first; last < 3 && matrices[last].encoding == matrices[first].encoding; ++last) {
      p.first_head[p.part_count] = first_head[last];
      p.parts[p.part_count++] = matrices[last];
    }
    multiply(p, at);
    at = at.behind_kernel();
  }
}

}  // namespace quern::cuda
