#pragma once
#include <span>

#include "backend/backend.h"
#include "backend/cpu/sampling/candidates.h"

namespace quern::cpu {

// ln p of the likeliest `top` tokens, and what ln p of any token is relative to: `chosen` holds ln of the sum
// of e^logit until the token is known.  logits: [vocab], which stay as they are
Logprobs raw_logprobs(const Kernels& kernels, CandidateScratch& scratch, std::span<float> logits, int top);

}  // namespace quern::cpu
