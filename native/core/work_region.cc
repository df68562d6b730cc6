#include "core/work_region.h"

#include "core/thread_pool.h"

namespace quern {

bool WorkRegion::take() {
  uint32_t free = 0;
  return state_.load(std::memory_order_relaxed) == free &&
         state_.compare_exchange_strong(free, kTaken, std::memory_order_acquire, std::memory_order_relaxed);
}

void WorkRegion::open(const WorkItem& work, int items, int helpers, const std::atomic<bool>& abort) {
  work_ = &work;
  abort_ = &abort;
  seats_ = helpers;
  next_.store(0, std::memory_order_relaxed);
  items_.store(items, std::memory_order_relaxed);
  state_.store(kTaken + static_cast<uint32_t>(helpers) * kSeat, std::memory_order_release);
}

void WorkRegion::close() {
  state_.fetch_and(kSeat - 1, std::memory_order_acquire);
}

void WorkRegion::await_empty() const {
  for (uint32_t state; helpers_in(state = state_.load(std::memory_order_acquire)) > 0;) state_.wait(state);
}

void WorkRegion::give_back() {
  state_.store(0, std::memory_order_release);
}

int WorkRegion::join() {
  uint32_t state = state_.load(std::memory_order_relaxed);
  for (;;) {
    const uint32_t seats = seats_in(state);
    // Whoever comes when all items are taken would only have the caller wait for him to leave.
    if (seats == 0 || next_.load(std::memory_order_relaxed) >= items_.load(std::memory_order_relaxed))
      return 0;
    if (state_.compare_exchange_weak(state, state - kSeat + kHelper, std::memory_order_acquire,
                                     std::memory_order_relaxed))
      return seats_ + 1 - static_cast<int>(seats);
  }
}

void WorkRegion::leave() {
  const uint32_t before = state_.fetch_sub(kHelper, std::memory_order_release);
  if (seats_in(before) == 0 && helpers_in(before) == 1) state_.notify_one();
}

int WorkRegion::work_on(int thread) {
  const int items = items_.load(std::memory_order_relaxed);
  int done = 0;
  for (int item; (item = next_.fetch_add(1, std::memory_order_relaxed)) < items; ++done) {
    if (abort_->load(std::memory_order_relaxed)) {
      next_.store(items, std::memory_order_relaxed);
      break;
    }
    (*work_)(item, thread);
  }
  return done;
}

}  // namespace quern
