#pragma once
#include <napi.h>

#include <limits>
#include <string>

#include "backend/devices.h"
#include "binding/reader.h"

namespace quern {

// NativeSampling of lib/native/sampling.ts.

// Of each SamplingStep.
inline constexpr const char* kSamplerNames[] = {"logitBias",
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
static_assert(std::size(kSamplerNames) == kSamplingSteps);

inline SamplingStep sampling_step(const std::string& name) {
  for (size_t i = 0; i < std::size(kSamplerNames); ++i)
    if (name == kSamplerNames[i]) return static_cast<SamplingStep>(i);
  throw Error("internal", "NativeSampling.samplers: there is no " + name);
}

inline SamplingOptions read_sampling(const Napi::Value& object) {
  const Reader options(object, "NativeSampling");
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
  if (biased.size() != biases.size()) options.fail("biases", "one for each token");
  for (size_t i = 0; i < biased.size(); ++i) {
    const float bias = biases[i] <= kBan ? -std::numeric_limits<float>::infinity() : biases[i];
    sampling.logit_bias.push_back({biased[i], bias});
  }
  const Reader xtc(options.object("xtc"), "NativeXtc");
  sampling.xtc_probability = xtc.real("probability");
  sampling.xtc_threshold = xtc.real("threshold");
  const Reader dry(options.object("dry"), "NativeDry");
  sampling.dry.multiplier = dry.real("multiplier");
  sampling.dry.base = dry.real("base");
  sampling.dry.allowed_length = dry.integer<int32_t>("allowedLength");
  sampling.dry.last_tokens = dry.integer<int32_t>("penaltyLastN");
  sampling.dry.breakers = dry.ids_lists("breakers");
  const Reader mirostat(options.object("mirostat"), "NativeMirostat");
  sampling.mirostat.version = mirostat.integer<int>("version");
  sampling.mirostat.tau = mirostat.real("tau");
  sampling.mirostat.eta = mirostat.real("eta");
  sampling.mirostat_mu = mirostat.real("mu");
  for (const std::string& name : options.texts("samplers")) sampling.steps.push_back(sampling_step(name));
  sampling.top_logprobs = options.integer<int32_t>("topLogprobs");
  return sampling;
}

}  // namespace quern
