#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/sampling.h"
#include "engine/output_text.h"
#include "engine/task.h"
#include "engine/tasks/prompt_scores.h"

namespace quern {

struct GenerateOptions {
  int32_t max_tokens = 0;  // at least 1
  SamplingOptions sampling;
  uint64_t seed = 0;
  std::vector<int32_t> stop_tokens;
  std::vector<std::string> stop_strings;       // UTF-8, none empty; they need a tokenizer
  std::shared_ptr<const Tokenizer> tokenizer;  // null: ids only, no text
  bool keep_special_tokens = false;            // in the text
  // -1: none; else log-probabilities of the prompt's tokens, with so many of the likeliest in each place.
  int32_t prompt_logprobs = -1;
};

// Continues its prompt: one token from the last row of each step, until it stops or is as long as it may be.
class Generate final : public Task {
 public:
  explicit Generate(GenerateOptions options);

  void prepare(std::span<const int32_t> prompt, const DecoderConfig& config, const Device& device) override;
  std::optional<int64_t> most_tokens() const override { return options_.max_tokens; }
  int32_t first_wanted(int32_t prompt_tokens) const override {
    return prompt_scores_ ? 0 : prompt_tokens - 1;
  }
  bool waits_for_tokens() const override { return is_host_sampled_ || sampler_.looks_back(); }
  void want(const ScheduledRows& part, Wants& wants) override;
  std::optional<Ending> take(const ScheduledRows& part, Given& given, Rows& out) override;

 private:
  std::optional<Ending> accept(Sequence& sequence, Sampled& sampled, Rows& out);

  const GenerateOptions options_;
  SamplerState sampler_;
  bool is_host_sampled_ = false;
  std::optional<OutputText> text_;
  std::optional<PromptScores> prompt_scores_;
};

}  // namespace quern
