#include "backend/cpu/sampling/sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>

#include "backend/cpu/sampling/draw.h"
#include "backend/cpu/sampling/floor_search.h"
#include "backend/cpu/sampling/logprobs.h"
#include "backend/cpu/sampling/mirostat.h"
#include "core/error.h"

namespace quern::cpu {

namespace {

constexpr std::array<SamplingStep, kSamplingSteps> kDefaultSteps = [] {
  std::array<SamplingStep, kSamplingSteps> steps{};
  for (size_t i = 0; i < steps.size(); ++i) steps[i] = static_cast<SamplingStep>(i);
  return steps;
}();

std::span<const SamplingStep> steps_of(const SamplingOptions& options) {
  return options.steps.empty() ? std::span<const SamplingStep>(kDefaultSteps) : options.steps;
}

bool changes_single_logits(SamplingStep step) {
  return step < SamplingStep::temperature;
}

// Whether a step would do anything.
bool is_on(SamplingStep step, const SampleParams& params) {
  const SamplingOptions& options = *params.options;
  switch (step) {
    case SamplingStep::logit_bias:
      return !options.logit_bias.empty();
    case SamplingStep::repetition_penalty:
      return options.repetition_penalty != 1;
    case SamplingStep::frequency_penalty:
      return options.frequency_penalty != 0;
    case SamplingStep::presence_penalty:
      return options.presence_penalty != 0;
    case SamplingStep::dry:
      return options.dry.multiplier != 0 && options.dry.last_tokens != 0;
    case SamplingStep::temperature:
      return options.temperature != 1;
    case SamplingStep::top_n_sigma:
      return options.top_n_sigma > 0;
    case SamplingStep::top_k:
      return options.top_k > 0;
    case SamplingStep::top_p:
      return options.top_p < 1;
    case SamplingStep::min_p:
      return options.min_p > 0;
    case SamplingStep::typical_p:
      return options.typical_p < 1;
    case SamplingStep::xtc:
      return params.xtc;
    case SamplingStep::mirostat:
      return options.mirostat.version != 0;
  }
  return false;
}

void change_logits(SamplingStep step, Penalties& penalties, std::span<float> logits,
                   const SampleParams& params) {
  if (!is_on(step, params)) return;
  const SamplingOptions& options = *params.options;
  const auto generated = params.tokens.subspan(params.prompt_tokens);
  switch (step) {
    case SamplingStep::logit_bias:
      return Penalties::bias(logits, options.logit_bias);
    case SamplingStep::repetition_penalty:
      return penalties.repetition(logits, params.tokens, options.repetition_penalty);
    case SamplingStep::frequency_penalty:
      return penalties.counts(logits, generated, options.frequency_penalty, 0);
    case SamplingStep::presence_penalty:
      return penalties.counts(logits, generated, 0, options.presence_penalty);
    case SamplingStep::dry:
      return penalties.dry(logits, params.tokens, options.dry);
    default:
      return;
  }
}

// ---- the common filters, as one floor

struct CommonFilters {
  float temperature = 1;
  int32_t top_k = 0;
  float top_p = 1;
  float min_p = 0;
};

// Nothing if the steps are others, or in another order.
std::optional<CommonFilters> common_filters(std::span<const SamplingStep> steps, const SampleParams& params) {
  const SamplingOptions& options = *params.options;
  CommonFilters filters;
  auto last = SamplingStep::logit_bias;
  for (const SamplingStep step : steps) {
    if (!is_on(step, params)) continue;
    if (step < last) return {};
    last = step;
    if (step == SamplingStep::temperature) {
      filters.temperature = options.temperature;
    } else if (step == SamplingStep::top_k) {
      filters.top_k = options.top_k;
    } else if (step == SamplingStep::top_p) {
      filters.top_p = options.top_p;
    } else if (step == SamplingStep::min_p) {
      filters.min_p = options.min_p;
    } else {
      return {};
    }
  }
  return filters;
}

// The weights of one row, from 0 to 1, and what largest_floor() asks about them.
struct Weights {
  const Kernels& kernels;
  std::span<const float> values;
  std::span<float> few;  // room for the answer of between()

