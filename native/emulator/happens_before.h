// Which accesses of a launch come before which: clocks of the running block's warps, and what blocks have
// published to each other through fences and atomics.
//
// The clock of a warp ticks at barriers and fences. known_[w][u] is the newest clock of warp u whose accesses
// are ordered before what warp w does now; known_[w][w] is that for the other lanes of w.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace quern::emulator {

// An access in 64 bits; 0 is none.
class AccessRecord {
 public:
  AccessRecord() = default;
  AccessRecord(uint32_t block, uint32_t clock, int thread, bool is_atomic, bool is_async)
      : bits_(uint64_t(block) << 40 | uint64_t(clock) << 12 | uint64_t(thread) << 2 |
              uint64_t(is_atomic) << 1 | uint64_t(is_async)) {}
  uint32_t block() const { return uint32_t(bits_ >> 40); }  // counted over launches, from 1
  uint32_t clock() const { return uint32_t(bits_ >> 12) & 0xfffffff; }
  int thread() const { return int(bits_ >> 2) & 1023; }
  int warp() const { return thread() >> 5; }
  bool is_atomic() const { return bits_ & 2; }
  bool is_async() const { return bits_ & 1; }
  explicit operator bool() const { return bits_ != 0; }
  bool operator==(const AccessRecord&) const = default;
  static constexpr uint32_t kMostBlocks = (1u << 24) - 1;

 private:
  uint64_t bits_ = 0;
};

class HappensBefore {
 public:
  void begin_launch();
  void begin_block(int warps);
  void begin_count();  // of blocks: the next one is 1, and none came before

  uint32_t block() const { return block_; }
  uint32_t clock(int warp) const { return clocks_[size_t(warp)]; }
  // Records of blocks before this one are of earlier launches, which are over.
  uint32_t first_block_of_launch() const { return first_block_; }

  // Whether an access of this launch comes before what `thread` does now.
  bool is_before(AccessRecord record, int thread) const {
    if (record.block() != block_) return is_settled(record) || is_published(record, thread);
    return record.thread() == thread || record.clock() <= known_[size_t(thread >> 5)][size_t(record.warp())];
  }

  // Whether a record comes before whatever any thread of the running block will do.
  bool is_settled(AccessRecord record) const {
    if (record.block() == block_) return record.clock() <= settled_[size_t(record.warp())];
    return record.block() < first_block_ || record.block() > block_;
  }

  void block_barrier(uint64_t warps);
  void warp_barrier(int warp);
  void fence(int warp, uint32_t lanes);
  void synchronize(int thread, uint64_t address, bool acquires, bool releases);

 private:
  using Row = std::array<uint32_t, 32>;
  // What a thread made known by a fence and an atomic: newest clocks by thread, and what it knew of others.
  struct Publication {
    uint32_t block = 0;
    std::vector<uint32_t> clocks;
    std::vector<const Publication*> before;
  };
  struct Acquisition {
    const Publication* what = nullptr;
    int thread = 0;
    uint32_t clock = 0;
    // All that `what` leads to, by block; made when it is asked for.
    mutable std::unordered_map<uint32_t, std::vector<const Publication*>> by_block = {};
  };

  bool is_known_to(int thread, const Acquisition& acquisition) const;
  bool is_published(AccessRecord record, int thread) const;
  void publish(int thread, uint64_t address);
  uint32_t published_clock(int publisher, int thread) const;

  uint32_t block_ = 0, first_block_ = 1;
  int warps_ = 0;
  std::array<uint32_t, 32> clocks_ = {};
  std::array<Row, 32> known_ = {};
  Row settled_ = {};  // of each warp, what all know

  // Of fences: for each thread its newest, and its newest before its last barrier.
  struct Fence {
    uint32_t clock = 0, clock_at_barrier = 0, barrier = 0;
  };
  std::array<Fence, 1024> fences_ = {};
  // The rows of known_ after the last barriers of each warp: what a fence between them made known.
  static constexpr uint32_t kRemembered = 4;
  std::array<std::array<Row, kRemembered>, 32> rows_ = {};
  std::array<uint32_t, 32> barriers_ = {};
  bool has_fences_ = false;

  std::vector<std::unique_ptr<Publication>> publications_;
  std::unordered_map<uint64_t, const Publication*> newest_;  // by the address of the atomic
  std::vector<Acquisition> acquisitions_;                    // of the running block
};

}  // namespace quern::emulator
