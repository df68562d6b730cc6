#include "core/thread_pool.h"

#include <algorithm>
#include <chrono>
#include <system_error>

namespace quern {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostHelpers = 255;
constexpr auto kHelperSpin =
    std::chrono::microseconds(100);  // longer than the gap between two regions of a step
constexpr auto kCallerSpin = std::chrono::microseconds(30);
constexpr double kUnexplainedWait = 300e-6;  // seconds, beyond four items of our own or half of all
constexpr double kShortestSolo = 0.02, kLongestSolo = 0.4;  // seconds without helpers after such a wait

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What a calling thread has learnt about its helpers.
struct Contention {
  Clock::time_point solo_until{};
  double solo_seconds = kShortestSolo;
};
thread_local Contention contention;

void learn_from_wait(double seconds, double bearable_seconds) {
  if (seconds > bearable_seconds) {
    contention.solo_until = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                               std::chrono::duration<double>(contention.solo_seconds));
    contention.solo_seconds = std::min(2 * contention.solo_seconds, kLongestSolo);
  } else {
    contention.solo_seconds = std::max(0.998 * contention.solo_seconds, kShortestSolo);
  }
}

// Until the last helper has left a region that is closed.
void wait_for_helpers(const WorkRegion& region, double bearable_seconds) {
  if (region.is_empty()) return;
  const auto start = Clock::now();
  while (!region.is_empty() && Clock::now() - start < kCallerSpin) pause();
  region.await_empty();  // sleeping gives our processor to a helper, if that is what it waits for
  learn_from_wait(seconds_since(start), bearable_seconds);
}

}  // namespace

ThreadPool& ThreadPool::instance() {
  static auto* const pool = new ThreadPool;  // never destroyed: helpers may outlive every other static
  return *pool;
}

bool ThreadPool::run(int items, int threads, const std::atomic<bool>& abort, WorkItem work) {
  const int most = std::min(items, threads);
  WorkRegion* region = most > 1 && Clock::now() >= contention.solo_until ? take_region() : nullptr;
  if (!region) {
    for (int item = 0; item < items && !abort.load(std::memory_order_relaxed); ++item) work(item, 0);
    return !abort.load(std::memory_order_relaxed);
  }
  if (helpers_.load(std::memory_order_relaxed) < threads - 1) start_helpers(threads - 1);
  region->open(work, items, std::min(most - 1, kMostHelpers), abort);
  publish();

  const auto start = Clock::now();
  const int done = region->work_on(0);
  const double work_seconds = seconds_since(start), item_seconds = done > 0 ? work_seconds / done : 0;
  region->close();
  wait_for_helpers(*region, std::max(kUnexplainedWait + 4 * item_seconds, 0.5 * work_seconds));
  region->give_back();
  return !abort.load(std::memory_order_relaxed);
}

WorkRegion* ThreadPool::take_region() {
  thread_local int last = 0;  // a caller's own, as long as nobody else has it: it is in its cache
  for (int i = 0; i < kRegions; ++i) {
    const int index = (last + i) % kRegions;
    if (!regions_[static_cast<size_t>(index)].take()) continue;
    last = index;
    return &regions_[static_cast<size_t>(index)];
  }
  return nullptr;
}

void ThreadPool::publish() {
  published_.fetch_add(1);
  if (parked_.load() > 0) published_.notify_all();
}

void ThreadPool::start_helpers(int wanted) {
  const std::lock_guard lock(starting_);
  wanted = std::min(wanted, kMostHelpers);
  try {
    for (; helpers_.load() < wanted; helpers_.fetch_add(1)) std::thread([this] { help(); }).detach();
  } catch (const std::system_error&) {  // the system gives no more threads: fewer do the same work
  }
}

void ThreadPool::help() {
  uint32_t seen = published_.load();
  for (;;) {
    if (help_once()) continue;
    const auto start = Clock::now();
    while (published_.load(std::memory_order_relaxed) == seen && Clock::now() - start < kHelperSpin) pause();
    if (published_.load() == seen) {
      parked_.fetch_add(1);
      published_.wait(seen);
      parked_.fetch_sub(1);
    }
    seen = published_.load();
  }
}

bool ThreadPool::help_once() {
  for (WorkRegion& region : regions_) {
    const int thread = region.join();
    if (thread == 0) continue;
    region.work_on(thread);
    region.leave();
    return true;
  }
  return false;
}

}  // namespace quern
