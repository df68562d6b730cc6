// How a row of logits becomes a token: the steps that a request asks for, and what one draw needs besides.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace quern {

// What can be done to a row before a token is drawn. The order here is the default, Hugging Face's: what
// changes single logits, then the temperature, then the filters. Theirs has no dry, top_n_sigma, xtc and
// mirostat, which lie where their kind does.
enum class SamplingStep : uint8_t {
  logit_bias,
  repetition_penalty,
  frequency_penalty,
  presence_penalty,
  dry,
  temperature,
  top_n_sigma,
  top_k,
  top_p,
  min_p,
  typical_p,
  xtc,
  mirostat,
};
constexpr int kSamplingSteps = static_cast<int>(SamplingStep::mirostat) + 1;

struct LogitBias {
  int32_t token = 0;
  float bias = 0;  // added; -infinity bans the token
};

// Penalises tokens that would go on with a repetition: see cpu/sampling/dry.h.
struct DryOptions {
  float multiplier = 0;  // 0: off
  float base = 1.75f;
  int32_t allowed_length = 2;
  int32_t last_tokens = -1;  // how far back it looks; -1: everywhere
  std::vector<std::vector<int32_t>> breakers;
};

// Keeps the surprise of tokens near a target: see cpu/sampling/mirostat.h.
struct MirostatOptions {
  int version = 0;  // 0: off
  float tau = 5;    // bits
  float eta = 0.1f;
};

// What a request says of sampling. A step that is off has the value given here, but for the temperature,
// whose is 1.
struct SamplingOptions {
  float temperature = 0;  // 0: the most likely token
  int32_t top_k = 0;      // 0: all
  float top_p = 1;
  float min_p = 0;
  float typical_p = 1;
  float top_n_sigma = 0;
  float repetition_penalty = 1;
  float frequency_penalty = 0;
  float presence_penalty = 0;
  std::vector<LogitBias> logit_bias;
  DryOptions dry;
  float xtc_probability = 0;
  float xtc_threshold = 0.1f;
  MirostatOptions mirostat;
  float mirostat_mu = 10;           // what a sequence starts with
  std::vector<SamplingStep> steps;  // in their order; empty: all, in the default order
  int32_t top_logprobs = -1;        // -1: no logprobs; else also of that many of the likeliest tokens
};

// One row's draw.
struct SampleParams {
  const SamplingOptions* options = nullptr;
  std::span<const int32_t> tokens;  // the sequence so far; every id is in the vocabulary
  size_t prompt_tokens = 0;         // of these; the others were generated
  double uniform = 0;               // the draw, in [0, 1)
  bool xtc = false;                 // whether xtc takes part: a draw of its own
  float mu = 0;                     // mirostat's state
};

struct TokenLogprob {
  int32_t token = 0;
  double logprob = 0;
};

// Of the raw logits, before all steps.
struct Logprobs {
  double chosen = 0;
  std::vector<TokenLogprob> top;  // the likeliest first, the lower id first among equals
};

constexpr int32_t kNoToken = -1;

struct Sampled {
  // kNoToken where the largest logit, as it is once single logits are changed, is not finite: nothing says
  // which token it should be.
  int32_t token = 0;
  float mu = 0;                      // mirostat's state after this token
  std::optional<Logprobs> logprobs;  // of a token that there is
};

// What is wanted of one row of logits: the log-probabilities of some tokens, and how many of the likeliest.
struct ScoreParams {
  std::span<const int32_t> targets;  // every id is in the vocabulary
  int32_t top = 0;
};

// Of the raw logits: NaN where these have no finite largest one.
struct Scored {
  std::vector<double> targets;
  std::vector<TokenLogprob> top;  // the likeliest first, the lower id first among equals
};

// What sampling remembers of one sequence from token to token, and the draws that are its own.
class SamplerState {
 public:
  SamplerState(const SamplingOptions& options, uint64_t seed)
      : options_(options), seed_(seed), mu_(options.mirostat_mu) {}

  // Whether a draw depends on the sequence itself, not only on its logits and on how long it is.
  bool looks_back() const;
  // For the token that follows: `tokens`, of which the prompt is `prompt_tokens`, are known; `index` tokens
  // were drawn before it.
  SampleParams next(std::span<const int32_t> tokens, size_t prompt_tokens, int64_t index) const;
  void drawn(const Sampled& sampled) { mu_ = sampled.mu; }

 private:
  const SamplingOptions& options_;
  uint64_t seed_;
  float mu_;
};

}  // namespace quern
