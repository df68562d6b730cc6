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
  std::vector<double> short_factors, long_factors;   // longrope: [rope_dim / 2]
};

// What makes one decoder different from another; the neutral values are those of a plain pre-norm decoder.
struct DecoderConfig {
  int layers = 0;
  int hidden = 0;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int ffn = 0;
  int vocab = 0;
  double norm_eps = 1e-6;
  int context_length = 0;
  double rope_theta = 10000;
  int rope_dim = 0;  // how many of a head's first numbers rotate
  RopeScaling rope_scaling;
  bool qk_norm = false;  // RMSNorm over each query and key head before the rotation
  bool qkv_bias = false;
  bool tied_embeddings = false;
};

}  // namespace quern
