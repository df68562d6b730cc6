#include "backend/cuda/operation.h"

namespace quern::cuda {

namespace {

struct Launch {
  StreamHandle stream;

  void operator()(const Embed& op) const { embed(op, stream); }
  void operator()(const Norm& op) const { norm(op, stream); }
  void operator()(const AttentionInput& op) const { attention_input(op, stream); }
  void operator()(const Attention& op) const { attention(op, stream); }
  void operator()(const MatmulAdd& op) const { matmul_add(op, stream); }
  void operator()(const FfnInput& op) const { ffn_input(op, stream); }
  void operator()(const Logits& op) const { logits(op, stream); }
  void operator()(const SampleRows& op) const { sample_rows(op, stream); }
  void operator()(const Plain<AttentionInput>& op) const { plain_attention_input(op.operation, stream); }
  void operator()(const Plain<Attention>& op) const { plain_attention(op.operation, stream); }
  void operator()(const Plain<MatmulAdd>& op) const { plain_matmul_add(op.operation, stream); }
  void operator()(const Plain<FfnInput>& op) const { plain_ffn_input(op.operation, stream); }
  void operator()(const Plain<Logits>& op) const { plain_logits(op.operation, stream); }
};

}  // namespace

void launch(const Operation& operation, StreamHandle stream) {
  std::visit(Launch{stream}, operation);
}

}  // namespace quern::cuda
