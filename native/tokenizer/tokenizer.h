// Text to token ids and back, exactly as the Hugging Face library does it for byte-level BPE.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/pretokenizer.h"

namespace quern {

// What lib/tokenizer makes of tokenizer.json.
struct TokenizerDefinition {
  enum class TokenKind : uint8_t {
    kNone = 0,     // the id has no token
    kWord = 1,     // made by merging bytes
    kLiteral = 2,  // an added token, or one that no merge reaches
  };
  std::string token_bytes;              // of all tokens, in the order of their ids
  std::vector<uint32_t> token_offsets;  // [size + 1]
  std::vector<TokenKind> token_kinds;   // [size]
  std::vector<Merge> merges;            // by rank
  std::vector<AddedToken> added_tokens;
  std::vector<PretokenizerStep> pretokenizer;  // each cuts the pieces of the one before it
  bool nfc = false;
  bool ignore_merges = false;   // a word that is a token is that token, whatever the merges say
  std::vector<int32_t> prefix;  // the special tokens put before a text
  std::vector<int32_t> suffix;  // and after it
};

// Immutable; encode and decode may be called from many threads.
class Tokenizer {
 public:
  static std::shared_ptr<const Tokenizer> create(TokenizerDefinition definition);
  ~Tokenizer();

  // Appends the ids of any bytes; those that are no UTF-8 count as U+FFFD.
  void encode(std::string_view text, bool add_special_tokens, std::vector<int32_t>& out) const;
  // Valid UTF-8. Ids without a token contribute nothing.
  std::string decode(std::span<const int32_t> ids, bool skip_special_tokens) const;

  // Frees what is remembered of words, a megabyte; the next encode begins to remember anew.
  void forget() const;

  std::string_view token_bytes(int32_t id) const;     // empty: no such token
  int32_t id_of(std::string_view token_bytes) const;  // -1: no such token
  bool is_special(int32_t id) const { return is_token(id) && special_[static_cast<size_t>(id)]; }
  int32_t size() const { return static_cast<int32_t>(special_.size()); }  // one more than the largest id

 private:
  struct Scratch;
  class ScratchLease;

  explicit Tokenizer(TokenizerDefinition definition);

  bool is_token(int32_t id) const { return id >= 0 && id < size(); }
  void encode_plain(std::string_view text, Scratch& scratch, std::vector<int32_t>& out) const;
  void encode_piece(size_t step, const char* begin, const char* end, Scratch& scratch,
                    std::vector<int32_t>& out) const;
  void encode_word(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const;

  size_t first_word_slot(std::string_view word) const;
  size_t word_slot(std::string_view word) const;  // where the word is in word_ids_, or would be
  bool fill_words(const std::vector<TokenizerDefinition::TokenKind>& kinds);

  const UnicodeTable& unicode_;
  std::string bytes_;
  std::vector<uint32_t> offsets_;
  std::vector<uint8_t> special_;
  std::vector<PretokenizerStep> pretokenizer_;
  bool nfc_;
  bool ignore_merges_;
  std::vector<int32_t> prefix_;
  std::vector<int32_t> suffix_;
  Bpe bpe_;
  AddedTokenMatcher raw_tokens_;         // searched in the text as it is
  AddedTokenMatcher normalized_tokens_;  // searched after normalization
  std::vector<int32_t> word_ids_;        // hash table over the bytes of kWord tokens; -1: free
  uint64_t word_seed_ = 0;               // of its hash function

  mutable std::mutex scratch_mutex_;
  mutable std::vector<std::unique_ptr<Scratch>> free_scratch_;
};

}  // namespace quern
