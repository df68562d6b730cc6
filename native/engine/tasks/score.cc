#include "engine/tasks/score.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"
#include "engine/sequence.h"

namespace quern {

void Score::prepare(std::span<const int32_t> prompt, const DecoderConfig& config, const Device&) {
  const auto length = static_cast<int32_t>(prompt.size());
  if (options_.first < 1 || options_.first > length) {
    throw Error("invalid_input", "the first token to score: expected a position from 1 to " +
                                     std::to_string(length) + ", got " + std::to_string(options_.first));
  }
  for (const int32_t token : options_.candidates) check_token("candidates: ", token, config);
}

void Score::want(const ScheduledRows& part, Wants& wants) {
  prompt_.want(part, part.sequence->tokens, wants);
  if (!wants_candidates(part)) return;
  wants.scored.push_back(part.row + part.rows - 1);
  wants.scores.push_back({options_.candidates, 0});
}

std::optional<Task::Ending> Score::take(const ScheduledRows& part, Given& given, Rows&) {
  if (auto failure = prompt_.take(part, part.sequence->tokens, given)) return std::move(*failure);
  if (!part.reaches_end) return std::nullopt;
  Scores scores{std::move(prompt_.columns()), {}};
  if (wants_candidates(part)) scores.candidates = std::move(given.next_scored().targets);
  if (std::ranges::any_of(scores.candidates, [](double logprob) { return std::isnan(logprob); }))
    return not_finite(kLogprobs, part.sequence->tokens.size());
  return scores;
}

}  // namespace quern
