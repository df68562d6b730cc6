// A tokenizer small enough to work out by hand: every byte, and the merges "a b", "ab c", " a".
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace fixture {

constexpr int32_t kAb = 256, kAbc = 257, kSpaceA = 258, kEnd = 260;  // 259 has no token

inline quern::TokenizerDefinition definition() {
  using Kind = quern::TokenKind;
  quern::TokenizerDefinition d;
  d.token_offsets = {0};
  const auto put = [&d](const std::string& bytes, Kind kind) {
    d.token_bytes += bytes;
    d.token_offsets.push_back(static_cast<uint32_t>(d.token_bytes.size()));
    d.token_kinds.push_back(kind);
  };
  for (int byte = 0; byte < 256; ++byte) put(std::string(1, static_cast<char>(byte)), Kind::kWord);
  put("ab", Kind::kWord);
  put("abc", Kind::kWord);
  put(" a", Kind::kWord);
  put("", Kind::kNone);
  put("<end>", Kind::kLiteral);
  d.merges = {{'a', 'b', kAb}, {kAb, 'c', kAbc}, {' ', 'a', kSpaceA}};
  d.added_tokens = {{kEnd, "<end>", true, false, false, false, false}};
  d.pretokenizer = {{quern::PretokenizerStep::Kind::kGpt2, 1}};
  return d;
}

inline std::vector<int32_t> encode(const quern::Tokenizer& tokenizer, std::string_view text) {
  std::vector<int32_t> ids;
  tokenizer.encode(text, false, ids);
  return ids;
}

}  // namespace fixture
