#pragma once
#include <napi.h>

#include <limits>
#include <string>

#include "backend/devices.h"
#include "binding/options.h"

namespace quern {

// NativeSampling of lib/native/binding.ts.

inline SamplingStep sampling_step(const std::string& name) {
  constexpr const char* kNames[] = {"logitBias",
                                    "repetitionPenalty",
                                    "frequencyPenalty",
                                    "presencePenalty",
                                    "dry",
                                    "temperature",
                                    "topNSigma",
                                    "topK",
                                    "topP",
                                    "minP",
                                    "typicalP",
                                    "xtc",
                                    "mirostat"};
  static_assert(std::size(kNames) == kSamplingSteps);
  for (size_t i = 0; i < std::size(kNames); ++i)
    if (name == kNames[i]) return static_cast<SamplingStep>(i);
  throw Error("internal", "native options: no sampler: " + name);
}

inline SamplingOptions read_sampling(const Napi::Value& object) {
  const Options options(object);
  constexpr float kBan = -100;  // this or less bans a token
  SamplingOptions sampling;
  sampling.temperature = options.real("temperature");
  sampling.top_k = options.integer<int32_t>("topK");
  sampling.top_p = options.real("topP");
  sampling.min_p = options.real("minP");
  sampling.typical_p = options.real("typicalP");
  sampling.top_n_sigma = options.real("topNSigma");
  sampling.repetition_penalty = options.real("repetitionPenalty");
  sampling.frequency_penalty = options.real("frequencyPenalty");
  sampling.presence_penalty = options.real("presencePenalty");
  const auto biased = options.ids("biasedTokens");
  const auto biases = options.reals("biases");
  if (biased.size() != biases.size()) throw Error("internal", "native options: a bias for each token");
  for (size_t i = 0; i < biased.size(); ++i) {
    const float bias = biases[i] <= kBan ? -std::numeric_limits<float>::infinity() : biases[i];
    sampling.logit_bias.push_back({biased[i], bias});
  }
  const Options xtc(options.get("xtc"));
  sampling.xtc_probability = xtc.real("probability");
  sampling.xtc_threshold = xtc.real("threshold");
  const Options dry(options.get("dry"));
  sampling.dry.multiplier = dry.real("multiplier");
  sampling.dry.base = dry.real("base");
  sampling.dry.allowed_length = dry.integer<int32_t>("allowedLength");
  sampling.dry.last_tokens = dry.integer<int32_t>("penaltyLastN");
  for (const Napi::Value& breaker : dry.list("breakers")) sampling.dry.breakers.push_back(ids_of(breaker));
  const Options mirostat(options.get("mirostat"));
  sampling.mirostat.version = mirostat.integer<int>("version");
  sampling.mirostat.tau = mirostat.real("tau");
  sampling.mirostat.eta = mirostat.real("eta");
  sampling.mirostat_mu = mirostat.real("mu");
  for (const Napi::Value& name : options.list("samplers"))
    sampling.steps.push_back(sampling_step(name.ToString().Utf8Value()));
  sampling.top_logprobs = options.integer<int32_t>("topLogprobs");
  return sampling;
}

}  // namespace quern
