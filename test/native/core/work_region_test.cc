#include "core/work_region.h"

#include <atomic>
#include <thread>
#include <vector>

#include "check.h"
#include "core/thread_pool.h"

namespace quern::test {
namespace {

const std::atomic<bool> kNever{false};

TEST(belongs_to_one_caller) {
  WorkRegion region;
  CHECK(region.take());
  CHECK(!region.take());
  region.give_back();
  CHECK(region.take());
}

TEST(has_a_seat_for_each_helper_it_was_opened_for) {
  WorkRegion region;
  CHECK_EQ(region.join(), 0);  // nobody's
  CHECK(region.take());
  CHECK_EQ(region.join(), 0);  // not open
  const auto nothing = [](int, int) {};
  const WorkItem work = nothing;
  region.open(work, 10, 3, kNever);
  CHECK_EQ(region.join(), 1);
  CHECK_EQ(region.join(), 2);
  region.leave();
  CHECK_EQ(region.join(), 3);  // a name is given once
  CHECK_EQ(region.join(), 0);
  CHECK(!region.is_empty());
  region.close();
  for (int helper = 0; helper < 2; ++helper) region.leave();
  CHECK(region.is_empty());
}

TEST(lets_nobody_in_when_it_is_closed_or_has_no_item_left) {
  WorkRegion region;
  CHECK(region.take());
  const auto nothing = [](int, int) {};
  const WorkItem work = nothing;
  region.open(work, 10, 1, kNever);
  CHECK_EQ(region.work_on(0), 10);
  CHECK_EQ(region.join(), 0);
  region.close();
  region.open(work, 10, 1, kNever);
  region.close();
  CHECK_EQ(region.join(), 0);
}

// Helpers that come at any moment, and a caller whose region is another one's in the next.
TEST(nobody_is_inside_when_it_is_empty) {
  WorkRegion region;
  std::atomic<bool> over{false};
  std::vector<std::thread> helpers;
  for (int helper = 0; helper < 3; ++helper) {
    helpers.emplace_back([&] {
      while (!over) {
        const int thread = region.join();
        if (thread == 0) continue;
        region.work_on(thread);
        region.leave();
      }
    });
  }
  int64_t sum = 0, expected = 0;
  for (int round = 0; round < 3000; ++round) {
    const int items = 1 + round % 7;
    std::atomic<int> done{0};
    const auto count = [&](int item, int) { done += item + 1; };
    const WorkItem work = count;
    CHECK(region.take());
    region.open(work, items, 1 + round % 3, kNever);
    region.work_on(0);
    region.close();
    region.await_empty();
    region.give_back();
    sum += done;
    expected += items * (items + 1) / 2;
  }
  over = true;
  for (std::thread& helper : helpers) helper.join();
  CHECK_EQ(sum, expected);
}

}  // namespace
}  // namespace quern::test
