// What choosing a token costs: `bench.sampler [instruction set]`. Logits of a vocabulary of 151,936, normally
// distributed, after a context of 4,096 tokens, a quarter of it repeated; medians of many draws, one thread.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/isa.h"
#include "backend/cpu/sampling/sampler.h"

namespace {

using namespace quern;
using Step = SamplingStep;

constexpr int kVocab = 151936, kDraws = 101, kContext = 4096, kPrompt = 3072;

struct Case {
  std::string name;
  SamplingOptions options;
};

Case with(std::string name, const std::function<void(SamplingOptions&)>& set) {
  Case one{std::move(name), {}};
  one.options.temperature = 1;
  set(one.options);
  return one;
}

void penalise(SamplingOptions& o) {
  o.repetition_penalty = 1.1f;
  o.frequency_penalty = 0.3f;
  o.presence_penalty = 0.5f;
  for (int token = 0; token < 100; ++token) o.logit_bias.push_back({token * 1500, token % 2 ? -1.0f : 1.0f});
  o.dry.multiplier = 0.8f;
  o.dry.breakers = {{198}, {25}, {1}, {9}};
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](std::string name, const std::function<void(SamplingOptions&)>& set) {
    all.push_back(with(std::move(name), set));
  };
  add("greedy", [](auto& o) { o.temperature = 0; });
  add("temperature 1", [](auto&) {});
  add("0.7, top_k 20", [](auto& o) { o.temperature = 0.7f, o.top_k = 20; });
  add("0.8, top_p 0.95", [](auto& o) { o.temperature = 0.8f, o.top_p = 0.95f; });
  add("0.7, top_k 20, top_p 0.8", [](auto& o) { o.temperature = 0.7f, o.top_k = 20, o.top_p = 0.8f; });
  add("min_p 0.05", [](auto& o) { o.min_p = 0.05f; });

  add("typical_p 0.9", [](auto& o) { o.typical_p = 0.9f; });
  add("top_n_sigma 1", [](auto& o) { o.top_n_sigma = 1; });
  add("xtc", [](auto& o) { o.xtc_probability = 1, o.xtc_threshold = 1e-6f; });
  add("mirostat 1", [](auto& o) { o.mirostat.version = 1; });
  add("mirostat 2", [](auto& o) { o.mirostat.version = 2; });
  add("mirostat 2, mu 17", [](auto& o) { o.mirostat.version = 2, o.mirostat_mu = 17; });
  add("dry", [](auto& o) { o.dry.multiplier = 0.8f; });
  add("penalties", penalise);
  add("top_logprobs 20", [](auto& o) { o.top_logprobs = 20; });

  // Every step at once: as filters are used, and so wide that each looks at most of the vocabulary.
  add("whole chain", [](auto& o) {
    penalise(o);
    o.temperature = 0.8f, o.top_n_sigma = 2, o.top_k = 50, o.top_p = 0.95f, o.min_p = 0.01f, o.typical_p = 0.9f;
    o.xtc_probability = 1, o.top_logprobs = 20;
  });
  const auto wide = [](SamplingOptions& o) {
    penalise(o);
    o.temperature = 1.5f, o.top_n_sigma = 8, o.top_k = 140000, o.top_p = 0.98f, o.min_p = 1e-9f;
    o.typical_p = 0.95f, o.xtc_probability = 1, o.xtc_threshold = 1e-7f;
  };
  add("wide chain", wide);
  add("wide chain, logprobs", [&](auto& o) { wide(o), o.top_logprobs = 20; });
  add("wide chain, mirostat 1", [&](auto& o) { wide(o), o.mirostat = {1, 12, 0.1f}, o.mirostat_mu = 24; });
  add("wide chain, mirostat 2", [&](auto& o) { wide(o), o.mirostat = {2, 12, 0.1f}, o.mirostat_mu = 24; });
  add("temperature last", [](auto& o) {
    penalise(o);
    o.temperature = 0.8f, o.top_k = 40, o.top_p = 0.95f, o.min_p = 0.05f, o.typical_p = 0.95f;
    o.steps = {Step::repetition_penalty, Step::dry,   Step::top_n_sigma, Step::top_k, Step::typical_p,
               Step::top_p,              Step::min_p, Step::xtc,         Step::temperature};
  });
  add("wide, temperature last", [&](auto& o) {
    wide(o);
    o.steps = {Step::repetition_penalty, Step::dry,   Step::top_n_sigma, Step::top_k, Step::typical_p,
               Step::top_p,              Step::min_p, Step::xtc,         Step::temperature};
  });
  add("wide, backwards", [&](auto& o) {
    wide(o);
    for (int step = kSamplingSteps - 2; step >= 0; --step) o.steps.push_back(static_cast<Step>(step));
  });
  return all;
}

void measure(cpu::Sampler& sampler, const cpu::Kernels& kernels, double deviation, const Case& one) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, static_cast<float>(deviation));
  std::vector<float> given(kVocab), logits;
  for (float& logit : given) logit = normal(random);
  std::vector<int32_t> tokens(kContext);
  for (int i = 0; i < kContext; ++i)
    tokens[i] = i < kPrompt ? static_cast<int32_t>(random() % kVocab) : tokens[i - kPrompt];
  std::vector<double> seconds;
  for (int draw = 0; draw < kDraws; ++draw) {
    logits = given;
    const SampleParams params{&one.options, tokens, kPrompt, (draw + 0.5) / kDraws,
                              one.options.xtc_probability > 0, one.options.mirostat_mu};
    const auto start = std::chrono::steady_clock::now();
    sampler.sample(kernels, 0, logits, params);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + kDraws / 2, seconds.end());
  std::printf("%-12s deviation %.0f  %-32s %.3f ms\n", kernels.name, deviation, one.name.c_str(),
              1e3 * seconds[kDraws / 2]);
}

}  // namespace

int main(int count, char** args) {
  for (const quern::cpu::Kernels* kernels : quern::cpu::runnable_kernels()) {
    if (count > 1 && std::string(args[1]) != kernels->name) continue;
    quern::cpu::Sampler sampler;
    sampler.reserve(kVocab, 1);
    for (const double deviation : {1.0, 3.0})
      for (const Case& one : cases()) measure(sampler, *kernels, deviation, one);
  }
}
