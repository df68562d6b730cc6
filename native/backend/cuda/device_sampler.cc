#include "backend/cuda/device_sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <utility>

#include "core/error.h"

namespace quern::cuda {

namespace {

constexpr size_t kWordTokens = 64;

// The steps that a request takes, as numbers that are their steps' own "off" where it does not take them.
struct Chain {
  bool is_known = true;
  float temperature = 1;
  int32_t top_k = 0;
  float top_p = 1, min_p = 0;
  float repetition = 1, frequency = 0, presence = 0;
  bool has_bias = false;
};

void take(Chain& chain, SamplingStep step, const SamplingOptions& options) {
  switch (step) {
    case SamplingStep::logit_bias:
      chain.has_bias = !options.logit_bias.empty();
      return;
    case SamplingStep::repetition_penalty:
      chain.repetition = options.repetition_penalty;
      return;
    case SamplingStep::frequency_penalty:
      chain.frequency = options.frequency_penalty;
      return;
    case SamplingStep::presence_penalty:
      chain.presence = options.presence_penalty;
      return;
    case SamplingStep::temperature:
      chain.temperature = options.temperature;
      return;
    case SamplingStep::top_k:
      chain.top_k = options.top_k;
      return;
    case SamplingStep::top_p:
      chain.top_p = options.top_p;
      return;
    case SamplingStep::min_p:
      chain.min_p = options.min_p;
      return;
    case SamplingStep::dry:
      chain.is_known &= options.dry.multiplier == 0 || options.dry.last_tokens == 0;
      return;
    case SamplingStep::top_n_sigma:
      chain.is_known &= options.top_n_sigma <= 0;
      return;
    case SamplingStep::typical_p:
      chain.is_known &= options.typical_p >= 1;
      return;
    case SamplingStep::xtc:
      chain.is_known &= options.xtc_probability <= 0;
      return;
    case SamplingStep::mirostat:
      chain.is_known &= options.mirostat.version == 0;
      return;
  }
}

Chain chain_of(const SamplingOptions& options) {
  Chain chain;
  if (options.steps.empty()) {
    for (int step = 0; step < kSamplingSteps; ++step) take(chain, static_cast<SamplingStep>(step), options);
    return chain;
  }
  // In any other order steps mean something else.
  chain.is_known = std::ranges::adjacent_find(options.steps, std::greater_equal<>()) == options.steps.end();
  for (const SamplingStep step : options.steps) take(chain, step, options);
  return chain;
}

// 0 also where the temperature is so small that logits by it would be infinite.
float scale_of(float temperature) {
  const float scale = 1 / temperature;
  return temperature > 0 && std::isfinite(scale) ? scale : 0;
}

double log_mass(const SamplingResult& result) {
  return double{result.largest} + std::log(result.mass);
}

// The likeliest, of which there may be fewer than were asked for.
void take_top(std::span<const FoundLogit> found, double log_mass, std::vector<TokenLogprob>& top) {
  top.clear();
  for (const FoundLogit& one : found)
    if (one.token >= 0) top.push_back({one.token, double{one.logit} - log_mass});
}

}  // namespace

template <typename T>
void PinnedArray<T>::reserve(size_t count) {
  if (count * sizeof(T) <= memory_.bytes()) return;
  PinnedBuffer grown(context_, std::max(count * sizeof(T), 2 * memory_.bytes()));
  if (size_ > 0) std::memcpy(grown.as<T>(), data(), size_ * sizeof(T));
  memory_ = std::move(grown);
}

DeviceSampler::DeviceSampler(std::shared_ptr<const Context> context, int most_rows, int most_step_rows,
                             int vocab, int32_t* drawn)
    : context_(std::move(context)),
      vocab_(vocab),
      most_rows_(static_cast<size_t>(most_rows)),
      most_step_rows_(static_cast<size_t>(most_step_rows)),
      drawn_(drawn),
      generated_(static_cast<size_t>(vocab), -1),
      bias_(static_cast<size_t>(vocab)),
      marks_(static_cast<size_t>(vocab) / kWordTokens + 1) {
  const size_t chunks = most_rows_ * static_cast<size_t>(chunks_of(vocab));
  rows_ = DeviceBuffer(context_, most_step_rows_ * sizeof(SamplingRow));
  results_ = DeviceBuffer(context_, most_step_rows_ * sizeof(SamplingResult));
  largest_ = DeviceBuffer(context_, chunks * sizeof(float));
  raw_largest_ = DeviceBuffer(context_, chunks * sizeof(float));
  raw_masses_ = DeviceBuffer(context_, chunks * sizeof(float));
  masses_ = DeviceBuffer(context_, chunks * sizeof(unsigned long long));
}

bool DeviceSampler::knows(const SamplingOptions& options) {
  return chain_of(options).is_known;
}

// Memory that the GPU copies from is slow to get, so it is taken before it is needed where that is known.
void DeviceSampler::begin(StagedSampling& step) const {
  constexpr size_t kSomeNumbers = 4096;
  step.rows.reserve(most_step_rows_);
  step.results.reserve(most_step_rows_);
  step.changes.reserve(kSomeNumbers);
  step.targets.reserve(kSomeNumbers);
  step.found.reserve(kSomeNumbers);
  step.rows.resize(0);
  step.changes.resize(0);
  step.targets.resize(0);
  step.results.resize(0);
  step.found.resize(0);
  step.places.clear();
  step.slots = 0;
}

SampleRows DeviceSampler::operation(const StagedSampling& step, float* logits, size_t count) const {
  const size_t first = step.rows.size() - count;
  QUERN_CHECK(step.rows.size() <= most_step_rows_ && count <= most_rows_);
  SampleRows op;
  op.logits = logits;
  op.rows = static_cast<int>(count);
  op.vocab = vocab_;
  op.chunks = chunks_of(vocab_);
  for (size_t i = first; i < step.rows.size(); ++i) {
    const SamplingRow& row = step.rows[i];
    op.weighs |= row.slot >= 0 && row.scale != 0 && row.top_k == 0;
  }
  op.wanted = rows_.as<SamplingRow>() + first;
  op.results = results_.as<SamplingResult>() + first;
  op.drawn = drawn_;
  op.largest = largest_.as<float>();
  op.raw_largest = raw_largest_.as<float>();
  op.raw_masses = raw_masses_.as<float>();
  op.masses = masses_.as<unsigned long long>();
  return op;
}

void DeviceSampler::mark(int32_t token) {
  marks_[static_cast<size_t>(token) / kWordTokens] |= uint64_t{1}
                                                      << (static_cast<size_t>(token) % kWordTokens);
}

// What happens to single logits, in the order of tokens: in time in proportion to the tokens that occur, and
// to the vocabulary's bits.
void DeviceSampler::take_changes(StagedSampling& step, const SampleParams& params, SamplingRow& row) {
  const SamplingOptions& options = *params.options;
  const Chain chain = chain_of(options);
  row.repetition = chain.repetition;
  row.frequency = chain.frequency;
  row.presence = chain.presence;
  const bool counts = chain.frequency != 0 || chain.presence != 0, repeats = chain.repetition != 1;
  if (!counts && !repeats && !chain.has_bias) return;
  const size_t before = step.changes.size();
  if (chain.has_bias) {
    for (const LogitBias& one : options.logit_bias) {
      bias_[static_cast<size_t>(one.token)] += one.bias;
      mark(one.token);
    }
  }
  if (repeats) {
    for (const int32_t token : params.tokens) {
      generated_[static_cast<size_t>(token)] = 0;
      mark(token);
    }
  }
  if (counts) {
    for (const int32_t token : params.tokens.subspan(params.prompt_tokens)) {
      int32_t& count = generated_[static_cast<size_t>(token)];
      count = std::max(count, 0) + 1;
      mark(token);
    }
  }
  for (size_t word = 0; word < marks_.size(); ++word) {
    for (uint64_t& left = marks_[word]; left != 0; left &= left - 1) {
      const size_t token = word * kWordTokens + static_cast<size_t>(std::countr_zero(left));
      step.changes.push_back({static_cast<int32_t>(token), std::exchange(generated_[token], -1),
                              std::exchange(bias_[token], 0.0f), 0});
    }
  }
  row.change_count = static_cast<int32_t>(step.changes.size() - before);
}

SampleRows DeviceSampler::sample(StagedSampling& step, float* logits, std::span<const SampleParams> params) {
  for (const SampleParams& one : params) {
    const Chain chain = chain_of(*one.options);
    QUERN_CHECK(chain.is_known);
    step.places.push_back({step.changes.size(), step.targets.size(), step.found.size(), one.mu, false});
    SamplingRow row;
    row.slot = step.slots++;
    row.scale = scale_of(chain.temperature);
    row.top_k = chain.top_k > 0 && chain.top_k < vocab_ ? chain.top_k : 0;
    row.top_p = chain.top_p;
    row.min_p = chain.min_p;
    row.uniform = one.uniform;
    take_changes(step, one, row);
    if (one.options->top_logprobs >= 0) {
      row.wants_logprobs = 1;
      row.top = one.options->top_logprobs;
      step.found.resize(step.found.size() + 1 + static_cast<size_t>(row.top));
    }
    step.rows.push_back(row);
  }
  return operation(step, logits, params.size());
}

SampleRows DeviceSampler::score(StagedSampling& step, float* logits, std::span<const ScoreParams> params) {
  for (const ScoreParams& one : params) {
    step.places.push_back({step.changes.size(), step.targets.size(), step.found.size(), 0, true});
    SamplingRow row;
    row.wants_logprobs = 1;
    row.top = one.top;
    row.target_count = static_cast<int32_t>(one.targets.size());
    for (const int32_t token : one.targets) step.targets.push_back(token);
    step.found.resize(step.found.size() + one.targets.size() + static_cast<size_t>(one.top));
    step.rows.push_back(row);
  }
  return operation(step, logits, params.size());
}

// Grows by doubling; what is in flight is waited for, since it reads where it was told to.
template <typename T>
void DeviceSampler::reserve(DeviceBuffer& buffer, size_t count) const {
  if (count * sizeof(T) <= buffer.bytes()) return;
  const size_t bytes = std::max(count * sizeof(T), 2 * buffer.bytes());
  context_->wait_for_all();
  buffer = DeviceBuffer();
  buffer = DeviceBuffer(context_, bytes);
}

void DeviceSampler::upload(StagedSampling& step, cudaStream_t stream) {
  if (step.rows.size() == 0) return;
  reserve<TokenChange>(changes_, step.changes.size());
  reserve<int32_t>(targets_, step.targets.size());
  reserve<FoundLogit>(found_, step.found.size());
  for (size_t i = 0; i < step.rows.size(); ++i) {
    step.rows[i].changes = changes_.as<TokenChange>() + step.places[i].change;
    step.rows[i].targets = targets_.as<int32_t>() + step.places[i].target;
    step.rows[i].found = found_.as<FoundLogit>() + step.places[i].found;
  }
  const auto copy = [&]<typename T>(const DeviceBuffer& to, const PinnedArray<T>& from) {
    if (from.size() == 0) return;
    context_->check(
        cudaMemcpyAsync(to.as<T>(), from.data(), from.size() * sizeof(T), cudaMemcpyHostToDevice, stream),
        "copying what sampling needs");
  };
  copy(rows_, step.rows);
  copy(changes_, step.changes);
  copy(targets_, step.targets);
}

void DeviceSampler::read_back(StagedSampling& step, cudaStream_t stream) const {
  step.results.resize(step.rows.size());
  const auto copy = [&]<typename T>(const PinnedArray<T>& to, const DeviceBuffer& from) {
    if (to.size() == 0) return;
    context_->check(
        cudaMemcpyAsync(to.data(), from.as<T>(), to.size() * sizeof(T), cudaMemcpyDeviceToHost, stream),
        "reading what was drawn");
  };
  copy(step.results, results_);
  copy(step.found, found_);
}

void DeviceSampler::collect(const StagedSampling& step, std::vector<Sampled>& sampled,
                            std::vector<Scored>& scored) {
  const auto slots = static_cast<size_t>(step.slots);
  sampled.resize(slots);
  scored.resize(step.rows.size() - slots);
  size_t next_sampled = 0, next_scored = 0;
  for (size_t i = 0; i < step.rows.size(); ++i) {
    const SamplingRow& row = step.rows[i];
    const StagedSampling::Place& place = step.places[i];
    const SamplingResult& result = step.results[i];
    const FoundLogit* const found = step.found.data() + place.found;
    const auto top = static_cast<size_t>(row.top);
    if (place.is_scored) {
      Scored& into = scored[next_scored++];
      const auto targets = static_cast<size_t>(row.target_count);
      into.targets.clear();
      for (const FoundLogit& one : std::span(found, targets))
        into.targets.push_back(double{one.logit} - log_mass(result));
      take_top({found + targets, top}, log_mass(result), into.top);
      continue;
    }
    Sampled& into = sampled[next_sampled++];
    into.token = result.token;
    into.mu = place.mu;
    if (!row.wants_logprobs || result.token == kNoToken) {
      into.logprobs.reset();
      continue;
    }
    if (!into.logprobs) into.logprobs.emplace();
    into.logprobs->chosen = double{found->logit} - log_mass(result);
    take_top({found + 1, top}, log_mass(result), into.logprobs->top);
  }
}

}  // namespace quern::cuda
