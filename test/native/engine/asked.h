// A request that a test may copy, compare and ask again: what it asks for, as plain members.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engine/sequence.h"
#include "engine/tasks/embed.h"
#include "engine/tasks/generate.h"
#include "engine/tasks/logits.h"
#include "engine/tasks/score.h"

namespace quern::test {

enum class Kind { generate, score, embed, last_logits, all_logits };

struct Asked {
  std::vector<int32_t> prompt;
  int32_t max_tokens = 0;
  SamplingOptions sampling;
  uint64_t seed = 0;
  std::vector<int32_t> stop_tokens;
  PageOrigin origin = kComputedHere;
  int32_t priority = 0;
  int32_t prompt_logprobs = -1;
  Kind kind = Kind::generate;
  ScoreOptions score;
};

inline std::unique_ptr<Task> task_of(const Asked& asked) {
  switch (asked.kind) {
    case Kind::score:
      return std::make_unique<Score>(asked.score);
    case Kind::embed:
      return std::make_unique<Embed>();
    case Kind::last_logits:
      return std::make_unique<Logits>(Logits::Positions::last);
    case Kind::all_logits:
      return std::make_unique<Logits>(Logits::Positions::all);
    case Kind::generate:
      break;
  }
  GenerateOptions options;
  options.max_tokens = asked.max_tokens;
  options.sampling = asked.sampling;
  options.seed = asked.seed;
  options.stop_tokens = asked.stop_tokens;
  options.prompt_logprobs = asked.prompt_logprobs;
  return std::make_unique<Generate>(std::move(options));
}

inline Request request_of(const Asked& asked) {
  return {asked.prompt, asked.priority, asked.origin, task_of(asked)};
}

}  // namespace quern::test
