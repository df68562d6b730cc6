#include "backend/library/entry/gate.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <shared_mutex>
#include <thread>

namespace quern::gate {

namespace {

constexpr std::chrono::seconds kPatience{2};  // a step takes less; a device that hangs must not hold the end

struct Gate {
  std::shared_timed_mutex calls;  // shared by the calls that are inside
  std::atomic<bool> is_closed = false;
  std::thread::id ender;  // of is_closed
  std::once_flag watched;
};
// Never destroyed: threads come here until the last moment.
Gate& gate() {
  static Gate& only = *new Gate;
  return only;
}

void close() {
  Gate& all = gate();
  all.ender = std::this_thread::get_id();
  all.is_closed = true;
  (void)all.calls.try_lock_for(kPatience);  // and never unlocked
}

}  // namespace

void watch_exit() {
  std::call_once(gate().watched, [] { std::atexit(close); });
}

Passage::Passage() : is_open_(true) {
  Gate& all = gate();
  if (!all.is_closed) {
    all.calls.lock_shared();
    if (!all.is_closed) return;
    all.calls.unlock_shared();
  }
  is_open_ = false;
  while (all.ender != std::this_thread::get_id()) std::this_thread::sleep_for(std::chrono::hours(1));
}

Passage::~Passage() {
  if (is_open_) gate().calls.unlock_shared();
}

}  // namespace quern::gate
