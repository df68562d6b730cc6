#include "backend/cpu/sampling/logprobs.h"

#include <algorithm>
#include <cmath>

namespace quern::cpu {

Logprobs raw_logprobs(const Kernels& kernels, CandidateScratch& scratch, std::span<float> logits, int top) {
  Candidates candidates(kernels, scratch, logits);
  Logprobs result;
  result.chosen = candidates.log_mass();
  if (top == 0) return result;
  const auto likeliest = candidates.likeliest(top);
  const size_t count = std::min(static_cast<size_t>(top), likeliest.size());
  result.top.reserve(count);
  for (const Candidate& one : likeliest.first(count))
    result.top.push_back({one.token, double{one.logit} - result.chosen});
  return result;
}

}  // namespace quern::cpu
