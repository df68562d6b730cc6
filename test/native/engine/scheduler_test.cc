#include "engine/scheduler.h"

#include <string>

#include "backend/backend.h"
#include "check.h"
#include "engine/scheduled.h"

namespace quern::test {
namespace {

TEST(decoding_rows_come_before_chunks_of_prompts) {
  Scheduler scheduler({64, 10, 100});
  scheduler.add(make_sequence(1, 5));
  scheduler.add(make_sequence(2, 100));
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:5 2:59"));
  compute(scheduler);
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:1 2:41"));
  compute(scheduler);
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:1 2:1"));
}

TEST(a_step_never_has_more_rows_than_its_limit) {
  Scheduler scheduler({10, 100, 1000});
  for (uint32_t id = 1; id <= 30; ++id) scheduler.add(make_sequence(id, 1));
  int rows = 0;
  for (const ScheduledRows& part : scheduler.schedule()) rows += part.rows;
  CHECK_EQ(rows, 10);
}

TEST(chunks_follow_the_measured_rate) {
  Scheduler scheduler({1000, 10, 1000});
  scheduler.add(make_sequence(1, 5000));
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:64"));  // before anything is known
  scheduler.measured(100, 0.5);                                // 200 rows a second: one second of them alone
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:200"));
  scheduler.add(make_sequence(2, 1));
  CHECK_EQ(shown(scheduler.schedule()), std::string("2:1 1:40"));  // 0.2 s beside one that decodes
  compute(scheduler);
  for (int round = 0; round < 60; ++round) scheduler.measured(1000, 10);  // now 100 a second
  CHECK_EQ(shown(scheduler.schedule()), std::string("2:1 1:20"));
  compute(scheduler);
  scheduler.running()[1]->unread = kMostUnread;  // nobody waits for its next token
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:100"));
  scheduler.running()[1]->unread = 0;
  for (int round = 0; round < 60; ++round) scheduler.measured(1000, 0.1);
  CHECK_EQ(shown(scheduler.schedule()), std::string("2:1 1:999"));  // up to the step's limit
}

TEST(a_chunk_beside_decoding_counts_decoding_rows_apart) {
  Scheduler scheduler({1000, 20, 1000});
  for (uint32_t id = 1; id <= 3; ++id) scheduler.add(make_sequence(id, 1));
  compute(scheduler);
  scheduler.measured(100, 1);
  scheduler.add(make_sequence(4, 5000));
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:1 2:1 3:1 4:20"));
  scheduler.add(make_sequence(5, 5000));  // one chunk's worth for all prompts together
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:1 2:1 3:1 4:20"));
}

TEST(the_rate_is_a_running_mean) {
  Scheduler scheduler({1000, 10, 1000});
  scheduler.add(make_sequence(1, 5000));
  const auto chunk = [&] { return scheduler.schedule()[0].rows; };
  scheduler.measured(7, 0.001);  // too few rows, or no time: no measurement
  scheduler.measured(500, 0);
  CHECK_EQ(chunk(), 64);
  scheduler.measured(100, 1);
  CHECK_EQ(chunk(), 100);
  scheduler.measured(200, 1);  // three tenths of what is new
  CHECK_EQ(chunk(), 130);
  scheduler.measured(8, 8);
  CHECK_EQ(chunk(), 91);  // 91.3
  scheduler.measured(7, 1000);
  CHECK_EQ(chunk(), 91);
  for (int round = 0; round < 60; ++round) scheduler.measured(8, 800);
  CHECK_EQ(chunk(), 8);  // however slow the machine
}

TEST(admission_by_free_pages) {
  Scheduler scheduler({512, 10, 10});
  scheduler.add(make_sequence(1, 5 * kPagePositions));  // five pages, and one to go on with
  scheduler.add(make_sequence(2, 4 * kPagePositions));  // five would be needed, five are left
  scheduler.add(make_sequence(3, 1));                   // two pages, but in order behind 2
  (void)scheduler.schedule();
  CHECK_EQ(ids(scheduler.running()), std::string("1 2"));
  CHECK_EQ(ids(scheduler.waiting()), std::string("3"));
  scheduler.remove(*scheduler.running()[0]);
  (void)scheduler.schedule();
  CHECK_EQ(ids(scheduler.running()), std::string("2 3"));
}

TEST(no_more_sequences_than_the_limit) {
  Scheduler scheduler({512, 3, 1000});
  for (uint32_t id = 1; id <= 5; ++id) scheduler.add(make_sequence(id, 4));
  (void)scheduler.schedule();
  CHECK_EQ(ids(scheduler.running()), std::string("1 2 3"));
  CHECK_EQ(ids(scheduler.waiting()), std::string("4 5"));
}

TEST(the_last_admitted_is_preempted_first) {
  Scheduler scheduler({512, 10, 9});
  for (uint32_t id = 1; id <= 3; ++id) scheduler.add(make_sequence(id, 2 * kPagePositions));
  compute(scheduler);
  CHECK_EQ(ids(scheduler.running()), std::string("1 2 3"));
  while (scheduler.running().size() == 3) compute(scheduler);
  CHECK_EQ(ids(scheduler.running()), std::string("1 2"));
  CHECK_EQ(ids(scheduler.waiting()), std::string("3"));
  CHECK_EQ(scheduler.waiting()[0]->computed, 0);
  CHECK(scheduler.waiting()[0]->state.pages() == 0);
  CHECK(scheduler.waiting()[0]->generated() > 0);  // what it said stays said
}

TEST(the_preempted_return_in_the_order_of_their_admission) {
  Scheduler scheduler({512, 10, 12});
  for (uint32_t id = 1; id <= 4; ++id) scheduler.add(make_sequence(id, 2 * kPagePositions));
  compute(scheduler);
  scheduler.add(make_sequence(5, 2 * kPagePositions));
  while (scheduler.running().size() > 2) compute(scheduler);
  CHECK_EQ(ids(scheduler.running()), std::string("1 2"));
  CHECK_EQ(ids(scheduler.waiting()), std::string("3 4 5"));
}

// An older sequence has come to hold every page. A younger one, admitted when there was room, waits for its
// end: else the two would take each other's pages by turns.
TEST(nobody_takes_pages_from_an_older_sequence) {
  Scheduler scheduler({32, 10, 8});
  scheduler.add(make_sequence(1, 70));
  scheduler.add(make_sequence(2, 20));
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:32"));
  Sequence &old = *scheduler.running()[0], &young = *scheduler.running()[1];
  young.unread = kMostUnread;
  while (old.state.pages() < 8) compute(scheduler);
  young.unread = 0;
  for (int step = 0; step < 3; ++step) {
    CHECK_EQ(shown(scheduler.schedule()), std::string("1:1"));
    CHECK_EQ(ids(scheduler.running()), std::string("1 2"));
    CHECK_EQ(old.state.pages(), size_t{8});
    compute(scheduler);
  }
  scheduler.remove(old);
  CHECK_EQ(shown(scheduler.schedule()), std::string("2:20"));
}

// Whoever holds no page has none to give: it stays admitted, asleep or awake.
TEST(only_holders_of_pages_are_preempted) {
  for (const bool asleep : {true, false}) {
    Scheduler scheduler({32, 10, 11});
    scheduler.add(make_sequence(1, 40));
    scheduler.add(make_sequence(2, 40));
    scheduler.add(make_sequence(3, 20));
    CHECK_EQ(shown(scheduler.schedule()), std::string("1:32"));
    Sequence& last = *scheduler.running()[2];
    last.unread = kMostUnread;
    while (scheduler.cache().free() > 0) compute(scheduler);
    CHECK(last.state.pages() == 0);
    if (!asleep) last.unread = 0;
    while (scheduler.running().size() == 3) compute(scheduler);
    CHECK_EQ(ids(scheduler.running()), std::string("1 3"));
    CHECK_EQ(ids(scheduler.waiting()), std::string("2"));
  }
}

// The youngest needs a page: it waits with those that it has.
TEST(nobody_preempts_itself) {
  Scheduler scheduler({512, 10, 7});
  scheduler.add(make_sequence(1, 33));
  scheduler.add(make_sequence(2, 47));
  for (int step = 0; step < 2; ++step) compute(scheduler);
  Sequence &old = *scheduler.running()[0], &young = *scheduler.running()[1];
  old.unread = kMostUnread;
  while (young.tokens.size() < 64) compute(scheduler);
  old.unread = 0;
  while (young.pending() == 1 && young.computed < 64) compute(scheduler);
  for (int step = 0; step < 3; ++step) {
    CHECK_EQ(shown(scheduler.schedule()), std::string("1:1"));
    CHECK_EQ(ids(scheduler.running()), std::string("1 2"));
    CHECK_EQ(young.state.pages(), size_t{4});
    compute(scheduler);
  }
}

TEST(a_paused_sequence_is_preempted_before_others) {
  Scheduler scheduler({512, 10, 9});
  for (uint32_t id = 1; id <= 3; ++id) scheduler.add(make_sequence(id, 2 * kPagePositions));
  for (int step = 0; step < 2; ++step) compute(scheduler);
  scheduler.running()[0]->unread = kMostUnread;
  CHECK_EQ(shown(scheduler.schedule()), std::string("2:1 3:1"));
  while (scheduler.running().size() == 3) compute(scheduler);
  CHECK_EQ(ids(scheduler.running()), std::string("2 3"));
  CHECK_EQ(ids(scheduler.waiting()), std::string("1"));
  (void)scheduler.schedule();
  CHECK_EQ(ids(scheduler.waiting()), std::string("1"));  // still paused
  scheduler.waiting()[0]->unread = 0;
  scheduler.remove(*scheduler.running()[0]);
  (void)scheduler.schedule();
  CHECK_EQ(ids(scheduler.running()), std::string("3 1"));
}

TEST(a_sleeping_reader_in_the_queue_holds_nobody_up) {
  Scheduler scheduler({512, 2, 100});
  for (uint32_t id = 1; id <= 4; ++id) scheduler.add(make_sequence(id, 4));
  scheduler.waiting()[0]->unread = kMostUnread;
  (void)scheduler.schedule();
  CHECK_EQ(ids(scheduler.running()), std::string("2 3"));
}

TEST(a_sleeping_reader_gives_way_to_who_waits) {
  Scheduler by_pages({512, 10, 8}), by_number({512, 1, 100});
  for (Scheduler* scheduler : {&by_pages, &by_number}) {
    scheduler->add(make_sequence(1, 90));  // six pages
    for (int step = 0; step < 2; ++step) compute(*scheduler);
    scheduler->running()[0]->unread = kMostUnread;
    scheduler->add(make_sequence(2, 40));  // four
    CHECK_EQ(shown(scheduler->schedule()), std::string("2:40"));
    CHECK_EQ(ids(scheduler->waiting()), std::string("1"));
  }
}

TEST(remove_from_anywhere) {
  Scheduler scheduler({512, 1, 100});
  const auto first = make_sequence(1, 40), second = make_sequence(2, 40), never = make_sequence(3, 40);
  scheduler.add(first);
  scheduler.add(second);
  compute(scheduler);
  CHECK_EQ(scheduler.cache().in_use(), int64_t{3});
  scheduler.remove(*never);
  scheduler.remove(*second);
  CHECK(scheduler.waiting().empty());
  scheduler.remove(*first);
  CHECK(scheduler.running().empty());
  CHECK_EQ(scheduler.cache().in_use(), int64_t{0});
  CHECK(scheduler.schedule().empty());
}

// ---- equal prefixes

TEST(equal_prompts_at_a_time_cost_one_prefill) {
  Scheduler scheduler({32, 10, 100});
  for (uint32_t id = 1; id <= 3; ++id) scheduler.add(make_sequence(id, counting(100)));
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:32"));
  for (int step = 0; step < 3; ++step) compute(scheduler);
  // The last token is everybody's own, and what the page before it leaves.
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:4 2:4 3:4"));
  compute(scheduler);
  CHECK_EQ(scheduler.running()[0]->cached, 0);
  CHECK_EQ(scheduler.running()[2]->cached, 96);
  CHECK_EQ(scheduler.cache().in_use(), int64_t{6 + 3});
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:1 2:1 3:1"));
}

TEST(a_prefix_is_shared_up_to_the_page_that_differs) {
  Scheduler scheduler({512, 10, 100});
  scheduler.add(make_sequence(1, counting(100)));
  scheduler.add(make_sequence(2, counting(100, 70)));
  scheduler.add(make_sequence(3, counting(100, 20)));
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:64"));  // before anything is measured
  compute(scheduler);
  scheduler.measured(64, 0.01);
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:36 2:36 3:84"));
  const auto pages = [&](size_t i) { return scheduler.running()[i]->state.tables[0]; };
  CHECK(pages(0)[3] == pages(1)[3] && pages(0)[0] == pages(2)[0]);
  CHECK(pages(0)[4] != pages(1)[4] && pages(0)[1] != pages(2)[1]);
}

TEST(pages_outlive_their_sequence) {
  Scheduler scheduler({512, 1, 100});
  scheduler.add(make_sequence(1, counting(64)));
  compute(scheduler);
  scheduler.remove(*scheduler.running()[0]);
  CHECK_EQ(scheduler.cache().in_use(), int64_t{0});
  CHECK_EQ(scheduler.cache().cached(), int64_t{4});
  scheduler.add(make_sequence(2, counting(64)));  // the page of the last token must be computed
  CHECK_EQ(shown(scheduler.schedule()), std::string("2:16"));
  scheduler.remove(*scheduler.running()[0]);
  scheduler.add(make_sequence(3, counting(65)));
  CHECK_EQ(shown(scheduler.schedule()), std::string("3:1"));
  scheduler.remove(*scheduler.running()[0]);
  const auto other_angles = make_sequence(4, counting(65));
  other_angles->state.variant = 1;
  scheduler.add(other_angles);
  CHECK_EQ(shown(scheduler.schedule()), std::string("4:64"));
}

TEST(what_a_waiting_sequence_found_does_not_count_until_it_is_admitted) {
  Scheduler scheduler({512, 10, 10});
  const auto first = make_sequence(1, 49), busy = make_sequence(2, 100),
             waiting = make_sequence(3, std::vector<int32_t>(49, 1));
  scheduler.add(first);
  compute(scheduler);
  scheduler.remove(*first);  // three known pages stay
  scheduler.add(busy);
  scheduler.schedule();  // seven pages
  scheduler.add(waiting);
  scheduler.schedule();
  CHECK_EQ(ids(scheduler.waiting()), std::string("3"));
  CHECK_EQ(waiting->cached, 0);
  CHECK_EQ(waiting->reached, 0);
}

TEST(logits_of_all_positions_are_all_computed) {
  Scheduler scheduler({512, 10, 100});
  scheduler.measured(1000, 0.1);
  Asked request;
  request.prompt = counting(80);
  for (const auto logits : {Kind::generate, Kind::all_logits, Kind::last_logits}) {
    request.kind = logits;
    scheduler.add(make_sequence(1, request));
    const int wanted = logits == Kind::last_logits ? 16 : 80;
    CHECK_EQ(shown(scheduler.schedule()), "1:" + std::to_string(wanted));
    compute(scheduler);
    scheduler.remove(*scheduler.running()[0]);
  }
}

TEST(a_paused_sequence_is_not_waited_for) {
  Scheduler scheduler({32, 10, 100});
  scheduler.add(make_sequence(1, counting(100)));
  compute(scheduler);
  scheduler.add(make_sequence(2, counting(100)));
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:32"));
  scheduler.running()[0]->unread = kMostUnread;
  CHECK_EQ(shown(scheduler.schedule()), std::string("2:32"));
  CHECK_EQ(scheduler.running()[1]->computed, 32);
}

TEST(what_is_not_completed_is_not_known) {
  Scheduler scheduler({512, 1, 100});
  scheduler.add(make_sequence(1, counting(60)));
  (void)scheduler.schedule();  // aborted
  scheduler.remove(*scheduler.running()[0]);
  CHECK_EQ(scheduler.cache().cached(), int64_t{0});
}

TEST(a_preempted_sequence_finds_its_pages_again) {
  Scheduler scheduler({512, 10, 10});
  scheduler.add(make_sequence(1, 70));
  for (int step = 0; step < 2; ++step) compute(scheduler);
  scheduler.running()[0]->unread = kMostUnread;
  scheduler.add(make_sequence(2, 90));  // takes page after page
  compute(scheduler);
  CHECK_EQ(ids(scheduler.waiting()), std::string("1"));
  CHECK_EQ(scheduler.cache().cached(), int64_t{4});
  scheduler.remove(*scheduler.running()[0]);
  scheduler.waiting()[0]->unread = 0;
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:7"));  // of 71 tokens
  CHECK_EQ(scheduler.running()[0]->cached, 0);                // of the prompt, all was computed once
}

// Angles for longer sequences are others from the first position on.
TEST(who_outgrows_its_angles_is_computed_anew) {
  Scheduler scheduler({64, 10, 20, {0}, 40});
  scheduler.add(make_sequence(1, 38));
  scheduler.add(make_sequence(2, 41));  // longer from the start
  scheduler.schedule();
  Sequence &crossing = *scheduler.running()[0], &beyond = *scheduler.running()[1];
  beyond.state.variant = 1;
  std::string steps;
  for (int step = 0; step < 7; ++step) {
    const auto& parts = scheduler.schedule();
    for (const ScheduledRows& part : parts)
      if (part.sequence == &crossing)
        steps += std::to_string(part.first) + "+" + std::to_string(part.rows) + " ";
    compute(scheduler, parts);
  }
  CHECK_EQ(steps, std::string("0+38 38+1 39+1 0+41 41+1 42+1 43+1 "));
  CHECK_EQ(crossing.prompt_length, 41);
  CHECK_EQ(crossing.state.variant, 1);
  CHECK_EQ(beyond.prompt_length, 41);
}

}  // namespace
}  // namespace quern::test
