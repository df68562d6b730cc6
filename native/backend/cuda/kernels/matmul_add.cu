// x += in w^T + bias.
//   in [rows, w.cols] bf16, x [rows, w.rows] f32
// Bytes: w once, in, x twice. Bound by bytes up to some hundred rows. One launch.
#include "backend/cuda/kernels/product.h"

namespace quern::cuda {

void matmul_add(const MatmulAdd& op, StreamEnd at) {
  Product p;
  p.parts[0] = op.w;
  p.rows = op.rows;
  p.in = static_cast<const __nv_bfloat16*>(op.in);
  p.outcome = Outcome::add;
  p.out = op.x;
  p.workspace = op.workspace;
  multiply(p, at);
}

}  // namespace quern::cuda
