#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "engine/task.h"

namespace quern {

constexpr const char* kLogprobs = "log-probabilities that are numbers";

// Log-probabilities of a prompt's tokens [first, end), each given all before it, as steps compute their rows.
class PromptScores {
 public:
  // first: at least 1. top: how many of the likeliest tokens in each place.
  PromptScores(int32_t first, int32_t top) : first_(first), top_(top) {}

  void want(const ScheduledRows& part, std::span<const int32_t> prompt, Wants& wants) const;
  // A failure where a log-probability is no number.
  std::optional<Failure> take(const ScheduledRows& part, std::span<const int32_t> prompt, Given& given);

  // Of all that was taken.
  LogprobColumns& columns() { return columns_; }

 private:
  // The position p says what follows it: calls use(p) for those of the part that are wanted.
  template <typename Use>
  void each(const ScheduledRows& part, std::span<const int32_t> prompt, Use use) const;

  int32_t first_, top_;
  LogprobColumns columns_;
};

}  // namespace quern
