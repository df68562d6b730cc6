// BPE over characters, as SentencePiece's models have it: a text is not cut into words, and a character
// without a token becomes the tokens of its bytes, or an unknown one.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tokenizer/bpe.h"
#include "tokenizer/merge_table.h"
#include "tokenizer/token_table.h"
#include "tokenizer/word_cache.h"

namespace quern {

// What becomes of a character that has no token.
struct CharacterFallback {
  std::vector<int32_t> byte_ids;  // [256], the token of each byte, -1 where there is none; or empty
  int32_t unknown = -1;           // where one of its bytes has none; -1: it vanishes
  bool fuses_unknown = false;     // several in a row are one
};

class CharacterBpe {
 public:
  struct Workspace {
    Bpe::Workspace merging;
    std::vector<int32_t> symbols;
    size_t capacity() const { return merging.symbols.capacity() + symbols.capacity(); }
  };

  // Words that are one character are the characters' tokens.
  CharacterBpe(const TokenTable& spelled, const std::vector<TokenKind>& kinds,
               const std::vector<Merge>& merges, CharacterFallback fallback);

  // The piece: valid UTF-8.
  void encode(std::string_view piece, WordCache& words, Workspace& workspace,
              std::vector<int32_t>& out) const;

 private:
  enum class Character : uint8_t { kToken, kBytes, kUnknown, kVanishing };

  // A number of each code point that has one.
  class CodePointMap {
   public:
    CodePointMap() : index_(0x110000 / kBlock, 0), numbers_(kBlock, -1) {}
    int32_t operator[](uint32_t code_point) const {
      return numbers_[static_cast<size_t>(index_[code_point / kBlock]) * kBlock + code_point % kBlock];
    }
    void set(uint32_t code_point, int32_t number);

   private:
    static constexpr uint32_t kBlock = 128;
    std::vector<uint16_t> index_;   // of the code point's block; 0: the one without numbers
    std::vector<int32_t> numbers_;  // by block
  };

  void find_characters(const TokenTable& spelled, const std::vector<TokenKind>& kinds);
  void find_joints(const TokenTable& spelled, const std::vector<Merge>& merges);
  bool joins(uint32_t left, uint32_t right) const;
  Character kind_of(uint32_t code_point, std::string_view character) const;
  void encode_word(std::string_view word, WordCache& words, Workspace& workspace,
                   std::vector<int32_t>& out) const;

  const CharacterFallback fallback_;
  CodePointMap characters_;  // their tokens
  Bpe bpe_;
  // Which two neighbours a merge may ever join: a text may be cut between any others, since what is left and
  // what is right of them never meets.
  std::optional<MergeTable> joints_;
  std::vector<uint8_t> ascii_joints_;  // [128 * 128] the same of two ASCII characters
};

}  // namespace quern
