#pragma once
#include <atomic>
#include <chrono>
#include <optional>
#include <span>

#include "engine/output_text.h"
#include "engine/request.h"

namespace quern {

using Clock = std::chrono::steady_clock;

// A request on its way through the engine. Touched by the engine thread alone, but for the atomics.
struct Sequence {
  Sequence(uint32_t number, Request asked) : id(number), request(std::move(asked)), tokens(request.prompt) {
    if (request.tokenizer)
      text.emplace(request.tokenizer, !request.keep_special_tokens, request.stop_strings);
  }

  const uint32_t id;
  const Request request;
  std::vector<int32_t> tokens;  // the prompt, then what was generated
  int32_t variant = 0;          // of the rotary angles: sequences of other variants share no pages
  int32_t computed = 0;         // tokens whose keys and values are in the pages
  // The page of position p is pages[p / kPagePositions]. Those that are full and computed are known to the
  // PrefixCache, and others may hold them too.
  std::vector<int32_t> pages;
  int32_t reached = 0;  // the most that `computed` ever was
  int32_t cached = 0;   // tokens of the prompt that were found instead of computed
  std::optional<OutputText> text;
  std::vector<float> logits;                // of a logits request, so far
  float mu = request.sampling.mirostat_mu;  // mirostat's state after the tokens so far
  std::optional<Logprobs> logprobs;         // of the token that was chosen last

  Clock::time_point submitted = Clock::now();
  std::optional<Clock::time_point> started, first_token;

  std::atomic<bool> cancelled{false};
  std::atomic<int32_t> unread{0};  // tokens given out that the consumer has not taken
  bool in_step = false;            // guarded by Engine's mutex: part of the step that is running

  int32_t pending() const { return static_cast<int32_t>(tokens.size()) - computed; }
  int32_t generated() const { return static_cast<int32_t>(tokens.size() - request.prompt.size()); }
  // The tokens whose pages may be found instead of computed: not the last, which the next token comes from.
  std::span<const int32_t> shareable() const {
    const bool all_rows_wanted = request.logits == Request::Logits::all;
    return {tokens.data(), all_rows_wanted ? 0 : tokens.size() - 1};
  }
  bool wants_logits() const { return request.logits != Request::Logits::none; }
};

}  // namespace quern
