// A kind of request: what it wants of the rows that steps compute for it, and what it makes of them.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "engine/rows.h"
#include "model/config.h"

namespace quern {

struct Sequence;

// One sequence's part of a step: its positions [first, first + rows), which are rows [row, row + rows) of the
// step.
struct ScheduledRows {
  Sequence* sequence = nullptr;
  int32_t first = 0, rows = 0;
  int32_t row = 0;
  bool reaches_end = false;  // its last row is that of the sequence's last token: the next one can be drawn
  uint32_t residency = 0;    // see Sequence
  int32_t end() const { return first + rows; }
};

// What the tasks of one step want. What comes of it they take in the same order.
struct Wants {
  std::vector<int32_t> sampled;  // rows, by the device
  std::vector<SampleParams> samples;
  std::vector<int32_t> host_sampled;  // rows, by the host
  std::vector<SampleParams> host_samples;
  std::vector<int32_t> scored;
  std::vector<ScoreParams> scores;
  struct Read {
    std::vector<int32_t> rows;
    float* into = nullptr;  // stays until the step is collected
  };
  std::vector<Read> logits, states;

  void clear() {
    sampled.clear();
    samples.clear();
    host_sampled.clear();
    host_samples.clear();
    scored.clear();
    scores.clear();
    logits.clear();
    states.clear();
  }
};

// What came of a step, handed out in the order in which it was wanted.
struct Given {
  std::span<Sampled> sampled, host_sampled;
  std::span<Scored> scored;

  Sampled& next_sampled() { return next(sampled); }
  Sampled& next_host_sampled() { return next(host_sampled); }
  Scored& next_scored() { return next(scored); }

 private:
  template <typename T>
  static T& next(std::span<T>& left) {
    T& first = left.front();
    left = left.subspan(1);
    return first;
  }
};

// Throws Error invalid_token where the vocabulary has no such token; `where` is what the message begins with.
void check_token(const char* where, int32_t token, const DecoderConfig& config);

// That numbers of the model are none. `what` was expected; `position` is that of the token that it is about.
Failure not_finite(const char* what, size_t position);

class Task {
 public:
  // A task's last word: its answer, to which the engine adds the times.
  using Ending = decltype(Answer::what);

  virtual ~Task() = default;

  // Once, before it is queued. Throws Error where it asks for what there is not.
  virtual void prepare(std::span<const int32_t> prompt, const DecoderConfig& config,
                       const Device& device) = 0;
  // Whether a token is drawn from the last row, and then how long the sequence may get.
  virtual std::optional<int64_t> most_tokens() const { return std::nullopt; }
  // The first position of the prompt whose row is wanted: those before it may be found instead of computed.
  virtual int32_t first_wanted(int32_t prompt_tokens) const { return prompt_tokens - 1; }
  // The token that a step in flight draws must be read before the next is launched.
  virtual bool waits_for_tokens() const { return false; }

  // What it wants of these rows.
  virtual void want(const ScheduledRows& part, Wants& wants) = 0;
  // Takes what it wanted of these rows, and gives tokens. With its last one, or without any: how it ends.
  virtual std::optional<Ending> take(const ScheduledRows& part, Given& given, Rows& out) = 0;
};

}  // namespace quern
