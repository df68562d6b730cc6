#pragma once
#include <vector>

#include "engine/task.h"

namespace quern {

// The state of the prompt's last token after the last norm: what embedding models are trained to point with.
class Embed final : public Task {
 public:
  void prepare(std::span<const int32_t> prompt, const DecoderConfig& config, const Device& device) override;
  void want(const ScheduledRows& part, Wants& wants) override;
  std::optional<Ending> take(const ScheduledRows& part, Given& given, Rows& out) override;

 private:
  std::vector<float> numbers_;  // [hidden]
};

}  // namespace quern
