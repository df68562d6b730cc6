#include "engine/tasks/prompt_scores.h"

#include <algorithm>
#include <cmath>

namespace quern {

template <typename Use>
void PromptScores::each(const ScheduledRows& part, std::span<const int32_t> prompt, Use use) const {
  const int32_t end = std::min(part.end(), static_cast<int32_t>(prompt.size()) - 1);
  for (int32_t position = std::max(part.first, first_ - 1); position < end; ++position) use(position);
}

void PromptScores::want(const ScheduledRows& part, std::span<const int32_t> prompt, Wants& wants) const {
  each(part, prompt, [&](int32_t position) {
    wants.scored.push_back(part.row + position - part.first);
    wants.scores.push_back({prompt.subspan(static_cast<size_t>(position) + 1, 1), top_});
  });
}

std::optional<Failure> PromptScores::take(const ScheduledRows& part, std::span<const int32_t> prompt,
                                          Given& given) {
  std::optional<Failure> failure;
  each(part, prompt, [&](int32_t position) {
    const Scored& scored = given.next_scored();
    // A prompt that lost its pages is computed anew, to the same numbers.
    if (static_cast<size_t>(position - (first_ - 1)) < columns_.size()) return;
    columns_.add(scored.targets[0], scored.top);
    if (std::isnan(scored.targets[0]) && !failure)
      failure = not_finite(kLogprobs, static_cast<size_t>(position) + 1);
  });
  return failure;
}

}  // namespace quern
