// out = silu(norm(x) gate^T) * (norm(x) up^T).
//   x [rows, hidden] f32 -> out [rows, ffn] bf16
// Bytes: both matrices once, x, out. Bound by bytes up to some hundred rows. A block has the same rows of
// gate and of up, so that what lies between stays in registers. One launch with up to eight rows, else the
// norm before it.
#include "backend/cuda/kernels/product.h"

namespace quern::cuda {

void ffn_input(const FfnInput& op, StreamEnd at) {
  Product p;
  p.rows = op.rows;
  p.norm = {.x = op.x, .weight = op.norm, .eps = op.eps, .rows = op.rows, .cols = op.gate.cols};
  p.gated = static_cast<__nv_bfloat16*>(op.out);
  p.workspace = op.workspace;
  if (op.gate.encoding == op.up.encoding) {
    p.outcome = Outcome::gate;
    p.parts[0] = op.gate;
    p.parts[1] = op.up;
    p.part_count = 2;
    return multiply(p, at);
  }
  p.outcome = Outcome::silu;
  p.parts[0] = op.gate;
  multiply(p, at);
  p.outcome = Outcome::times;
  p.parts[0] = op.up;
  multiply(p, at.behind_kernel());
}

}  // namespace quern::cuda
