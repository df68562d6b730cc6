// BPE of one word: start from its bytes or other symbols, merge the adjacent pair of lowest rank until none
// is left.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tokenizer/merge_table.h"

namespace quern {

class Bpe {
 public:
  // Memory that merging reuses from word to word; one per thread at a time.
  struct Workspace {
    struct Symbol {
      int32_t id;
      int32_t previous;
      int32_t next;
      int32_t result;  // of merging with the next
      uint32_t rank;   // of that merge
    };
    std::vector<Symbol> symbols;
    std::vector<uint64_t> heap;  // rank << 32 | position
  };

  // Of symbols alone.
  explicit Bpe(const std::vector<Merge>& merges) : merges_(merges) {}
  // byte_ids: the token of each byte, -1 where there is none: such bytes vanish, as in the reference.
  Bpe(const std::array<int32_t, 256>& byte_ids, const std::vector<Merge>& merges);

  void encode(std::string_view word, Workspace& workspace, std::vector<int32_t>& out) const;
  void encode(std::span<const int32_t> symbols, Workspace& workspace, std::vector<int32_t>& out) const;

 private:
  using MergeOf = MergeTable::MergeOf;
  struct ShortWord;

  void encode_short(std::string_view word, std::vector<int32_t>& out) const;
  void encode_long(std::string_view word, Workspace& workspace, std::vector<int32_t>& out) const;
  void merge_short(ShortWord& word, std::vector<int32_t>& out) const;
  void merge_long(Workspace& workspace, std::vector<int32_t>& out) const;

  MergeTable merges_;
  std::array<int32_t, 256> byte_ids_{};
  std::vector<MergeOf>
      byte_merges_;  // [256 * 256] of two bytes: where every word begins, so kept apart from the large table
};

}  // namespace quern
