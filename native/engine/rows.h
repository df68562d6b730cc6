// What comes out of the engine: the tokens of many requests as columns, and answers, which end a request or
// begin it.
#pragma once
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "backend/sampling.h"
#include "core/error.h"

namespace quern {

// Log-probabilities of tokens, one after the other, each with those of the likeliest in its place.
struct LogprobColumns {
  std::vector<double> values;    // NaN: not wanted
  std::vector<int32_t> ends;     // where each token's likeliest end in the next two
  std::vector<int32_t> ids;      // the likeliest, the first of each token the likeliest of all
  std::vector<double> logprobs;  // theirs

  size_t size() const { return values.size(); }
  void add(double value, std::span<const TokenLogprob> top) {
    for (const TokenLogprob& one : top) {
      ids.push_back(one.token);
      logprobs.push_back(one.logprob);
    }
    values.push_back(value);
    ends.push_back(static_cast<int32_t>(ids.size()));
  }
  void add_unwanted() { add(std::numeric_limits<double>::quiet_NaN(), {}); }
  void append(const LogprobColumns& more) {
    const auto before = static_cast<int32_t>(ids.size());
    values.insert(values.end(), more.values.begin(), more.values.end());
    for (const int32_t end : more.ends) ends.push_back(before + end);
    ids.insert(ids.end(), more.ids.begin(), more.ids.end());
    logprobs.insert(logprobs.end(), more.logprobs.begin(), more.logprobs.end());
  }
};

struct Timings {
  double queued_seconds = 0;   // from submission to the first step
  double prefill_seconds = 0;  // from there to the first token
  double decode_seconds = 0;   // from the first token to the last
};

// Before a request's first token.
struct Begin {
  int32_t cached_tokens = 0;             // of the prompt, found in the cache
  std::optional<LogprobColumns> prompt;  // of the prompt's tokens but the first, where asked for
};
// All others are a request's last word.
struct End {
  bool stopped = false;      // by a token or a text; else as long as it may be
  int32_t stop_string = -1;  // which of the request's stop strings it was; -1: none
  Timings timings;
};
struct Cancelled {};
struct Scores {
  LogprobColumns tokens;
  std::vector<double> candidates;
};
struct Embedding {
  std::vector<float> numbers;  // [hidden]
};
struct LogitsRows {
  std::unique_ptr<float[]> numbers;  // [positions, vocab]
  size_t count = 0;                  // of them
};
struct Pages {
  int64_t known = 0;           // times kPagePositions tokens can be gone on from
  int64_t pages = 0;           // that this takes: those that the next row sees
  std::vector<uint8_t> bytes;  // of those that were asked for
};

struct Answer {
  uint32_t request = 0;
  std::variant<Begin, End, Cancelled, Failure, Scores, Embedding, LogitsRows, Pages> what;
  bool is_last() const { return !std::holds_alternative<Begin>(what); }
};

// A request's Begin comes before its tokens, and its last answer after them.
struct Rows {
  std::vector<uint32_t> requests;  // of each token
  std::vector<int32_t> tokens;
  std::string text;               // of all tokens, UTF-8, whole characters
  std::vector<size_t> text_ends;  // where each token's ends
  LogprobColumns logprobs;        // of each token, or of none
  std::vector<Answer> answers;

  bool empty() const { return tokens.empty() && answers.empty(); }

  // A token of a request; its text has been appended to `text`.
  void add_token(uint32_t request, int32_t token, const Logprobs* of) {
    if (of != nullptr) {
      while (logprobs.size() < tokens.size()) logprobs.add_unwanted();
      logprobs.add(of->chosen, of->top);
    } else if (logprobs.size() > 0) {
      logprobs.add_unwanted();
    }
    requests.push_back(request);
    tokens.push_back(token);
    text_ends.push_back(text.size());
  }

  void append(Rows&& more) {
    if (empty()) {
      *this = std::move(more);
      return;
    }
    if (logprobs.size() > 0 || more.logprobs.size() > 0) {
      while (logprobs.size() < tokens.size()) logprobs.add_unwanted();
      while (more.logprobs.size() < more.tokens.size()) more.logprobs.add_unwanted();
      logprobs.append(more.logprobs);
    }
    const size_t before = text.size();
    requests.insert(requests.end(), more.requests.begin(), more.requests.end());
    tokens.insert(tokens.end(), more.tokens.begin(), more.tokens.end());
    text += more.text;
    for (const size_t end : more.text_ends) text_ends.push_back(before + end);
    answers.insert(answers.end(), std::make_move_iterator(more.answers.begin()),
                   std::make_move_iterator(more.answers.end()));
  }
};

}  // namespace quern
