// Cutting text into the words that BPE merges within. The patterns of the known tokenizers are scanners here,
// not regular expressions; lib/tokenizer recognises the expressions' exact text.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/unicode.h"

namespace quern {

struct PretokenizerStep {
  enum class Kind : uint8_t {
    // 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
    kGpt2,
    // (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,max_digits}| ?[^\s\p{L}\p{N}]+[\r\n]*
    //   |\s*[\r\n]+|\s+(?!\S)|\s+
    kCl100k,
    // runs of at most max_digits numbers, and what lies between them
    kDigits,
  };
  Kind kind = Kind::kGpt2;
  int32_t max_digits = 1;  // kCl100k, kDigits
};

// The end of the first piece of [p, end), which is valid UTF-8 and not empty.
const char* next_piece(const PretokenizerStep& step, const UnicodeTable& table, const char* p,
                       const char* end);

}  // namespace quern
