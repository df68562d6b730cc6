#pragma once
#include "engine/task.h"

namespace quern {

// The raw logits of the prompt's last position, or of all.
class Logits final : public Task {
 public:
  enum class Positions { last, all };
  explicit Logits(Positions positions) : positions_(positions) {}

  void prepare(std::span<const int32_t> prompt, const DecoderConfig& config, const Device& device) override;
  int32_t first_wanted(int32_t prompt_tokens) const override { return wants_all() ? 0 : prompt_tokens - 1; }
  void want(const ScheduledRows& part, Wants& wants) override;
  std::optional<Ending> take(const ScheduledRows& part, Given& given, Rows& out) override;

 private:
  bool wants_all() const { return positions_ == Positions::all; }

  const Positions positions_;
  size_t vocab_ = 0;
  LogitsRows rows_;
};

}  // namespace quern
