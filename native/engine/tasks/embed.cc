#include "engine/tasks/embed.h"

#include <algorithm>
#include <cmath>

namespace quern {

void Embed::prepare(std::span<const int32_t>, const DecoderConfig& config, const Device&) {
  numbers_.resize(static_cast<size_t>(config.hidden));
}

void Embed::want(const ScheduledRows& part, Wants& wants) {
  if (part.reaches_end) wants.states.push_back({{part.row + part.rows - 1}, numbers_.data()});
}

std::optional<Task::Ending> Embed::take(const ScheduledRows& part, Given&, Rows&) {
  if (!part.reaches_end) return std::nullopt;
  if (!std::ranges::all_of(numbers_, [](float number) { return std::isfinite(number); }))
    return not_finite("an embedding of finite numbers", static_cast<size_t>(part.end()) - 1);
  return Embedding{std::move(numbers_)};
}

}  // namespace quern
