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

}  // namespace

struct ThreadPool::Region {
  WorkItem work;
  const int items;
  const int threads;
  const std::atomic<bool>& abort;
  std::atomic<int> next{0};
  int joined = 1;               // the caller and helpers so far, guarded by mutex_
  std::atomic<int> helping{0};  // helpers inside

  // Returns how many items this thread ran.
  int work_on(int thread) {
    int done = 0;
    for (int item; (item = next.fetch_add(1, std::memory_order_relaxed)) < items; ++done) {
      if (abort.load(std::memory_order_relaxed)) {
        next.store(items, std::memory_order_relaxed);
        break;
      }
      work(item, thread);
    }
    return done;
  }
};

ThreadPool& ThreadPool::instance() {
  static auto* const pool = new ThreadPool;  // never destroyed: helpers may outlive every other static
  return *pool;
}

bool ThreadPool::run(int items, int threads, const std::atomic<bool>& abort, WorkItem work) {
  Region region{work, items, std::min(items, threads), abort};
  const bool alone = region.threads <= 1 || Clock::now() < contention.solo_until;
  if (alone) {
    region.work_on(0);
    return !abort.load(std::memory_order_relaxed);
  }
  if (helpers_.load(std::memory_order_relaxed) < threads - 1) start_helpers(threads - 1);
  {
    const std::lock_guard lock(mutex_);
    regions_.push_back(&region);
  }
  published_.fetch_add(1);
  if (parked_.load() > 0) published_.notify_all();

  const auto start = Clock::now();
  const int done = region.work_on(0);
  const double work_seconds = seconds_since(start), item_seconds = done > 0 ? work_seconds / done : 0;
  {
    const std::lock_guard lock(mutex_);
    regions_.erase(std::find(regions_.begin(), regions_.end(), &region));
  }
  wait_for(region, std::max(kUnexplainedWait + 4 * item_seconds, 0.5 * work_seconds));
  return !abort.load(std::memory_order_relaxed);
}

void ThreadPool::wait_for(Region& region, double bearable_seconds) {
  if (region.helping.load(std::memory_order_acquire) == 0) return;
  const auto start = Clock::now();
  while (region.helping.load(std::memory_order_acquire) != 0) {
    if (Clock::now() - start < kCallerSpin) {
      pause();
      continue;
    }
    // Sleeping gives our processor to the helper, if that is what it waits for.
    const uint32_t seen = left_.load();
    if (region.helping.load(std::memory_order_acquire) != 0) left_.wait(seen);
  }
  if (seconds_since(start) > bearable_seconds) {
    contention.solo_until = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                               std::chrono::duration<double>(contention.solo_seconds));
    contention.solo_seconds = std::min(2 * contention.solo_seconds, kLongestSolo);
  } else {
    contention.solo_seconds = std::max(0.998 * contention.solo_seconds, kShortestSolo);
  }
}

void ThreadPool::start_helpers(int wanted) {
  const std::lock_guard lock(mutex_);
  wanted = std::min(wanted, kMostHelpers);
  try {
    for (; helpers_.load() < wanted; helpers_.fetch_add(1)) std::thread([this] { help(); }).detach();
  } catch (const std::system_error&) {  // the system gives no more threads: fewer do the same work
  }
}

ThreadPool::Region* ThreadPool::join_region(int& thread) {
  const std::lock_guard lock(mutex_);
  for (Region* region : regions_) {
    if (region->joined < region->threads && region->next.load(std::memory_order_relaxed) < region->items) {
      thread = region->joined++;
      region->helping.fetch_add(1);
      return region;
    }
  }
  return nullptr;
}

void ThreadPool::help() {
  uint32_t seen = published_.load();
  for (;;) {
    int thread = 0;
    if (Region* region = join_region(thread)) {
      region->work_on(thread);
      region->helping.fetch_sub(1, std::memory_order_release);  // the region may be gone from here on
      left_.fetch_add(1);
      left_.notify_all();
      continue;
    }
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

}  // namespace quern
