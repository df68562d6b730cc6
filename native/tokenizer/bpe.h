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
      int32_t id;  // -1: merged into the symbol before it
      int32_t previous;
      int32_t next;
    };
    struct Candidate {
      uint32_t rank;
      int32_t position;
      int32_t left;
      int32_t right;
      int32_t result;
    };
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
  };

  // byte_ids: the token of each byte, -1 where there is none: such bytes vanish, as in the reference. A
  // merge's rank is its place.
  Bpe(const std::array<int32_t, 256>& byte_ids, const std::vector<Merge>& merges);

  void encode(std::string_view word, Workspace& workspace, std::vector<int32_t>& out) const;

 private:
  struct Slot {
    uint64_t pair = kEmpty;
    uint32_t rank = 0;
    int32_t result = 0;
  };
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  static constexpr uint32_t kNoRank = ~uint32_t{0};

  static uint64_t pair_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  size_t first_slot(uint64_t pair) const { return static_cast<size_t>(pair * 0x9E3779B97F4A7C15u >> shift_); }
  const Slot& find(int32_t left, int32_t right) const;  // rank kNoRank: the two do not merge

  void encode_short(std::string_view word, std::vector<int32_t>& out) const;
  void encode_long(std::string_view word, Workspace& workspace, std::vector<int32_t>& out) const;

  std::array<int32_t, 256> byte_ids_;
  std::vector<Slot> slots_;  // open addressing; a power of two
  int shift_ = 0;
};

}  // namespace quern
