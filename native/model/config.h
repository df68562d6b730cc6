#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace quern {

// How rotary angles are scaled. Formulas and sources: rope.cc.
struct RopeScaling {
  enum class Type { none, linear, dynamic, yarn, llama3, longrope } type = Type::none;
  double factor = 1;
  double original_context = 0;
  double low_freq_factor = 1, high_freq_factor = 4;  // llama3
  double beta_fast = 32, beta_slow = 1;              // yarn
  double mscale = 0, mscale_all_dim = 0;             // yarn
  bool truncate = true;                              // yarn: round the ends of the ramp
  double attention_factor = 0;                       // yarn, longrope; 0: derived
  std::vector<double> short_factors, long_factors;   // longrope: [dim / 2]
};

// A rotary embedding.
struct RopeConfig {
  double theta = 10000;
  int dim = 0;  // how many of a head's first numbers rotate
  RopeScaling scaling;
};

// Softmax attention over the tokens before. What a plan says beyond it (gates, sinks, keys and values of
// other layers) has one value each today: see layer_facts in plan_config.cc.
struct AttentionMixer {
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int window = 0;        // positions that a row sees, its own included; 0: all before it
  int rope = -1;         // index into DecoderConfig::ropes; -1: no rotation
  bool alibi = false;    // scores fall with the distance, by a slope of each head
  bool qk_norm = false;  // RMSNorm over each query and key head before the rotation
  bool qkv_bias = false;
  int64_t q_cols() const { return int64_t{heads} * head_dim; }
  int64_t kv_cols() const { return int64_t{kv_heads} * head_dim; }
};

// A gated feed-forward network: down(silu(gate x) * up x).
struct DenseFfn {
  int width = 0;
};

// A mixer, then a feed-forward network, each behind a norm and added to the residual stream. Other kinds of
// the two become alternatives to these once there are any.
struct LayerSpec {
  AttentionMixer mixer;
  DenseFfn ffn;
};

// Attention sinks: a row sees the first `sinks` positions and the last `window`, its own included, as if
// nothing had ever stood between them, so a sequence may grow for ever (Xiao et al. 2023, StreamingLLM).
struct Streaming {
  int sinks = 0;
  int window = 0;  // 0: a row sees all before it
  int seen() const { return sinks + window; }
};

// What makes one decoder different from another; the neutral values are those of a plain pre-norm decoder.
struct DecoderConfig {
  std::vector<LayerSpec> layers;
  std::vector<RopeConfig> ropes;
  int hidden = 0;
  int vocab = 0;
  double norm_eps = 1e-6;
  int context_length = 0;
  bool tied_embeddings = false;
  Streaming streaming;  // not the model's: how it is run. Its window is then that of every layer.
};

}  // namespace quern
