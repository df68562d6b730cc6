// out = norm(chosen rows of x) head^T.
//   x [*, hidden] f32 -> out [rows, vocab] f32
// Bytes: head once, x, out. Bound by bytes. One launch with up to eight rows, else the norm before it.
#include "backend/cuda/kernels/product.h"

namespace quern::cuda {

void logits(const Logits& op, StreamEnd at) {
  Product p;
  p.parts[0] = op.head;
  p.rows = op.rows;
  p.norm = {.x = op.x,
            .chosen = op.chosen,
            .weight = op.norm,
            .eps = op.eps,
            .rows = op.rows,
            .cols = op.head.cols};
  p.outcome = Outcome::store;
  p.out = op.out;
  p.workspace = op.workspace;
  multiply(p, at);
}

}  // namespace quern::cuda
