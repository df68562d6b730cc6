// Who goes first, and who gives way.
#include <algorithm>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "check.h"
#include "engine/scheduled.h"

namespace quern::test {
namespace {

TEST(the_higher_priority_is_admitted_first) {
  Scheduler scheduler({512, 2, 100});
  for (uint32_t id = 1; id <= 3; ++id) scheduler.add(make_sequence(id, std::vector<int32_t>(4, 1), 0));
  scheduler.add(make_sequence(4, std::vector<int32_t>(4, 2), 5));
  scheduler.add(make_sequence(5, std::vector<int32_t>(4, 3), -5));
  scheduler.add(make_sequence(6, std::vector<int32_t>(4, 4), 5));
  CHECK_EQ(ids(scheduler.waiting()), std::string("4 6 1 2 3 5"));
  (void)scheduler.schedule();
  CHECK_EQ(ids(scheduler.running()), std::string("4 6"));
}

TEST(prompts_are_computed_in_order_of_priority) {
  Scheduler scheduler({32, 10, 100});
  scheduler.add(make_sequence(1, 100));
  compute(scheduler);
  scheduler.add(make_sequence(2, std::vector<int32_t>(40, 2), 1));
  CHECK_EQ(shown(scheduler.schedule()), std::string("2:32"));
  compute(scheduler);
  CHECK_EQ(shown(scheduler.schedule()), std::string("2:8 1:24"));
}

// Who matters less gives its pages or its place, and comes back before its equals.
TEST(the_lower_priority_gives_way) {
  Scheduler by_pages({512, 10, 8}), by_number({512, 1, 100});
  for (Scheduler* scheduler : {&by_pages, &by_number}) {
    scheduler->add(make_sequence(1, 90));  // six pages
    compute(*scheduler);
    scheduler->add(make_sequence(2, 10));
    scheduler->add(make_sequence(3, std::vector<int32_t>(40, 3), 1));
    CHECK_EQ(shown(scheduler->schedule()), std::string("3:40"));
    CHECK_EQ(ids(scheduler->waiting()).substr(0, 1), std::string("1"));
  }
}

// 8 pages: what a higher one keeps leaves no room, whoever else gives way.
TEST(nobody_gives_way_for_nothing) {
  Scheduler scheduler({512, 10, 8});
  scheduler.add(make_sequence(1, std::vector<int32_t>(80, 1), 5));
  scheduler.add(make_sequence(2, std::vector<int32_t>(10, 2)));
  for (int step = 0; step < 2; ++step) compute(scheduler);
  scheduler.add(make_sequence(3, std::vector<int32_t>(60, 3), 3));
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:1 2:1"));
  CHECK_EQ(ids(scheduler.waiting()), std::string("3"));
  scheduler.add(make_sequence(4, std::vector<int32_t>(10, 4), 4));
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:1 4:10"));
  CHECK_EQ(ids(scheduler.waiting()), std::string("3 2"));
}

// 8 pages, of which two sequences share three: they are free when both have gone, not when one has.
TEST(shared_pages_are_free_when_all_who_hold_them_give_way) {
  std::vector<int32_t> longer(70, 1), shorter(58, 1);
  std::fill(shorter.begin() + 50, shorter.end(), 2);
  for (const int32_t priority : {5, 0}) {
    Scheduler scheduler({512, 10, 8});
    scheduler.add(make_sequence(1, longer, priority));
    compute(scheduler);
    scheduler.add(make_sequence(2, shorter));
    compute(scheduler);
    scheduler.add(make_sequence(3, std::vector<int32_t>(60, 3), 3));
    const bool stays = priority == 5;
    CHECK_EQ(shown(scheduler.schedule()), std::string(stays ? "1:1 2:1" : "3:60"));
    CHECK_EQ(ids(scheduler.waiting()), std::string(stays ? "3" : "1 2"));
  }
}

TEST(equals_do_not_give_way) {
  Scheduler scheduler({512, 1, 100});
  scheduler.add(make_sequence(1, std::vector<int32_t>(20, 1), 3));
  compute(scheduler);
  scheduler.add(make_sequence(2, std::vector<int32_t>(20, 2), 3));
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:1"));
}

// Others go past a sleeping reader, and it keeps its place.
TEST(a_reader_who_slept_goes_before_those_who_matter_less) {
  Scheduler scheduler({512, 1, 100});
  scheduler.add(make_sequence(1, std::vector<int32_t>(20, 1)));
  compute(scheduler);
  const auto sleeper = make_sequence(2, std::vector<int32_t>(20, 2), 5);
  sleeper->unread = kMostUnread;
  scheduler.add(sleeper);
  scheduler.add(make_sequence(3, std::vector<int32_t>(20, 3)));
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:1"));
  CHECK_EQ(ids(scheduler.waiting()), std::string("2 3"));
  sleeper->unread = 0;
  scheduler.add(make_sequence(4, std::vector<int32_t>(20, 4), 3));
  CHECK_EQ(shown(scheduler.schedule()), std::string("2:20"));
  CHECK_EQ(ids(scheduler.waiting()), std::string("4 1 3"));
}

}  // namespace
}  // namespace quern::test
