#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "engine/prefix_cache.h"
#include "tokenizer/token_decoder.h"
#include "tokenizer/tokenizer.h"

namespace quern {

// What a caller asks for. TypeScript has validated it; Engine::submit checks what memory safety rests on.
struct Request {
  std::vector<int32_t> prompt;
  int32_t max_tokens = 0;
  SamplingOptions sampling;
  uint64_t seed = 0;
  std::vector<int32_t> stop_tokens;
  std::vector<std::string> stop_strings;       // UTF-8, none empty; they need a tokenizer
  std::shared_ptr<const Tokenizer> tokenizer;  // null: ids only, no text
  bool keep_special_tokens = false;            // in the text
  PageOrigin origin = kComputedHere;           // pages of it are found too
  // Logits instead of tokens: of the last position, or of all.
  enum class Logits { none, last, all } logits = Logits::none;
};

enum class Finish : uint8_t { running, stop, length, cancelled, failed, logits, pages };

struct Timings {
  double queued_seconds = 0;   // from submission to the first step
  double prefill_seconds = 0;  // from there to the first token
  double decode_seconds = 0;   // from the first token to the last
};

// What one step gave one request; the last one of a request has a `finish`.
struct StepRow {
  uint32_t request = 0;
  int32_t token = -1;                // -1: none
  std::string text;                  // UTF-8, whole characters
  std::optional<Logprobs> logprobs;  // of the token
  Finish finish = Finish::running;
  Timings timings;                        // with `finish`
  int32_t cached_tokens = 0;              // with the first token: of the prompt, found in the cache
  std::string error_code, error_message;  // with Finish::failed
  std::vector<float> logits;              // with Finish::logits
  int64_t known_pages = 0;                // with Finish::pages
  std::vector<uint8_t> page_bytes;        // with Finish::pages, where pages were asked for
};

}  // namespace quern
