// Which kernel does attention: decided by what the host knows of a step, so that a recorded step has a fixed
// number of launches.
#include "backend/cuda/kernels/attention_kernels.h"

namespace quern::cuda {

void attention(const Attention& op, StreamHandle stream) {
  if (op.is_plain || !lies_in_tiles(op.kv.type, op.kv.head_dim) || op.kv.head_dim > 256)
    return plain_attention(op, stream);
  attend_few_rows(op, {true, op.heads / op.kv.kv_heads}, stream);
}

}  // namespace quern::cuda
