#pragma once
#include <span>
#include <vector>

#include "backend/backend.h"
#include "core/memory.h"

namespace quern::cpu {

// What changes the logits of single tokens before filters look at them. Each takes time in proportion to the
// tokens it is given, never to the vocabulary.
class Penalties {
 public:
  void reserve(int vocab);

  // z += bias
  static void bias(std::span<float> logits, std::span<const LogitBias> biases);
  // z > 0: z / penalty, else z * penalty; once for each token that occurs (Keskar et al. 2019, with the sign
  // as Hugging Face has it).
  void repetition(std::span<float> logits, std::span<const int32_t> tokens, float penalty);
  // z -= frequency * count + presence, for each token that occurs.
  void counts(std::span<float> logits, std::span<const int32_t> tokens, float frequency, float presence);
  // z -= multiplier * base^(n - allowed), where n is the length of the longest suffix of `tokens` that
  // occurred before, followed by the token; see dry.cc.
  void dry(std::span<float> logits, std::span<const int32_t> tokens, const DryOptions& options);

 private:
  Buffer counts_;                 // [vocab] int32, zero between calls
  std::vector<int32_t> matches_;  // [tokens]: of dry
};

}  // namespace quern::cpu
