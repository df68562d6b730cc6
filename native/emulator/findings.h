// What the checker has found of one launch, put in words.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "emulator/arena.h"
#include "emulator/happens_before.h"
#include "emulator/launch.h"

namespace quern::emulator {

// An access of one thread.
struct Seen {
  AccessRecord record;
  uint32_t pc = 0, bytes = 0;
  const std::byte* address = nullptr;
  bool is_write = false, is_atomic = false, is_update = false, is_shared = false;
  bool is_early = false, is_lasting = false;

  int thread() const { return record.thread(); }
};

class Findings {
 public:
  using Describe = std::function<std::string(uint32_t pc)>;
  void begin_launch(std::string_view kernel, Describe describe, uint32_t first_block);
  void begin_count() {
    first_block_ = 1;
    blocks_.clear();
    launches_.assign(1, {1, kernel_});
  }
  void begin_block(Dim3 index) { blocks_.push_back(index); }
  void end_launch() { describe_ = nullptr; }
  bool are_none() const { return !has_found_; }

  // `what` goes on "a read" or "a write".
  void tell_access(const std::string& kind, const Seen& seen, const std::string& what);
  void tell_race(const Seen& seen, AccessRecord other, uint32_t other_pc, bool other_writes);
  void tell_async(const Seen& seen, AccessRecord other, uint32_t other_pc);
  // Of a kernel that may begin before the one in front has ended. `write`: what it must not have seen.
  void tell_early_read(const Seen& seen, AccessRecord write);
  void tell_early_write(const Seen& seen);
  void tell_unwaited(uint32_t pc);

 private:
  bool is_news(const std::string& kind, uint32_t pc, uint32_t other_pc);
  std::string who(AccessRecord record) const;
  void tell_pair(const std::string& kind, const Seen& seen, uint32_t other_pc, const std::string& middle,
                 const std::string& end);

  std::string kernel_in_front() const;

  std::string kernel_;
  // Kernels that ran, by their first blocks: the last kLaunches.
  static constexpr size_t kLaunches = 1024;
  std::deque<std::pair<uint32_t, std::string>> launches_;
  Describe describe_;
  uint32_t first_block_ = 0;
  std::vector<Dim3> blocks_;           // in the order they ran
  std::unordered_set<uint64_t> told_;  // kinds and places
  bool has_found_ = false;
};

}  // namespace quern::emulator
