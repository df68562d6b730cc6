#pragma once
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/stop_strings.h"
#include "tokenizer/token_decoder.h"

namespace quern {

// A sequence's tokens as the text that its reader sees: whole characters, up to a stop string.
class OutputText {
 public:
  OutputText(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special_tokens,
             const std::vector<std::string>& stop_strings)
      : decoder_(std::move(tokenizer), skip_special_tokens, false), stops_(stop_strings) {}

  // Before the first: the tokens that it goes on from. Only a text that begins with it begins as a text does.
  void follow(std::span<const int32_t> prompt) { decoder_.follow(prompt); }

  // Appends the text that the token releases. True: a stop string is complete, and the text ends.
  bool push(int32_t token, std::string& out) {
    decoded_.clear();
    decoder_.push(token, decoded_);
    return is_stopped_ = stops_.push(decoded_, out);
  }

  // Appends what still waits; no token comes any more. True: a stop string has ended the text.
  bool end(std::string& out) {
    if (is_stopped_) return true;
    decoded_.clear();
    decoder_.end(decoded_);
    if (stops_.push(decoded_, out)) return true;
    stops_.end(out);
    return false;
  }

  // Which of the stop strings ended it: its place among them; -1: none.
  int32_t stop_string() const { return stops_.found(); }

 private:
  TokenDecoder decoder_;
  StopStrings stops_;
  std::string decoded_;
  bool is_stopped_ = false;
};

}  // namespace quern
