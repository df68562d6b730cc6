// What the checker has found of one launch, put in words.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
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

  int thread() const { return record.thread(); }
};

class Findings {
 public:
  using Describe = std::function<std::string(uint32_t pc)>;
  void begin_launch(std::string_view kernel, Describe describe, uint32_t first_block);
  void begin_count() {
    first_block_ = 1;
    blocks_.clear();
  }
  void begin_block(Dim3 index) { blocks_.push_back(index); }
  void end_launch() { describe_ = nullptr; }
  bool are_none() const { return !has_found_; }

  // `what` goes on "a read" or "a write".
  void tell_access(const std::string& kind, const Seen& seen, const std::string& what);
  void tell_race(const Seen& seen, AccessRecord other, uint32_t other_pc, bool other_writes);
  void tell_async(const Seen& seen, AccessRecord other, uint32_t other_pc);

 private:
  bool is_news(const std::string& kind, uint32_t pc, uint32_t other_pc);
  std::string who(AccessRecord record) const;
  void tell_pair(const std::string& kind, const Seen& seen, uint32_t other_pc, const std::string& middle,
                 const std::string& end);

  std::string kernel_;
  Describe describe_;
  uint32_t first_block_ = 0;
  std::vector<Dim3> blocks_;           // in the order they ran
  std::unordered_set<uint64_t> told_;  // kinds and places
  bool has_found_ = false;
};

}  // namespace quern::emulator
