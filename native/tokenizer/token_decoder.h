// Token ids to text, one at a time: each push releases the longest text that later tokens can no longer
// change.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"

namespace quern {

class TokenDecoder {
 public:
  TokenDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special_tokens)
      : tokenizer_(std::move(tokenizer)), skip_special_tokens_(skip_special_tokens) {}

  // Appends what the token releases: never half a character. A special token that is skipped does not end a
  // waiting one.
  void push(int32_t id, std::string& out) {
    if (skip_special_tokens_ && tokenizer_->is_special(id)) return;
    assembler_.push(tokenizer_->token_bytes(id), out);
  }
  // Appends U+FFFD if half a character waits. The decoder can then be used again.
  void end(std::string& out) { assembler_.end(out); }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  bool skip_special_tokens_;
  Utf8Assembler assembler_;
};

}  // namespace quern
