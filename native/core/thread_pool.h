#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>

#include "core/work_region.h"

namespace quern {

// A reference to a callable, without the allocation that std::function may make.
class WorkItem {
 public:
  template <typename F>
  WorkItem(const F& f)
      : object_(&f), call_([](const void* object, int item, int thread) {
          (*static_cast<const F*>(object))(item, thread);
        }) {}
  void operator()(int item, int thread) const { call_(object_, item, thread); }

 private:
  const void* object_;
  void (*call_)(const void*, int, int);
};

// The compute threads of the whole process, shared by all models and all JavaScript threads. The caller of
// run() works too, so `threads` of 2 means one helper. Threads spin briefly between pieces of work, then
// park; an idle process uses no processor.
//
// On a shared machine a helper may lose its processor in the middle of an item, and the caller would wait for
// it, often for milliseconds. Each caller therefore notices waits that its own work does not explain and
// works alone for a while.
class ThreadPool {
 public:
  static ThreadPool& instance();

  // Calls work(item, thread) for every item of [0, items), in any order, on at most `threads` threads;
  // `thread` < threads names the one that runs, for scratch memory. Items should take 2 ms at most: before
  // each one, `abort` is read. Returns false if it was set.
  bool run(int items, int threads, const std::atomic<bool>& abort, WorkItem work);

 private:
  // Calls of run() that helpers take part in at a time; in more their callers work alone.
  static constexpr int kRegions = 16;

  ThreadPool() = default;
  WorkRegion* take_region();
  void publish();
  void start_helpers(int wanted);
  void help();
  bool help_once();

  std::array<WorkRegion, kRegions> regions_;
  std::atomic<uint32_t> published_{0};  // counts regions that were opened; helpers park on it
  std::atomic<int> parked_{0};
  std::atomic<int> helpers_{0};  // threads started
  std::mutex starting_;
};

}  // namespace quern
