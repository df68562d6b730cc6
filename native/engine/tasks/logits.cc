#include "engine/tasks/logits.h"

#include <numeric>

namespace quern {

void Logits::prepare(std::span<const int32_t> prompt, const DecoderConfig& config, const Device&) {
  vocab_ = static_cast<size_t>(config.vocab);
  rows_.count = (wants_all() ? prompt.size() : 1) * vocab_;
  rows_.numbers = std::make_unique_for_overwrite<float[]>(rows_.count);  // untouched, so it costs nothing yet
}

void Logits::want(const ScheduledRows& part, Wants& wants) {
  if (wants_all()) {
    std::vector<int32_t> rows(static_cast<size_t>(part.rows));
    std::iota(rows.begin(), rows.end(), part.row);
    wants.logits.push_back({std::move(rows), rows_.numbers.get() + static_cast<size_t>(part.first) * vocab_});
  } else if (part.reaches_end) {
    wants.logits.push_back({{part.row + part.rows - 1}, rows_.numbers.get()});
  }
}

std::optional<Task::Ending> Logits::take(const ScheduledRows& part, Given&, Rows&) {
  if (!part.reaches_end) return std::nullopt;
  return std::move(rows_);
}

}  // namespace quern
