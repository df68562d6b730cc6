// Which kernels do attention: decided by what the host knows of a step, so that a recorded step has a fixed
// number of launches. Which of them takes a row changes nothing of its bits.
#include "backend/cuda/kernels/attention_kernels.h"

namespace quern::cuda {

void attention(const Attention& op, StreamEnd at) {
  const int group = op.heads / op.kv.kv_heads, rows = op.step.rows, sequences = op.step.sequences;
  if (op.is_plain || !lies_in_tiles(op.kv.type, op.kv.head_dim) || op.kv.head_dim > 256)
    return plain_attention(op, at);
  const FewRows few{op.kv.head_dim > 128, group};
  const bool all_are_few = few.all || rows == sequences;  // decoding: one launch
  const bool has_few = all_are_few || sequences > 1 || few(rows * group);
  if (has_few) attend_few_rows(op, few, at);
  if (has_few) at = at.behind_kernel();
  if (!all_are_few && (sequences > 1 || !few(rows * group))) attend_tiles(op, few, at);
}

}  // namespace quern::cuda
