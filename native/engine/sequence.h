#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/state_cache.h"
#include "engine/task.h"

namespace quern {

using Clock = std::chrono::steady_clock;

// What a caller asks for. TypeScript has validated it; Engine::submit checks what memory safety rests on.
struct Request {
  std::vector<int32_t> prompt;
  int32_t priority = 0;               // the higher goes first
  PageOrigin origin = kComputedHere;  // pages of it are found too
  std::unique_ptr<Task> task;
};

// A request on its way through the engine. Touched by the engine thread alone, but for the atomics.
//
// Steps are launched before the ones before them are read, so it is in two places: `computed` and `length()`
// are where the launched steps lead, `retired` and `tokens` what is known of them.
struct Sequence : std::enable_shared_from_this<Sequence> {
  Sequence(uint32_t number, Request request)
      : id(number),
        priority(request.priority),
        origin(request.origin),
        prompt_tokens(static_cast<int32_t>(request.prompt.size())),
        task(std::move(request.task)),
        tokens(std::move(request.prompt)) {}

  const uint32_t id;
  const int32_t priority;
  const PageOrigin origin;
  const int32_t prompt_tokens;
  const std::unique_ptr<Task> task;

  std::vector<int32_t> tokens;            // the prompt, then what was generated and read
  int32_t prompt_length = prompt_tokens;  // what its angles go by: its own length, once it has outgrown that
  int32_t most_length = 0;                // tokens; as many as the prompt's where none is drawn
  SequenceState state;
  uint32_t residency = 0;  // counts how often it lost its pages: steps launched before have others
  int32_t computed = 0;   // positions whose keys and values are in the pages once the launched steps are done
  int32_t retired = 0;    // positions of these whose steps were collected
  int32_t drawn = 0;      // tokens that launched steps draw, and nobody has read
  int64_t drawn_by = 0;   // the number of the step that draws the last of them
  int32_t slot = 0;       // its place in that step
  int32_t in_flight = 0;  // steps that it is part of; written under Engine's mutex
  bool ended = false;     // its last answer is given: what steps still compute for it is nobody's

  int32_t reached = 0;  // the most that `computed` ever was
  int32_t cached = 0;   // tokens of the prompt that were found instead of computed

  Clock::time_point submitted = Clock::now();
  std::optional<Clock::time_point> started, first_token;

  std::atomic<bool> cancelled{false};
  std::atomic<int32_t> unread{0};  // tokens given out that the consumer has not taken

  int32_t length() const { return static_cast<int32_t>(tokens.size()) + drawn; }
  int32_t pending() const { return length() - computed; }
  int32_t generated() const { return static_cast<int32_t>(tokens.size()) - prompt_tokens; }
  bool draws() const { return most_length > prompt_tokens; }
  // Nothing is left to launch: the last token that it may have is drawn, or it draws none and all is
  // computed.
  bool is_launched() const { return draws() ? length() >= most_length : pending() == 0; }
  // What one step adds to a sequence is all that is missing.
  bool decodes() const { return pending() == 1; }
  bool is_resident() const { return state.pages() > 0; }
  // The tokens whose pages may be found instead of computed: not those whose rows are wanted.
  std::span<const int32_t> shareable() const {
    const auto known = static_cast<int32_t>(tokens.size());
    const int32_t wanted = task->first_wanted(prompt_tokens);
    // Beyond the prompt the last row alone is wanted, but a prompt whose rows are wanted comes first.
    const bool is_past_prompt = wanted == prompt_tokens - 1;
    return {tokens.data(), static_cast<size_t>(is_past_prompt ? known - 1 : wanted)};
  }
};

}  // namespace quern
