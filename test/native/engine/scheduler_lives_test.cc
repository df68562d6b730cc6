// Schedulers under random lives of sequences: nothing is lost, nobody waits for ever.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "backend/backend.h"
#include "check.h"
#include "engine/scheduled.h"
#include "numbers.h"

namespace quern::test {
namespace {

// What the pages hold, as hashes of all tokens up to a position: keys and values depend on nothing else.
class PageMemory {
 public:
  explicit PageMemory(const Scheduler::Limits& limits)
      : sights_(limits.sights), slots_(static_cast<size_t>(limits.pages * kPagePositions)) {}

  static uint64_t hash(const Sequence& sequence, int32_t position) {
    uint64_t hash = static_cast<uint64_t>(sequence.state.variant);
    for (int32_t i = 0; i <= position; ++i)
      hash = hash * 0x5851f42d4c957f2d + static_cast<uint64_t>(sequence.tokens[static_cast<size_t>(i)]) + 1;
    return hash;
  }
  void write(const ScheduledRows& part) {
    for (int32_t i = 0; i < part.rows; ++i) {
      const int32_t position = part.sequence->computed + i;
      for (size_t group = 0; group < sights_.size(); ++group)
        slot(*part.sequence, group, position) = hash(*part.sequence, position);
    }
  }
  void check(const Sequence& sequence) {
    for (size_t group = 0; group < sights_.size(); ++group)
      for (int32_t i = 0; i < sequence.computed; ++i)
        if (sees(sights_[group], sequence.computed, i)) CHECK_EQ(slot(sequence, group, i), hash(sequence, i));
  }

 private:
  static bool sees(const Sight& sight, int32_t position, int32_t before) {
    return sight.window == 0 || before > position - sight.window || before < sight.sinks;
  }
  uint64_t& slot(const Sequence& sequence, size_t group, int32_t position) {
    const int32_t page = sequence.state.tables[group][static_cast<size_t>(position / kPagePositions)];
    CHECK(page >= 0);
    return slots_[static_cast<size_t>(page * kPagePositions + position % kPagePositions)];
  }
  std::vector<Sight> sights_;
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
    CHECK(static_cast<int>(part.sequence->state.pages()) * kPagePositions >=
          part.sequence->computed + part.rows);
  }
  CHECK(rows <= limits.rows);
  std::set<int32_t> held;
  for (const auto& sequence : scheduler.running()) {
    for (const auto& table : sequence->state.tables)
      std::ranges::copy_if(table, std::inserter(held, held.end()), [](int32_t page) { return page >= 0; });
    memory.check(*sequence);
  }
  for (const auto& sequence : scheduler.waiting())
    CHECK(sequence->state.pages() == 0 && sequence->computed == 0);
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
void simulate(uint64_t seed, bool readers_sleep, const std::vector<Sight>& sights = {0}) {
  Random random(seed);
  Scheduler::Limits limits{random.between(8, 100), random.between(1, 12), random.between(2, 40), sights};
  if (sights.size() > 1 || sights[0].window > 0)  // room for a step of one row, at least
    limits.pages = std::max(limits.pages, pages_needed(sights, 100, 1));
  Scheduler scheduler(limits);
  const auto capacity = static_cast<int>(scheduler.cache().longest(2000));
  PageMemory memory(limits);
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
      alive.back()->state.variant = random.below(5) == 0;
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
  for (uint64_t seed = 1; seed <= 120; ++seed) simulate(seed, false);
}

TEST(random_lives_with_windows) {
  const std::vector<std::vector<Sight>> all{{1}, {16}, {33}, {0, 40}, {0, 16, 64}, {50, 50}};
  for (uint64_t seed = 1; seed <= 120; ++seed) simulate(seed, seed % 2 == 0, all[seed % all.size()]);
}

TEST(random_lives_with_sinks) {
  const std::vector<std::vector<Sight>> all{
      {{1, 1}}, {{16, 4}}, {{33, 16}}, {{20, 40}}, {{50, 17}, {50, 17}}};
  for (uint64_t seed = 1; seed <= 120; ++seed) simulate(seed, seed % 2 == 0, all[seed % all.size()]);
}

TEST(random_lives_with_sleeping_readers) {
  for (uint64_t seed = 1; seed <= 120; ++seed) simulate(seed, true);
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
