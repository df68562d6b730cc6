#pragma once
#include "backend/cpu/sampling/candidates.h"

namespace quern::cpu {

// Mirostat (Basu, Ramachandran, Keskar and Varshney 2020, arXiv 2007.14966): keeps the surprise of the tokens
// drawn, S = -log2 p, near the target tau, by a limit mu that follows the error: mu -= eta (S - tau).
//
// Version 2 drops the tokens whose surprise is above mu; S is that of the drawn token among those left.
//
// Version 1 takes the top k. It supposes Zipf's law with the exponent s, estimated from the m = 100 likeliest
// tokens (their equation 30), and asks which k gives a surprise of mu (equation 2, N the vocabulary):
//
//   s = sum(t_i b_i) / sum(t_i^2)     t_i = ln((i + 1) / i), b_i = ln(p_i / p_{i+1}), i = 1 .. m
//   k = ((e 2^mu) / (1 - N^-e))^(1/s)     e = s - 1
//
// rounded, at least 1. S is that of the drawn token in the model's distribution, before k cuts it.
class Mirostat {
 public:
  Mirostat(const MirostatOptions& options, float mu) : options_(options), mu_(mu) {}

  void filter(Candidates& candidates, int64_t vocab);
  // mu after the token was drawn from what filter() left.
  float next_mu(const Candidates& candidates, int32_t token) const;

 private:
  const MirostatOptions& options_;
  const float mu_;
  double log_mass_ = 0;  // what probabilities are relative to
};

}  // namespace quern::cpu
