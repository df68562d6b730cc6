// Steps are launched before the ones before them are collected.
#include <string>

#include "backend/backend.h"
#include "check.h"
#include "engine/scheduled.h"

namespace quern::test {
namespace {

// A step is launched before the one before it is collected: it counts with the token that comes of it.
TEST(decoding_goes_on_before_its_token_is_read) {
  Scheduler scheduler({512, 10, 100});
  scheduler.add(make_sequence(1, 20));
  const auto first = scheduler.schedule();
  CHECK_EQ(shown(first), std::string("1:20"));
  scheduler.launched();
  const auto second = scheduler.schedule();
  CHECK_EQ(shown(second), std::string("1:1"));
  CHECK_EQ(second[0].first, 20);
  scheduler.launched();
  CHECK_EQ(scheduler.running()[0]->drawn, 2);
  CHECK_EQ(scheduler.cache().cached(), int64_t{0});
  retire(scheduler, first);
  retire(scheduler, second);
  CHECK_EQ(scheduler.running()[0]->tokens.size(), size_t{22});
  CHECK_EQ(scheduler.running()[0]->pending(), 1);
}

TEST(nothing_is_launched_past_the_last_token) {
  Scheduler scheduler({512, 10, 100});
  const auto sequence = make_sequence(1, 20);
  sequence->most_length = 22;
  scheduler.add(sequence);
  (void)scheduler.schedule();
  scheduler.launched();
  (void)scheduler.schedule();
  scheduler.launched();
  CHECK(scheduler.schedule().empty());
}

// What is drawn after looking back at the tokens waits for the last of them.
TEST(a_token_that_must_be_read_is_waited_for) {
  Scheduler scheduler({512, 10, 100});
  Asked asked;
  asked.prompt = {1, 2, 3};
  asked.sampling.repetition_penalty = 1.5f;
  scheduler.add(make_sequence(1, asked));
  scheduler.add(make_sequence(2, 3));
  const auto first = scheduler.schedule();
  CHECK_EQ(shown(first), std::string("1:3 2:3"));
  scheduler.launched();
  CHECK_EQ(shown(scheduler.schedule()), std::string("2:1"));
  scheduler.launched();
  retire(scheduler, first);
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:1 2:1"));
}

// Its pages are others' by the time that its step is collected: nobody learns anything of them.
TEST(a_sequence_preempted_in_flight_is_read_and_computed_anew) {
  Scheduler scheduler({512, 10, 8});
  scheduler.add(make_sequence(1, 33));  // three pages
  scheduler.add(make_sequence(2, 50));  // four
  scheduler.measured(512, 0.1);
  const auto first = scheduler.schedule();
  CHECK_EQ(shown(first), std::string("1:33 2:50"));
  scheduler.launched();
  Sequence &old = *scheduler.running()[0], &young = *scheduler.running()[1];
  old.computed = old.retired = 64;  // as if it had come so far that two pages more are needed
  old.tokens.resize(64, 1);
  const auto second = scheduler.schedule();
  CHECK_EQ(shown(second), std::string("1:1"));
  CHECK_EQ(ids(scheduler.waiting()), std::string("2"));
  CHECK_EQ(young.drawn, 1);
  scheduler.launched();
  CHECK_EQ(ids(scheduler.waiting()), std::string("2"));
  scheduler.retired(first[1]);
  CHECK_EQ(young.retired, 0);
  CHECK_EQ(scheduler.cache().cached(), int64_t{0});
}

TEST(equal_prompts_wait_for_what_is_in_flight) {
  Scheduler scheduler({32, 10, 100});
  scheduler.add(make_sequence(1, counting(64)));
  const auto first = scheduler.schedule();
  CHECK_EQ(shown(first), std::string("1:32"));
  scheduler.launched();
  scheduler.running()[0]->in_flight = 1;
  scheduler.add(make_sequence(2, counting(64)));
  const auto second = scheduler.schedule();
  CHECK_EQ(shown(second), std::string("1:32"));
  scheduler.launched();
  CHECK(scheduler.schedule().empty() || shown(scheduler.schedule()) == "1:1");
  retire(scheduler, first);
  retire(scheduler, second);
  scheduler.running()[0]->in_flight = 0;
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:1 2:16"));
}

// ---- of however many steps a device takes

// A step that is on its way, and what it is made of.
std::vector<ScheduledRows> launch(Scheduler& scheduler) {
  const std::vector<ScheduledRows> parts = scheduler.schedule();
  scheduler.launched();
  for (const ScheduledRows& part : parts) ++part.sequence->in_flight;
  return parts;
}
void land(Scheduler& scheduler, const std::vector<ScheduledRows>& parts) {
  for (const ScheduledRows& part : parts) --part.sequence->in_flight;
  retire(scheduler, parts);
}

// Only what the step before draws can be named.
TEST(who_was_left_out_of_a_step_waits_for_its_token) {
  Scheduler scheduler({2, 10, 100});
  scheduler.add(make_sequence(1, 1));
  scheduler.add(make_sequence(2, 1));
  const auto first = launch(scheduler);
  CHECK_EQ(shown(first), std::string("1:1 2:1"));
  scheduler.add(make_sequence(3, std::vector<int32_t>{3}, 1));
  const auto second = launch(scheduler);
  CHECK_EQ(shown(second), std::string("3:1 1:1"));
  // Of 2 the last token was drawn two steps ago, so 1 and 3 go on alone.
  scheduler.remove(*second[0].sequence);
  const auto third = launch(scheduler);
  CHECK_EQ(shown(third), std::string("1:1"));
  land(scheduler, first);
  CHECK_EQ(shown(scheduler.schedule()), std::string("1:1 2:1"));
}

// Its answer may be on its way: to compute it once more would be in vain, and write where the answer lies.
TEST(a_preempted_sequence_in_flight_is_waited_for) {
  Scheduler scheduler({64, 10, 5});
  Asked logits;
  logits.prompt.assign(20, 2);
  logits.kind = Kind::all_logits;
  const auto elder = make_sequence(1, 31);
  scheduler.add(elder);
  scheduler.add(make_sequence(2, logits));
  const auto first = launch(scheduler);
  CHECK_EQ(shown(first), std::string("1:31 2:20"));
  while (scheduler.waiting().empty()) launch(scheduler);  // until 1 takes the pages of 2
  scheduler.remove(*elder);
  CHECK_EQ(shown(scheduler.schedule()), std::string());
  land(scheduler, first);
  CHECK_EQ(shown(scheduler.schedule()), std::string("2:20"));
}

}  // namespace
}  // namespace quern::test
