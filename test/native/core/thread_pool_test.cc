#include "core/thread_pool.h"

#include <chrono>
#include <ctime>
#include <thread>
#include <vector>

#include "check.h"

namespace quern::test {
namespace {

using std::chrono::steady_clock;

const std::atomic<bool> kNever{false};

// Every item once, and only names of threads that were asked for.
void check_run(int items, int threads) {
  std::vector<std::atomic<int>> runs(static_cast<size_t>(items));
  std::vector<std::atomic<int>> inside(static_cast<size_t>(threads));
  std::atomic<int> wrong{0};
  const bool completed = ThreadPool::instance().run(items, threads, kNever, [&](int item, int thread) {
    if (item < 0 || item >= items || thread < 0 || thread >= threads) {
      ++wrong;
      return;
    }
    if (inside[static_cast<size_t>(thread)].fetch_add(1) != 0) ++wrong;  // two at a time under one name
    ++runs[static_cast<size_t>(item)];
    inside[static_cast<size_t>(thread)].fetch_sub(1);
  });
  CHECK(completed);
  CHECK_EQ(wrong.load(), 0);
  for (const auto& count : runs) CHECK_EQ(count.load(), 1);
}

TEST(every_item_once) {
  for (const int threads : {1, 2, 3, 4, 3, 2, 1, 4, 1, 3})
    for (const int items : {0, 1, 2, 3, 7, 64, 1000}) check_run(items, threads);
}

// The pool has more threads by then than may take part, and items that sleep leave all of them the time to
// come.
TEST(no_more_threads_than_asked_for) {
  for (const int threads : {4, 2, 3, 2}) {
    std::atomic<int> busiest{0}, inside{0}, largest_name{0};
    const auto raise = [](std::atomic<int>& most, int value) {
      for (int seen = most; seen < value && !most.compare_exchange_weak(seen, value);) {
      }
    };
    ThreadPool::instance().run(60, threads, kNever, [&](int, int thread) {
      raise(busiest, ++inside);
      raise(largest_name, thread);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      --inside;
    });
    CHECK(largest_name < threads);
    CHECK(busiest <= threads);
  }
}

TEST(many_small_regions) {
  int64_t sum = 0;
  for (int i = 0; i < 20000; ++i) {
    std::atomic<int> done{0};
    ThreadPool::instance().run(3, 2, kNever, [&](int item, int) { done += item + 1; });
    sum += done;
  }
  CHECK_EQ(sum, int64_t{6} * 20000);
}

TEST(callers_side_by_side) {
  std::vector<std::thread> callers;
  std::atomic<int64_t> sum{0};
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int i = 0; i < 1000; ++i)
        ThreadPool::instance().run(5, 3, kNever, [&](int item, int) { sum += item; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK_EQ(sum.load(), int64_t{4} * 1000 * 10);
}

TEST(abort_is_seen_before_each_item) {
  for (const int threads : {1, 2, 4}) {
    std::atomic<bool> abort{false};
    std::atomic<int> runs{0};
    const bool completed = ThreadPool::instance().run(1000, threads, abort, [&](int item, int) {
      ++runs;
      if (item == 10) abort = true;
      while (item > 10 && !abort) std::this_thread::yield();  // whoever sets it may be slow
    });
    CHECK(!completed);
    // What had begun when it was set. An item below 10 that another thread had taken and not begun is left
    // out.
    CHECK(runs.load() > 11 - threads && runs.load() < 11 + threads);
    runs = 0;
    CHECK(!ThreadPool::instance().run(100, threads, abort, [&](int, int) { ++runs; }));
    CHECK_EQ(runs.load(), 0);
  }
}

TEST(work_that_was_aborted_leaves_the_pool_usable) {
  for (int round = 0; round < 200; ++round) {
    std::atomic<bool> abort{false};
    ThreadPool::instance().run(50, 3, abort, [&](int item, int) {
      if (item == round % 50) abort = true;
    });
    check_run(20, 3);
  }
}

TEST(an_idle_pool_uses_no_processor) {
  check_run(100, 4);
  // Helpers park in 20 ms where they have a core, later where others have them. A pool that spins does so for
  // ever.
  double seconds = 1;
  for (int look = 0; look < 25 && seconds > 0.05; ++look) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const std::clock_t before = std::clock();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  }
  CHECK_NEAR(seconds, 0, 0.05, 0);
}

}  // namespace
}  // namespace quern::test
