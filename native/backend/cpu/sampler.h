#pragma once
#include <span>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/kernels/kernels.h"

namespace quern::cpu {

// Chooses tokens. Every filter is a floor: top-k, top-p and min-p (in Hugging Face's order, after the
// temperature) each keep the tokens whose weight e^((logit - largest) / temperature) is at least some value,
// so the whole chain is one number. It is found by halving the range of weights that can hold it, with one
// vectorised pass each, until few are left to sort: the vocabulary never is. Tokens that tie with the floor
// are kept.
class Sampler {
 public:
  void reserve(int vocab, int threads);
  // One token of `logits` [vocab]; `thread` names the scratch memory to use.
  int32_t sample(const Kernels& kernels, int thread, std::span<const float> logits,
                 const SampleParams& params);

 private:
  struct Scratch {
    std::vector<float> weights;  // [vocab], from 0 to 1
    std::vector<float> few;      // [vocab], of which a handful is used: the weights around a floor
    std::vector<double> masses;  // of blocks of weights
  };
  std::vector<Scratch> scratch_;
};

}  // namespace quern::cpu
