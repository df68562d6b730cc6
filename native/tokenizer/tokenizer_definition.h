#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/character_bpe.h"
#include "tokenizer/merge_table.h"
#include "tokenizer/pretokenizer.h"
#include "tokenizer/text_rewriting.h"
#include "tokenizer/token_table.h"

namespace quern {

// How ids become text, beyond the tokens' bytes.
struct DecoderRules {
  std::vector<Replacement> replacements;  // in each token, one after the other; single bytes excepted
  char stripped = ' ';                    // of these a text loses as many as it begins with,
  int32_t strip_count = 0;                // at most
  std::string first_loses;                // a text's first token loses all of these, as it is spelled

  bool changes_start() const { return strip_count > 0 || !first_loses.empty(); }
};

// What lib/tokenizer makes of tokenizer.json.
struct TokenizerDefinition {
  // Of all tokens, in the order of their ids: their bytes, or with `characters` how they are spelled.
  std::string token_bytes;
  std::vector<uint32_t> token_offsets;  // [size + 1]
  std::vector<TokenKind> token_kinds;   // [size]
  std::vector<Merge> merges;            // by rank
  std::vector<AddedToken> added_tokens;
  std::vector<NormalizerStep> normalizer;
  std::vector<PretokenizerStep> pretokenizer;   // each cuts the pieces of the one before it
  std::optional<Metaspace> metaspace;           // in its place
  std::optional<CharacterFallback> characters;  // BPE over characters; else over bytes
  bool ignore_merges = false;  // a word that is a token is that token, whatever the merges say
  DecoderRules decoder;
  std::vector<int32_t> prefix;  // the special tokens put before a text
  std::vector<int32_t> suffix;  // and after it

  std::string_view bytes_of(int32_t id) const {
    const uint32_t begin = token_offsets[static_cast<size_t>(id)];
    return std::string_view(token_bytes).substr(begin, token_offsets[static_cast<size_t>(id) + 1] - begin);
  }
};

// Fails where a definition contradicts itself.
void validate(const TokenizerDefinition& definition);

}  // namespace quern
