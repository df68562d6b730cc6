// Plans of plain models of random numbers, of any size.
#pragma once
#include <string>

#include "plan_lines.h"

namespace quern::test {

struct ModelSizes {
  int layers, hidden, heads, kv_heads, head_dim, ffn, vocab, context;
  bool qk_norm = false;
};

inline std::string random_plan(const ModelSizes& sizes) {
  std::string text = "quern-plan 3\n";
  const auto config = [&](const std::string& name, int value) {
    text += "config " + name + " " + std::to_string(value) + "\n";
  };
  config("hidden", sizes.hidden);
  config("vocab", sizes.vocab);
  config("context_length", sizes.context);
  config("tied_embeddings", 0);
  const LayerLine layers{sizes.layers, sizes.heads, sizes.kv_heads, sizes.head_dim, sizes.ffn, sizes.qk_norm};
  text +=
      "rope 0 theta 10000\nrope 0 dim " + std::to_string(sizes.head_dim) + "\n" + layers.text() + "seed 5\n";
  const auto weight = [&](const std::string& slot, int rows, int cols, const std::string& source) {
    text += "weight " + slot + (rows == 1 ? " f32 " : " bf16 ") + std::to_string(rows) + " " +
            std::to_string(cols) + " " + source + "\n";
  };
  weight("embed", sizes.vocab, sizes.hidden, "random 1");
  for (int layer = 0; layer < sizes.layers; ++layer) {
    const std::string at = "layers." + std::to_string(layer) + ".";
    weight(at + "attention_norm", 1, sizes.hidden, "constant 1");
    weight(at + "q", sizes.heads * sizes.head_dim, sizes.hidden, "random 0.3");
    weight(at + "k", sizes.kv_heads * sizes.head_dim, sizes.hidden, "random 0.3");
    weight(at + "v", sizes.kv_heads * sizes.head_dim, sizes.hidden, "random 0.3");
    if (sizes.qk_norm) {
      weight(at + "q_norm", 1, sizes.head_dim, "constant 1");
      weight(at + "k_norm", 1, sizes.head_dim, "constant 1");
    }
    weight(at + "o", sizes.hidden, sizes.heads * sizes.head_dim, "random 0.3");
    weight(at + "ffn_norm", 1, sizes.hidden, "constant 1");
    weight(at + "gate", sizes.ffn, sizes.hidden, "random 0.3");
    weight(at + "up", sizes.ffn, sizes.hidden, "random 0.3");
    weight(at + "down", sizes.hidden, sizes.ffn, "random 0.3");
  }
  weight("final_norm", 1, sizes.hidden, "constant 1");
  weight("head", sizes.vocab, sizes.hidden, "random 0.4");
  return text + "end\n";
}

}  // namespace quern::test
