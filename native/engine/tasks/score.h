#pragma once
#include <cstdint>
#include <vector>

#include "engine/task.h"
#include "engine/tasks/prompt_scores.h"

namespace quern {

struct ScoreOptions {
  int32_t first = 1;  // of the tokens [first, end) that are scored: from 1 to the prompt's length, of none
  int32_t top = 0;    // how many of the likeliest tokens in each place
  std::vector<int32_t> candidates;  // scored as what might follow the prompt
};

// Says how likely the model finds tokens that are given.
class Score final : public Task {
 public:
  explicit Score(ScoreOptions options)
      : options_(std::move(options)), prompt_(options_.first, options_.top) {}

  void prepare(std::span<const int32_t> prompt, const DecoderConfig& config, const Device& device) override;
  int32_t first_wanted(int32_t) const override { return options_.first - 1; }
  void want(const ScheduledRows& part, Wants& wants) override;
  std::optional<Ending> take(const ScheduledRows& part, Given& given, Rows& out) override;

 private:
  bool wants_candidates(const ScheduledRows& part) const {
    return part.reaches_end && !options_.candidates.empty();
  }

  const ScoreOptions options_;
  PromptScores prompt_;
};

}  // namespace quern
