#pragma once
#include <span>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/kernels/kernels.h"

namespace quern::cpu {

// Chooses tokens. Every filter is a floor: top-k, top-p and min-p (in Hugging Face's order, after the
// temperature) each keep the tokens whose weight e^((logit - largest) / temperature) is at least some value,
// so the whole chain is one number. It is found with a histogram over the weights' exponents, without sorting
// the vocabulary: four passes, about 1 ns an entry each. Tokens that tie with the floor are kept.
class Sampler {
 public:
  void reserve(int vocab, int threads);
  // One token of `logits` [vocab]; `thread` names the scratch memory to use.
  int32_t sample(const Kernels& kernels, int thread, std::span<const float> logits,
                 const SampleParams& params);

 private:
  // Weights between two neighbouring powers of 2^(1/64), largest first; the last bucket takes all below
  // 2^-32.
  struct Bucket {
    double mass = 0;
    int32_t count = 0;
  };
  struct Scratch {
    std::vector<float> weights;   // [vocab]
    std::vector<float> crossing;  // weights of one bucket
    std::vector<Bucket> buckets;
  };
  static float find_floor(Scratch& scratch, const SampleParams& params);

  std::vector<Scratch> scratch_;
};

}  // namespace quern::cpu
