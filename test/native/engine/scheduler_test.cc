#include "engine/scheduler.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "backend/backend.h"
#include "check.h"
#include "numbers.h"

namespace quern::test {
namespace {

std::shared_ptr<Sequence> make_sequence(uint32_t id, std::vector<int32_t> prompt) {
  Request request;
  request.prompt = std::move(prompt);
  request.max_tokens = 10;
  return std::make_shared<Sequence>(id, std::move(request));
}

// Of tokens that no other sequence has.
std::shared_ptr<Sequence> make_sequence(uint32_t id, int prompt) {
  return make_sequence(id, std::vector<int32_t>(static_cast<size_t>(prompt), static_cast<int32_t>(id)));
}

// What the engine does with a step: every part is computed, and a sequence at its end gets a token.
void compute(Scheduler& scheduler, const std::vector<ScheduledRows>& parts) {
  for (const ScheduledRows& part : parts) {
    scheduler.completed(part);
    if (part.sequence->pending() == 0) part.sequence->tokens.push_back(1);
  }
}
void compute(Scheduler& scheduler) {
  compute(scheduler, scheduler.schedule());
}

// "id:rows id:rows", every part of a step.
std::string shown(const std::vector<ScheduledRows>& parts) {
  std::ostringstream text;
  for (const ScheduledRows& part : parts)
    text << (text.view().empty() ? "" : " ") << part.sequence->id << ':' << part.rows;
  return text.str();
}

std::string ids(const auto& sequences) {
  std::ostringstream text;
  for (const auto& sequence : sequences) text << (text.view().empty() ? "" : " ") << sequence->id;
  return text.str();
}

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
  compute(scheduler);
  for (int round = 0; round < 60; ++round)
    scheduler.measured(1000, 10);  // now 100 a second: 0.2 s beside decoding
  auto parts = scheduler.schedule();
  CHECK_EQ(parts.size(), size_t{2});
  compute(scheduler, parts);
  for (int round = 0; round < 60; ++round) scheduler.measured(1000, 0.1);
  CHECK_EQ(scheduler.schedule().back().rows, 999);  // up to the step's limit
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
  CHECK(scheduler.waiting()[0]->pages.empty());
  CHECK(scheduler.waiting()[0]->generated() > 0);  // what it said stays said
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

// Tokens 0, 1, 2, ... and others from `fork` on.
std::vector<int32_t> counting(int length, int fork = 1 << 20, int32_t branch = 1) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < length; ++i) tokens.push_back(i < fork ? i : i + 1000 * branch);
  return tokens;
}

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
  const auto pages = [&](size_t i) { return scheduler.running()[i]->pages; };
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
  other_angles->variant = 1;
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
  Request request;
  request.prompt = counting(80);
  for (const auto logits : {Request::Logits::none, Request::Logits::all, Request::Logits::last}) {
    request.logits = logits;
    scheduler.add(std::make_shared<Sequence>(1, request));
    const int wanted = logits == Request::Logits::last ? 16 : 80;
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

// ---- random lives

// What the pages hold, as hashes of all tokens up to a position: keys and values depend on nothing else.
class PageMemory {
 public:
  explicit PageMemory(int64_t pages) : slots_(static_cast<size_t>(pages * kPagePositions)) {}

  static uint64_t hash(const Sequence& sequence, int32_t position) {
    uint64_t hash = static_cast<uint64_t>(sequence.variant);
    for (int32_t i = 0; i <= position; ++i)
      hash = hash * 0x5851f42d4c957f2d + static_cast<uint64_t>(sequence.tokens[static_cast<size_t>(i)]) + 1;
    return hash;
  }
  void write(const ScheduledRows& part) {
    for (int32_t i = 0; i < part.rows; ++i) {
      const int32_t position = part.sequence->computed + i;
      slot(*part.sequence, position) = hash(*part.sequence, position);
    }
  }
  void check(const Sequence& sequence) {
    for (int32_t i = 0; i < sequence.computed; ++i) CHECK_EQ(slot(sequence, i), hash(sequence, i));
  }

 private:
  uint64_t& slot(const Sequence& sequence, int32_t position) {
    const int32_t page = sequence.pages[static_cast<size_t>(position / kPagePositions)];
    return slots_[static_cast<size_t>(page * kPagePositions + position % kPagePositions)];
  }
  std::vector<uint64_t> slots_;
};

struct Life {
  int target = 0;  // tokens until it ends
  bool paused = false;
};

void check_step(const Scheduler& scheduler, const std::vector<ScheduledRows>& parts,
                const Scheduler::Limits& limits, PageMemory& memory) {
  int rows = 0;
  std::set<const Sequence*> once;
  for (const ScheduledRows& part : parts) {
    rows += part.rows;
    CHECK(part.rows >= 1 && part.rows <= part.sequence->pending());
    CHECK(once.insert(part.sequence).second);
    CHECK(part.sequence->unread < kMostUnread);
    CHECK(static_cast<int>(part.sequence->pages.size()) * kPagePositions >=
          part.sequence->computed + part.rows);
  }
  CHECK(rows <= limits.rows);
  std::set<int32_t> held;
  for (const auto& sequence : scheduler.running()) {
    held.insert(sequence->pages.begin(), sequence->pages.end());
    memory.check(*sequence);
  }
  for (const auto& sequence : scheduler.waiting()) CHECK(sequence->pages.empty() && sequence->computed == 0);
  CHECK_EQ(scheduler.cache().in_use(), static_cast<int64_t>(held.size()));
  CHECK(scheduler.cache().cached() <= scheduler.cache().free());
  CHECK(static_cast<int>(scheduler.running().size()) <= limits.sequences);
}

// Prompts that begin alike, more or less; some go on alike too.
std::vector<int32_t> related_prompt(Random& random, int length) {
  std::vector<int32_t> prompt =
      counting(length, random.below(3) == 0 ? random.below(length + 1) : length, random.below(3));
  if (random.below(4) == 0) prompt[static_cast<size_t>(random.below(length))] = -1;
  return prompt;
}

// Sequences come, grow, end or are cancelled; readers fall asleep and wake up; steps are aborted. Nobody
// waits for ever: while any reader is awake, every step has rows. And every page holds what its sequence
// computed.
void simulate(uint64_t seed, bool readers_sleep) {
  Random random(seed);
  const Scheduler::Limits limits{random.between(8, 100), random.between(1, 12), random.between(2, 40)};
  const int capacity = static_cast<int>(limits.pages) * kPagePositions;
  Scheduler scheduler(limits);
  PageMemory memory(limits.pages);
  std::map<uint32_t, Life> lives;
  std::vector<std::shared_ptr<Sequence>> alive;
  uint32_t next_id = 1;
  const uint32_t last_id = static_cast<uint32_t>(random.between(5, 40));
  int finished = 0, steps = 0;
  while (next_id <= last_id || !alive.empty()) {
    if (++steps > 200000) return check::fail(__FILE__, __LINE__, "no end, seed " + std::to_string(seed));
    if (next_id <= last_id && (alive.empty() || random.below(6) == 0)) {
      const int prompt = random.between(1, random.below(3) == 0 ? capacity : std::min(capacity, 40));
      alive.push_back(make_sequence(next_id, related_prompt(random, prompt)));
      alive.back()->variant = random.below(5) == 0;
      lives[next_id].target = std::min(capacity, prompt + random.between(1, 60));
      scheduler.add(alive.back());
      ++next_id;
    }
    if (readers_sleep) {
      for (const auto& sequence : alive) {
        Life& life = lives[sequence->id];
        if (random.below(40) == 0) life.paused = !life.paused;
        sequence->unread = life.paused ? kMostUnread : 0;
      }
    }
    const auto& parts = scheduler.schedule();
    check_step(scheduler, parts, limits, memory);
    const bool all_sleep = std::ranges::all_of(alive, [&](const auto& s) { return lives[s->id].paused; });
    CHECK_FOR(!parts.empty() || all_sleep, "nothing runs, seed " + std::to_string(seed));
    for (const ScheduledRows& part : parts) memory.write(part);
    if (random.below(10) > 0) compute(scheduler, parts);
    scheduler.measured(random.between(1, limits.rows), 0.001 * random.between(1, 300));
    std::erase_if(alive, [&](const auto& sequence) {
      const bool ends =
          static_cast<int>(sequence->tokens.size()) >= lives[sequence->id].target && sequence->pending() <= 1;
      if (!ends && random.below(300) != 0) return false;
      scheduler.remove(*sequence);
      ++finished;
      return true;
    });
  }
  CHECK_EQ(finished, static_cast<int>(last_id));
  CHECK_EQ(scheduler.cache().in_use(), int64_t{0});
  CHECK(scheduler.running().empty() && scheduler.waiting().empty());
}

TEST(random_lives) {
  for (uint64_t seed = 1; seed <= 300; ++seed) simulate(seed, false);
}

TEST(random_lives_with_sleeping_readers) {
  for (uint64_t seed = 1; seed <= 300; ++seed) simulate(seed, true);
}

// Without cancellation the oldest sequence always moves: no two can take each other's pages for ever.
TEST(the_oldest_always_moves) {
  Scheduler scheduler({64, 8, 12});
  std::vector<std::shared_ptr<Sequence>> all;
  for (uint32_t id = 1; id <= 8; ++id) scheduler.add(all.emplace_back(make_sequence(id, 60)));
  int steps = 0;
  while (!all.empty() && ++steps < 5000) {
    const auto& parts = scheduler.schedule();
    CHECK(!parts.empty());
    CHECK_EQ(parts.empty() ? 0u : scheduler.running()[0]->id, all[0]->id);
    compute(scheduler, parts);
    std::erase_if(all, [&](const auto& sequence) {
      if (sequence->generated() < 100) return false;
      scheduler.remove(*sequence);
      return true;
    });
  }
  CHECK(all.empty());
}

}  // namespace
}  // namespace quern::test
