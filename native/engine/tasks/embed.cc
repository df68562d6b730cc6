#include "engine/tasks/embed.h"

namespace quern {

void Embed::prepare(std::span<const int32_t>, const DecoderConfig& config, const Device&) {
  numbers_.resize(static_cast<size_t>(config.hidden));
}

void Embed::want(const ScheduledRows& part, Wants& wants) {
  if (part.reaches_end) wants.states.push_back({{part.row + part.rows - 1}, numbers_.data()});
}

std::optional<Task::Ending> Embed::take(const ScheduledRows& part, Given&, Rows&) {
  if (!part.reaches_end) return std::nullopt;
  return Embedding{std::move(numbers_)};
}

}  // namespace quern
