// Byte-level BPE of one word: start from its bytes, merge the adjacent pair of lowest rank until none is
// left.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace quern {

struct Merge {
  int32_t left;
  int32_t right;
  int32_t result;
};

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

  // byte_ids: the token of each byte, -1 where there is none: such bytes vanish, as in the reference. A
  // merge's rank is its place. Fails where no hash function tells the merges apart.
  Bpe(const std::array<int32_t, 256>& byte_ids, const std::vector<Merge>& merges);

  void encode(std::string_view word, Workspace& workspace, std::vector<int32_t>& out) const;

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  static constexpr uint32_t kNoRank = ~uint32_t{0};

  struct MergeOf {
    uint32_t rank = kNoRank;  // the two do not merge
    int32_t result = 0;
  };
  struct Slot {
    uint64_t pair = kEmpty;
    MergeOf merge;
  };

  static uint64_t pair_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  size_t first_slot(uint64_t pair) const { return static_cast<size_t>(pair * multiplier_ >> shift_); }
  MergeOf find(int32_t left, int32_t right) const;
  bool fill_slots(const std::vector<Merge>& merges);

  void encode_short(std::string_view word, std::vector<int32_t>& out) const;
  void encode_long(std::string_view word, Workspace& workspace, std::vector<int32_t>& out) const;

  std::array<int32_t, 256> byte_ids_;
  std::vector<MergeOf>
      byte_merges_;  // [256 * 256] of two bytes: where every word begins, so kept apart from the large table
  std::vector<Slot> slots_;  // open addressing; a power of two
  int shift_ = 0;
  uint64_t multiplier_ = 0x9E3779B97F4A7C15u;  // odd
};

}  // namespace quern
