#include "emulator/findings.h"

#include <algorithm>
#include <iterator>

#include "emulator/report.h"

namespace quern::emulator {
namespace {

// "4 bytes of shared memory at 128", "… at 16 of an allocation of 4096".
std::string place_of(const Seen& seen) {
  const Arena& arena = Arena::instance();
  const std::string bytes = std::to_string(seen.bytes) + (seen.bytes == 1 ? " byte" : " bytes");
  if (seen.is_shared) return bytes + " of shared memory at " + std::to_string(seen.address - arena.shared());
  const Arena::Allocation* found = arena.find(seen.address);
  if (!found) return bytes + (arena.holds(seen.address) ? " of the device" : " of the host");
  return bytes + " at " + std::to_string(seen.address - found->begin) + " of an allocation of " +
         std::to_string(found->bytes);
}

std::string doing(const Seen& seen) {
  return seen.is_write ? "a write" : "a read";
}

}  // namespace

void Findings::begin_launch(std::string_view kernel, Describe describe, uint32_t first_block) {
  kernel_ = kernel;
  describe_ = std::move(describe);
  first_block_ = first_block;
  blocks_.clear();
  told_.clear();
  has_found_ = false;
  launches_.emplace_back(first_block, kernel_);
  if (launches_.size() > kLaunches) launches_.pop_front();
}

// A kind is told from the others by its length and its first letter.
bool Findings::is_news(const std::string& kind, uint32_t pc, uint32_t other_pc) {
  has_found_ = true;
  const uint64_t code = kind.size() * 32 + size_t(kind[0] - 'a');
  return told_.insert(code << 42 | uint64_t(other_pc) << 21 | pc).second;
}

std::string Findings::who(AccessRecord record) const {
  const uint32_t index = record.block() - first_block_;
  const Dim3 at = index < blocks_.size() ? blocks_[index] : Dim3{};
  return "thread " + std::to_string(record.thread()) + " of block (" + std::to_string(at.x) + ", " +
         std::to_string(at.y) + ", " + std::to_string(at.z) + ")";
}

void Findings::tell_access(const std::string& kind, const Seen& seen, const std::string& what) {
  if (!is_news(kind, seen.pc, 0)) return;
  const std::string at = describe_(seen.pc);
  report({kind, kernel_,
          at + ": " + doing(seen) + " " + what + " (" + place_of(seen) + ", " + who(seen.record) + ")", at});
}

void Findings::tell_pair(const std::string& kind, const Seen& seen, uint32_t other_pc,
                         const std::string& middle, const std::string& end) {
  if (!is_news(kind, seen.pc, other_pc)) return;
  const std::string at = describe_(seen.pc), other_at = describe_(other_pc);
  report({kind, kernel_,
          at + ": " + doing(seen) + " of " + place_of(seen) + " by " + who(seen.record) + middle + other_at +
              end,
          at + " " + other_at});
}

void Findings::tell_race(const Seen& seen, AccessRecord other, uint32_t other_pc, bool other_writes) {
  tell_pair("race", seen, other_pc,
            std::string(" is not ordered after the ") + (other_writes ? "write" : "read") + " at ",
            " by " + who(other));
}

std::string Findings::kernel_in_front() const {
  return launches_.size() < 2 ? "the kernel in front" : readable(launches_[launches_.size() - 2].second);
}

void Findings::tell_early_read(const Seen& seen, AccessRecord write) {
  const auto after = std::find_if(launches_.begin(), launches_.end(),
                                  [&](const auto& launch) { return launch.first > write.block(); });
  const std::string writer =
      after == launches_.begin() ? "a kernel in front" : readable(std::prev(after)->second);
  tell_access("early", seen,
              seen.is_early ? "before griddepcontrol.wait of what " + writer + " wrote"
                            : "by ld.global.nc of what " + writer + " wrote, which may run when this begins");
}

void Findings::tell_early_write(const Seen& seen) {
  tell_access("early", seen, "before griddepcontrol.wait, while " + kernel_in_front() + " may run");
}

void Findings::tell_unwaited(uint32_t pc) {
  if (!is_news("early", pc, 0)) return;
  const std::string at = describe_(pc);
  const Dim3 block = blocks_.back();
  report({"early", kernel_,
          at + ": block (" + std::to_string(block.x) + ", " + std::to_string(block.y) + ", " +
              std::to_string(block.z) + ") ends without griddepcontrol.wait for " + kernel_in_front(),
          at});
}

void Findings::tell_async(const Seen& seen, AccessRecord other, uint32_t other_pc) {
  tell_pair("async", seen, other_pc, " before the copy at ", " by " + who(other) + " was waited for");
}

}  // namespace quern::emulator
