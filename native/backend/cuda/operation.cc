#include "backend/cuda/operation.h"

namespace quern::cuda {

namespace {

struct Launch {
  StreamEnd at;

  void operator()(const Embed& op) const { embed(op, at); }
  void operator()(const Norm& op) const { norm(op, at); }
  void operator()(const AttentionInput& op) const { attention_input(op, at); }
  void operator()(const Attention& op) const { attention(op, at); }
  void operator()(const MatmulAdd& op) const { matmul_add(op, at); }
  void operator()(const FfnInput& op) const { ffn_input(op, at); }
  void operator()(const Logits& op) const { logits(op, at); }
  void operator()(const SampleRows& op) const { sample_rows(op, at); }
  void operator()(const Plain<AttentionInput>& op) const { plain_attention_input(op.operation, at); }
  void operator()(const Plain<Attention>& op) const { plain_attention(op.operation, at); }
  void operator()(const Plain<MatmulAdd>& op) const { plain_matmul_add(op.operation, at); }
  void operator()(const Plain<FfnInput>& op) const { plain_ffn_input(op.operation, at); }
  void operator()(const Plain<Logits>& op) const { plain_logits(op.operation, at); }
};

}  // namespace

void launch(const Operation& operation, StreamEnd at) {
  std::visit(Launch{at}, operation);
}

}  // namespace quern::cuda
