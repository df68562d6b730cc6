#pragma once
#include <atomic>
#include <cstdint>

namespace quern {

class WorkItem;

// One call of ThreadPool::run(): its items, and who works on them. A region belongs to one caller at a time
// and is never freed, so a helper may look at any of them at any time. All that is agreed on stands in one
// atomic word: whether it is taken, how many helpers may still come, how many are inside. The rest is written
// by the caller while nobody else can be inside.
class alignas(64) WorkRegion {
 public:
  // For callers. False: it is another's.
  bool take();
  // Lets in that many helpers.
  void open(const WorkItem& work, int items, int helpers, const std::atomic<bool>& abort);
  // Lets in no more. Those inside still work.
  void close();
  bool is_empty() const { return helpers_in(state_.load(std::memory_order_acquire)) == 0; }
  // Sleeps until the last helper has left. After close().
  void await_empty() const;
  void give_back();

  // For helpers. The number of this thread's name, from 1 on; 0: there is no work or no seat for it.
  int join();
  void leave();

  // For whoever is inside: takes items until there are none, or `abort` is set. Returns how many it ran.
  int work_on(int thread);

 private:
  static constexpr uint32_t kTaken = 1, kHelper = 1 << 1, kSeat = 1 << 16;
  static uint32_t helpers_in(uint32_t state) { return (state & (kSeat - 1)) / kHelper; }
  static uint32_t seats_in(uint32_t state) { return state / kSeat; }

  std::atomic<uint32_t> state_{0};
  std::atomic<int> items_{0};
  const WorkItem* work_ = nullptr;
  const std::atomic<bool>* abort_ = nullptr;
  int seats_ = 0;                         // when it was opened
  alignas(64) std::atomic<int> next_{0};  // the item that nobody has taken
};

}  // namespace quern
