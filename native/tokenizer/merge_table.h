#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace quern {

struct Merge {
  int32_t left;
  int32_t right;
  int32_t result;
};

// What two adjacent symbols merge to, and how early: a hash table with open addressing.
class MergeTable {
 public:
  static constexpr uint32_t kNoRank = ~uint32_t{0};

  struct MergeOf {
    uint32_t rank = kNoRank;  // the two do not merge
    int32_t result = 0;
  };

  // A merge's rank is its place. Fails where no hash function tells the merges apart.
  explicit MergeTable(const std::vector<Merge>& merges);

  MergeOf find(int32_t left, int32_t right) const {
    const uint64_t pair = pair_of(left, right);
    size_t i = first_slot(pair);
    while (slots_[i].pair != pair && slots_[i].pair != kEmpty) i = (i + 1) & (slots_.size() - 1);
    return slots_[i].merge;
  }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};

  struct Slot {
    uint64_t pair = kEmpty;
    MergeOf merge;
  };

  static uint64_t pair_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  size_t first_slot(uint64_t pair) const { return static_cast<size_t>(pair * multiplier_ >> shift_); }
  bool fill_slots(const std::vector<Merge>& merges);

  std::vector<Slot> slots_;  // a power of two
  int shift_ = 0;
  uint64_t multiplier_ = 0x9E3779B97F4A7C15u;  // odd
};

}  // namespace quern
