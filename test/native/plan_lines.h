// Lines of plans that tests write.
#pragma once
#include <string>

namespace quern::test {

struct LayerLine {
  int count, heads, kv_heads, head_dim, width;
  bool qk_norm = false, bias = false;
  int window = 0, rope = 0;
  bool alibi = false;

  std::string text() const {
    const auto fact = [](const char* name, int value) {
      return std::string(name) + " " + std::to_string(value) + " ";
    };
    return fact("layers", count) + "mixer attention " + fact("heads", heads) + fact("kv_heads", kv_heads) +
           fact("head_dim", head_dim) + fact("window", window) + fact("rope", rope) + fact("alibi", alibi) +
           "qk_norm " + (qk_norm ? "head" : "none") + " bias " + (bias ? "qkv" : "none") +
           " gate none sinks none keys_and_values own ffn dense " + fact("width", width) +
           "activation silu norms before\n";
  }
};

}  // namespace quern::test
