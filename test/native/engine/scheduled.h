// A scheduler without an engine: what a step does to it, and what it shows.
#pragma once
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "engine/asked.h"
#include "engine/scheduler.h"

namespace quern::test {

inline std::shared_ptr<Sequence> make_sequence(uint32_t id, const Asked& asked) {
  auto sequence = std::make_shared<Sequence>(id, request_of(asked));
  sequence->most_length = asked.kind == Kind::generate ? 1 << 20 : sequence->prompt_tokens;
  return sequence;
}
inline std::shared_ptr<Sequence> make_sequence(uint32_t id, std::vector<int32_t> prompt, int priority = 0) {
  Asked asked;
  asked.prompt = std::move(prompt);
  asked.priority = priority;
  return make_sequence(id, asked);
}

// Of tokens that no other sequence has.
inline std::shared_ptr<Sequence> make_sequence(uint32_t id, int prompt) {
  return make_sequence(id, std::vector<int32_t>(static_cast<size_t>(prompt), static_cast<int32_t>(id)));
}

// What the engine does when a step is collected: a sequence at its end gets a token.
inline void retire(Scheduler& scheduler, const std::vector<ScheduledRows>& parts) {
  for (const ScheduledRows& part : parts) {
    scheduler.retired(part);
    if (!part.reaches_end || !part.sequence->draws()) continue;
    --part.sequence->drawn;
    part.sequence->tokens.push_back(1);
  }
}
// A whole step, launched and collected.
inline void compute(Scheduler& scheduler, const std::vector<ScheduledRows>& parts) {
  scheduler.launched();
  retire(scheduler, parts);
}
inline void compute(Scheduler& scheduler) {
  compute(scheduler, scheduler.schedule());
}

// "id:rows id:rows", every part of a step.
inline std::string shown(const std::vector<ScheduledRows>& parts) {
  std::ostringstream text;
  for (const ScheduledRows& part : parts)
    text << (text.view().empty() ? "" : " ") << part.sequence->id << ':' << part.rows;
  return text.str();
}

std::string ids(const auto& sequences) {
  std::ostringstream text;
  for (const auto& sequence : sequences) text << (text.view().empty() ? "" : " ") << sequence->id;
  return text.str();
}

// Tokens 0, 1, 2, ... and others from `fork` on.
inline std::vector<int32_t> counting(int length, int fork = 1 << 20, int32_t branch = 1) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < length; ++i) tokens.push_back(i < fork ? i : i + 1000 * branch);
  return tokens;
}

}  // namespace quern::test
