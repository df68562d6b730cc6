#pragma once
#include <limits>
#include <vector>

#include "model/config.h"

namespace quern {

// The rotary frequencies of one sequence. All in float64: at position 262,143 a float32 angle is off by up to
// 0.02.
struct RopeFrequencies {
  std::vector<double> inverse;  // [dim / 2]: radians per position
  double attention_factor = 1;  // multiplies cos and sin
};

class Rope {
 public:
  // `longest`: positions that a row sees at most; a longer sequence is turned as one of that length.
  explicit Rope(const RopeConfig& config, int longest = std::numeric_limits<int>::max());

  int dim() const { return config_.dim; }

  // Writes cos and sin [dim / 2] of one position. `prompt_length` is that of the sequence's prompt: with
  // `dynamic` scaling a prompt beyond the trained context is rotated with the one base that belongs to its
  // whole length, and each later token with the base of its own position, as Hugging Face's cached decoding
  // does. So a token's angles never depend on how the prompt was cut.
  void angles(int position, int prompt_length, float* cos, float* sin) const;

  // By what a query is turned that has the angles of `position`, to have those of `to`. Exactly nothing where
  // the two are equal.
  void turn(int position, int to, int prompt_length, float* cos, float* sin) const;

  // Two prompts of equal variants have equal angles at equal positions, for themselves and for what is
  // generated after them: a position beyond the prompt depends on itself alone.
  int variant(int prompt_length) const;

  // A sequence that grows beyond this many tokens has other angles from its first position on, those of a
  // prompt of its length; 0: there is no such length. As Hugging Face does for `longrope`.
  int turning_length() const;

  // The frequencies for a sequence of that many positions.
  RopeFrequencies frequencies(int sequence_length) const;

 private:
  // Those of one position; `own` keeps them where they are no other's.
  const RopeFrequencies& frequencies_at(int position, int prompt_length, RopeFrequencies& own) const;

  RopeConfig config_;
  int longest_;
  RopeFrequencies within_;  // for sequences no longer than the original context
};

}  // namespace quern
