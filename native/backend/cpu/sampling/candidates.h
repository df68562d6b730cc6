#pragma once
#include <limits>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/sampling/ranking.h"
#include "core/memory.h"

namespace quern::cpu {

struct Candidate {
  int32_t token = 0;
  float logit = 0;
  double weight = 0;  // e^(logit - base)
};

// Memory that the candidates of one row work in. Committed where it is touched.
struct CandidateScratch {
  void reserve(int vocab);

  Buffer weights, keys;  // [vocab] float32 each
  Buffer ids;            // [vocab] int32
  Buffer block_masses;   // [vocab / kDrawBlock, rounded up] float64
  std::vector<Candidate> few, drawn;
  Ranking::Scratch ranking;
};

// The tokens of one row that filters have left. They begin as the whole row, where dropping a token makes its
// logit -infinity, in place: a filter is some vectorised passes. Once kMostFew or fewer are left they are
// copied out, sorted, and worked on in float64. Tokens that tie with the last one that a filter keeps are
// kept.
class Candidates {
 public:
  static constexpr int64_t kMostFew = 1024;

  Candidates(const Kernels& kernels, CandidateScratch& scratch, std::span<float> logits)
      : kernels_(kernels), scratch_(scratch), logits_(logits) {}

  // The whole row, to change single logits.
  std::span<float> row();

  void divide(float temperature);      // keeps the largest where that would make infinity of it
  void keep_largest();                 // one: the lowest id
  void top_k(int64_t k);               // the k likeliest
  void top_p(double p);                // the likeliest that together reach p
  void min_p(double share);            // at least this share as likely as the likeliest
  void top_n_sigma(double n);          // at most n standard deviations below the largest logit
  void typical_p(double p);            // the nearest to the average surprise that together reach p
  void xtc(double threshold);          // without all but the least likely of those that reach the threshold
  void at_most_surprise(double bits);  // at least the likeliest

  // ln of the sum of e^logit, and a token's logit: together its probability.
  double log_mass();
  double logit(int32_t token) const;
  // The likeliest, in order: at least `count` of them, if there are so many.
  std::span<const Candidate> likeliest(int64_t count);

  // The token at which the running sum of probabilities, in the order of ids, passes `uniform`.
  int32_t draw(double uniform);
  // The probabilities of all tokens.  out: [vocab]
  void write(std::span<float> out);

  // Nothing that can be drawn is left, or the largest is infinite: so it was to begin with.
  bool empty();

 private:
  int64_t size() const { return static_cast<int64_t>(logits_.size()); }
  float* weights();  // [vocab], of the whole row
  Ranking ranking(const float* keys);
  float largest();
  double mass();
  void keep(const float* keys, float floor, float ceiling = std::numeric_limits<float>::infinity());
  void keep_logits(float floor);
  void keep_down_to(double depth);
  void gather(float floor);
  void use_few();
  void weigh_few();
  void forget_largest();
  void truncate(size_t count);

  const Kernels& kernels_;
  CandidateScratch& scratch_;
  std::span<float> logits_;
  bool few_ = false;      // scratch_.few is what is left, the likeliest first
  bool weighed_ = false;  // weights are e^(logit - base_)
  float base_ = 0;
  bool has_largest_ = false;
  float largest_ = 0;
};

}  // namespace quern::cpu
