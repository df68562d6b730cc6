#include "backend/cpu/sampling/penalties.h"

namespace quern::cpu {

void Penalties::reserve(int vocab) {
  counts_ = Buffer(static_cast<size_t>(vocab) * sizeof(int32_t));
}

void Penalties::bias(std::span<float> logits, std::span<const LogitBias> biases) {
  for (const LogitBias& bias : biases) logits[static_cast<size_t>(bias.token)] += bias.bias;
}

void Penalties::repetition(std::span<float> logits, std::span<const int32_t> tokens, float penalty) {
  auto* const seen = counts_.as<int32_t>();
  for (const int32_t token : tokens) {
    if (seen[token]++ > 0) continue;
    float& logit = logits[static_cast<size_t>(token)];
    logit = logit > 0 ? logit / penalty : logit * penalty;
  }
  for (const int32_t token : tokens) seen[token] = 0;
}

void Penalties::counts(std::span<float> logits, std::span<const int32_t> tokens, float frequency,
                       float presence) {
  auto* const counts = counts_.as<int32_t>();
  for (const int32_t token : tokens) ++counts[token];
  for (const int32_t token : tokens) {
    if (counts[token] == 0) continue;
    logits[static_cast<size_t>(token)] -= frequency * static_cast<float>(counts[token]) + presence;
    counts[token] = 0;
  }
}

}  // namespace quern::cpu
