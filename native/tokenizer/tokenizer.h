// Text to token ids and back, exactly as the Hugging Face library does it for byte-level and
// SentencePiece-style BPE.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/character_bpe.h"
#include "tokenizer/pretokenizer.h"
#include "tokenizer/text_rewriting.h"
#include "tokenizer/token_table.h"
#include "tokenizer/tokenizer_definition.h"

namespace quern {

// Immutable; encode and decode may be called from many threads.
class Tokenizer {
 public:
  static std::shared_ptr<const Tokenizer> create(TokenizerDefinition definition);
  ~Tokenizer();

  // Appends the ids of any bytes; those that are no UTF-8 count as U+FFFD.
  void encode(std::string_view text, bool add_special_tokens, std::vector<int32_t>& out) const;
  // Valid UTF-8. Ids without a token contribute nothing. goes_on: the ids follow others, so that their text
  // keeps what the beginning of a text loses.
  std::string decode(std::span<const int32_t> ids, bool skip_special_tokens, bool goes_on) const;

  // Frees what is remembered of words, a megabyte; the next encode begins to remember anew.
  void forget() const;

  std::string_view token_bytes(int32_t id) const { return tokens_[id]; }  // empty: no such token
  int32_t id_of(std::string_view token_bytes) const {
    return tokens_.find(token_bytes);
  }  // -1: no such token
  bool is_special(int32_t id) const { return tokens_.has(id) && special_[static_cast<size_t>(id)]; }
  int32_t size() const { return tokens_.size(); }  // one more than the largest id

  bool has(int32_t id) const {
    return tokens_.has(id) && kinds_[static_cast<size_t>(id)] != TokenKind::kNone;
  }
  // What a token stands for at the beginning of a text, but for what the whole text loses there.
  std::string_view first_bytes(int32_t id) const { return (first_tokens_ ? *first_tokens_ : tokens_)[id]; }
  const DecoderRules& decoder() const { return decoder_; }

 private:
  struct Scratch;
  class ScratchLease;

  explicit Tokenizer(TokenizerDefinition definition);

  void encode_plain(std::string_view text, bool is_first, Scratch& scratch, std::vector<int32_t>& out) const;
  void encode_piece(size_t step, std::string_view piece, Scratch& scratch, std::vector<int32_t>& out) const;
  void encode_marked(std::string_view piece, bool is_first, Scratch& scratch,
                     std::vector<int32_t>& out) const;
  void encode_word(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const;

  const UnicodeTable& unicode_;
  std::vector<TokenKind> kinds_;
  std::vector<uint8_t> special_;
  TokenTable tokens_;                       // what they stand for in a text
  std::optional<TokenTable> first_tokens_;  // and as its first, where that is something else
  std::optional<TokenTable> spelled_;  // as the file writes them, where that is something else and asked for
  DecoderRules decoder_;
  Normalizer normalizer_;
  std::vector<PretokenizerStep> pretokenizer_;
  std::optional<Metaspace> metaspace_;
  bool ignore_merges_;
  std::vector<int32_t> prefix_;
  std::vector<int32_t> suffix_;
  std::optional<Bpe> bytes_;                // the one,
  std::optional<CharacterBpe> characters_;  // or the other
  AddedTokenMatcher raw_tokens_;            // searched in the text as it is
  AddedTokenMatcher normalized_tokens_;     // searched after normalization

  mutable std::mutex scratch_mutex_;
  mutable std::vector<std::unique_ptr<Scratch>> free_scratch_;
};

}  // namespace quern
