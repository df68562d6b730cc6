#pragma once
#include <span>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/sampling/candidates.h"
#include "backend/cpu/sampling/penalties.h"

namespace quern::cpu {

// Chooses tokens: what changes single logits, then filters, in the order that a request asks for, then a
// draw.
//
// The filters that nearly every request has, a temperature, then top-k, top-p and min-p in Hugging Face's
// order, each keep the tokens whose weight e^((logit - largest) / temperature) is at least some value, so all
// of them are one number: see find_floor() in sampler.cc. Any other chain goes through Candidates.
class Sampler {
 public:
  void reserve(int vocab, int threads);

  // One token of `logits` [vocab], which are worthless afterwards, or none; `thread` names the scratch memory
  // to use.
  Sampled sample(const Kernels& kernels, int thread, std::span<float> logits, const SampleParams& params);

  // Log-probabilities of the raw logits [vocab], which stay as they are.
  Scored score(const Kernels& kernels, int thread, std::span<float> logits, const ScoreParams& params);

  // The probabilities that sample() draws with; where xtc takes part by chance, those of both cases together.
  // `params.xtc` and the draw are not looked at. Throws Error not_finite where sample() gives no token.
  // logits, out: [vocab]
  void distribution(const Kernels& kernels, std::span<const float> logits, SampleParams params,
                    std::span<float> out);

 private:
  struct Scratch {
    Buffer row;              // [vocab] float32: logits to change where the given ones must stay
    std::vector<float> few;  // [vocab], of which a handful is used: the weights around a floor
    Penalties penalties;
    CandidateScratch candidates;
  };

  int32_t choose(const Kernels& kernels, Scratch& scratch, std::span<float> logits,
                 const SampleParams& params, float& mu);
  void write_distribution(const Kernels& kernels, std::span<const float> logits, const SampleParams& params,
                          std::span<float> out);

  std::vector<Scratch> scratch_;
};

}  // namespace quern::cpu