  WeightSum above(float floor) const {
    return kernels.sum_above(values.data(), static_cast<int64_t>(values.size()), floor);
  }
  template <typename Visit>
  void between(float from, float below, Visit visit) const {
    const int64_t count =
        kernels.collect_between(values.data(), static_cast<int64_t>(values.size()), from, below, few.data());
    std::sort(few.begin(), few.begin() + count, std::greater<>());
    for (const float weight : few.first(static_cast<size_t>(count)))
      if (visit(weight, weight)) return;
  }
};

float find_floor(const Weights& weights, const CommonFilters& filters) {
  constexpr float kAboveOne = 1 + std::numeric_limits<float>::epsilon();
  const auto vocab = static_cast<int32_t>(weights.values.size());
  float floor = 0;
  if (filters.top_k > 0 && filters.top_k < vocab) {
    floor = largest_floor(weights, 0, kAboveOne,
                          [&](const WeightSum& sum) { return sum.count >= filters.top_k; });
  }
  if (filters.top_p < 1) {
    const double wanted = std::max(0.0f, filters.top_p) * weights.above(floor).mass;
    floor = largest_floor(weights, floor, kAboveOne,
                          [&](const WeightSum& sum) { return sum.count > 0 && sum.mass >= wanted; });
  }
  return std::max(floor, filters.min_p);  // a share of the largest weight, which is 1
}

// Also where the temperature is so small that logits by it would be infinite.
bool is_greedy(float temperature) {
  return !(temperature > 0) || std::isinf(1 / temperature);
}

int32_t most_likely(std::span<const float> logits, float largest) {
  return static_cast<int32_t>(std::find(logits.begin(), logits.end(), largest) - logits.begin());
}

// ---- every other chain

// Takes the steps that are left; gives what is left of the candidates, and mirostat's state to be.
std::optional<Mirostat> run_steps(std::span<const SamplingStep> steps, Candidates& candidates,
                                  Penalties& penalties, std::span<float> logits, const SampleParams& params) {
  const SamplingOptions& options = *params.options;
  std::optional<Mirostat> mirostat;
  for (const SamplingStep step : steps) {
    if (!is_on(step, params)) continue;
    if (changes_single_logits(step)) change_logits(step, penalties, candidates.row(), params);
    if (candidates.empty()) return mirostat;
    if (step == SamplingStep::temperature) {
      if (is_greedy(options.temperature))
        candidates.keep_largest();
      else
        candidates.divide(options.temperature);
    } else if (step == SamplingStep::top_n_sigma) {
      candidates.top_n_sigma(double{options.top_n_sigma});
    } else if (step == SamplingStep::top_k) {
      candidates.top_k(options.top_k);
    } else if (step == SamplingStep::top_p) {
      candidates.top_p(double{options.top_p});
    } else if (step == SamplingStep::min_p) {
      candidates.min_p(double{options.min_p});
    } else if (step == SamplingStep::typical_p) {
      candidates.typical_p(double{options.typical_p});
    } else if (step == SamplingStep::xtc) {
      candidates.xtc(double{options.xtc_threshold});
    } else if (step == SamplingStep::mirostat) {
      mirostat.emplace(options.mirostat, params.mu);
      mirostat->filter(candidates, static_cast<int64_t>(logits.size()));
    }
  }
  return mirostat;
}

}  // namespace

void Sampler::reserve(int vocab, int threads) {
  const auto size = static_cast<size_t>(vocab);
  scratch_.resize(static_cast<size_t>(threads));
  for (Scratch& scratch : scratch_) {
    scratch.row = Buffer(size * sizeof(float));
    scratch.few.resize(size);
    scratch.penalties.reserve(vocab);
    scratch.candidates.reserve(vocab);
  }
}

Sampled Sampler::sample(const Kernels& kernels, int thread, std::span<float> logits,
                        const SampleParams& params) {
  Scratch& scratch = scratch_[static_cast<size_t>(thread)];
  Sampled result{0, params.mu, {}};
  const std::span<float> raw = logits;
  if (params.options->top_logprobs >= 0) {
    result.logprobs = raw_logprobs(kernels, scratch.candidates, raw, params.options->top_logprobs);
    logits = {scratch.row.as<float>(), raw.size()};
    std::copy(raw.begin(), raw.end(), logits.begin());
  }
  result.token = choose(kernels, scratch, logits, params, result.mu);
  if (result.token == kNoToken)
    result.logprobs.reset();
  else if (result.logprobs)
    result.logprobs->chosen = double{raw[static_cast<size_t>(result.token)]} - result.logprobs->chosen;
  return result;
}

Scored Sampler::score(const Kernels& kernels, int thread, std::span<float> logits,
                      const ScoreParams& params) {
  Scratch& scratch = scratch_[static_cast<size_t>(thread)];
  Logprobs raw = raw_logprobs(kernels, scratch.candidates, logits, params.top);
  Scored scored;
  scored.targets.reserve(params.targets.size());
  for (const int32_t token : params.targets)
    scored.targets.push_back(double{logits[static_cast<size_t>(token)]} - raw.chosen);
  scored.top = std::move(raw.top);
  return scored;
}

int32_t Sampler::choose(const Kernels& kernels, Scratch& scratch, std::span<float> logits,
                        const SampleParams& params, float& mu) {
  auto steps = steps_of(*params.options);
  for (; !steps.empty() && changes_single_logits(steps[0]); steps = steps.subspan(1))
    change_logits(steps[0], scratch.penalties, logits, params);
  const auto count = static_cast<int64_t>(logits.size());
  if (const auto filters = common_filters(steps, params)) {
    const float largest = kernels.largest(logits.data(), count);
    if (!std::isfinite(largest)) return kNoToken;
    if (is_greedy(filters->temperature)) return most_likely(logits, largest);
    auto* const weights = scratch.candidates.weights.as<float>();
    kernels.softmax_weights({logits.data(), weights, count, largest, 1 / filters->temperature});
    const float floor = find_floor({kernels, {weights, logits.size()}, scratch.few}, *filters);
    return draw_token(kernels, weights, count, floor, params.uniform,
                      scratch.candidates.block_masses.as<double>());
  }
  Candidates candidates(kernels, scratch.candidates, logits);
  const auto mirostat = run_steps(steps, candidates, scratch.penalties, logits, params);
  if (candidates.empty()) return kNoToken;
  const int32_t token = candidates.draw(params.uniform);
  if (mirostat) mu = mirostat->next_mu(candidates, token);
  return token;
}

void Sampler::distribution(const Kernels& kernels, std::span<const float> logits, SampleParams params,
                           std::span<float> out) {
  const double probability = double{params.options->xtc_probability};
  params.xtc = probability >= 1;
  write_distribution(kernels, logits, params, out);
  if (probability <= 0 || probability >= 1) return;
  params.xtc = true;
  std::vector<float> with_xtc(out.size());
  write_distribution(kernels, logits, params, with_xtc);
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>((1 - probability) * double{out[i]} + probability * double{with_xtc[i]});
}

void Sampler::write_distribution(const Kernels& kernels, std::span<const float> given,
                                 const SampleParams& params, std::span<float> out) {
  Scratch& scratch = scratch_[0];
  const std::span<float> logits(scratch.row.as<float>(), given.size());
  std::copy(given.begin(), given.end(), logits.begin());
  auto steps = steps_of(*params.options);
  for (; !steps.empty() && changes_single_logits(steps[0]); steps = steps.subspan(1))
    change_logits(steps[0], scratch.penalties, logits, params);
  const auto count = static_cast<int64_t>(logits.size());
  const auto refuse = [] {
    throw Error("not_finite",
                "logits: expected a finite number at least, and none that is infinite, got NaN or infinity");
  };
  Candidates candidates(kernels, scratch.candidates, logits);
  if (const auto filters = common_filters(steps, params)) {
    const float largest = kernels.largest(logits.data(), count);
    if (!std::isfinite(largest)) refuse();
    if (is_greedy(filters->temperature)) {
      std::fill(out.begin(), out.end(), 0.0f);
      out[static_cast<size_t>(most_likely(logits, largest))] = 1;
      return;
    }
    auto* const weights = scratch.candidates.weights.as<float>();
    kernels.softmax_weights({logits.data(), weights, count, largest, 1 / filters->temperature});
    const float floor = find_floor({kernels, {weights, logits.size()}, scratch.few}, *filters);
    // Where the floor is 0, top-k reaches among weights too small for float32, which are never drawn.
    if (floor > 0 || filters->top_k == 0) {
      kernels.keep_between({weights, floor, 1, logits.data(), nullptr, count});
      candidates.divide(filters->temperature);
      return candidates.write(out);
    }
  }
  run_steps(steps, candidates, scratch.penalties, logits, params);
  if (candidates.empty()) refuse();
  candidates.write(out);
}

}  // namespace quern::cpu
