// Token ids to text, one at a time: each push releases the longest text that later tokens can no longer
// change.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "tokenizer/text_start.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"

namespace quern {

class TokenDecoder {
 public:
  // goes_on: the ids follow others, so that their text begins nothing.
  TokenDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special_tokens, bool goes_on)
      : tokenizer_(std::move(tokenizer)),
        skip_special_tokens_(skip_special_tokens),
        goes_on_(goes_on),
        start_(*tokenizer_) {}

  // The ids follow these. They give no text, but may be the ones with which a text begins.
  void follow(std::span<const int32_t> ids) {
    for (const int32_t id : ids) {
      if (is_started()) return;
      if (!is_skipped(id)) start_.bytes_of(id);
    }
  }

  // Appends what the token releases: never half a character. A special token that is skipped does not end a
  // waiting one.
  void push(int32_t id, std::string& out) {
    if (is_skipped(id)) return;
    assembler_.push(is_started() ? tokenizer_->token_bytes(id) : start_.bytes_of(id), out);
  }

  // Appends U+FFFD if half a character waits. The decoder can then be used again, for another text.
  void end(std::string& out) {
    assembler_.end(out);
    start_.restart();
  }

 private:
  bool is_skipped(int32_t id) const { return skip_special_tokens_ && tokenizer_->is_special(id); }
  bool is_started() const { return goes_on_ || start_.is_over(); }

  std::shared_ptr<const Tokenizer> tokenizer_;
  bool skip_special_tokens_;
  bool goes_on_;
  TextStart start_;
  Utf8Assembler assembler_;
};

}  // namespace quern
