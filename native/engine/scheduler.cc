#include "engine/scheduler.h"

#include <algorithm>
#include <limits>

#include "backend/backend.h"

namespace quern {

namespace {

constexpr double kChunkSecondsBesideDecoding = 0.2;  // others wait for their next token no longer than this
constexpr double kChunkSecondsAlone = 1.0;  // a new request waits for its first step no longer than this
constexpr int kFirstChunk = 64, kLeastChunk = 8;
constexpr int32_t kAnyPriority = std::numeric_limits<int32_t>::min();

}  // namespace

void Scheduler::add(std::shared_ptr<Sequence> sequence) {
  auto place = waiting_.end();  // behind its equals
  while (place != waiting_.begin() && (*std::prev(place))->priority < sequence->priority) --place;
  waiting_.insert(place, std::move(sequence));
}

const std::vector<ScheduledRows>& Scheduler::schedule() {
  admit();
  step_.clear();
  for (const auto& sequence : running_)
    if (has_outgrown(*sequence) && sequence->drawn == 0) turn(*sequence);
  int rows = 0;
  // Decoding rows first. Securing pages may preempt later sequences, so this walks by index and looks at the
  // size anew.
  for (size_t i = 0; i < running_.size() && rows < limits_.rows; ++i) {
    Sequence& sequence = *running_[i];
    if (!sequence.decodes() || !can_launch(sequence) || secure_pages(sequence, 1) == 0) continue;
    choose(sequence, 1);
    ++rows;
  }
  const int budget = std::min(limits_.rows, rows + chunk_rows(rows));
  for (size_t i = 0; i < running_.size() && rows < budget; ++i) {
    Sequence& sequence = *running_[i];
    if (sequence.decodes() || !can_launch(sequence)) continue;
    find_known(sequence);
    if (follows_another(sequence)) continue;
    const int32_t chunk = secure_pages(sequence, std::min(sequence.pending(), budget - rows));
    if (chunk == 0) continue;
    choose(sequence, chunk);
    rows += chunk;
  }
  // A sequence preempted after it was chosen has lost its pages.
  std::erase_if(step_, [](const ScheduledRows& part) { return !part.sequence->is_resident(); });
  int32_t row = 0;
  for (ScheduledRows& part : step_) {
    part.row = row;
    row += part.rows;
  }
  return step_;
}

void Scheduler::launched() {
  ++steps_;
  for (const ScheduledRows& part : step_) {
    Sequence& sequence = *part.sequence;
    sequence.computed = part.end();
    sequence.reached = std::max(sequence.reached, sequence.computed);
    if (!part.reaches_end || !sequence.draws()) continue;
    ++sequence.drawn;
    sequence.drawn_by = steps_;
  }
}

bool Scheduler::can_launch(const Sequence& sequence) const {
  if (sequence.is_launched() || is_paused(sequence) || has_outgrown(sequence)) return false;
  if (sequence.drawn == 0) return true;
  // A step can name the tokens of the one before it, no older ones.
  return sequence.drawn_by == steps_ && !sequence.task->waits_for_tokens();
}

bool Scheduler::has_outgrown(const Sequence& sequence) const {
  return sequence.prompt_length <= limits_.turning_length && sequence.length() > limits_.turning_length &&
         limits_.turning_length > 0;
}

// All tokens are read: its angles are from now on those of a prompt of its length.
void Scheduler::turn(Sequence& sequence) {
  release(sequence);
  sequence.prompt_length = sequence.length();
  sequence.state.variant = 1;
}

void Scheduler::choose(Sequence& sequence, int32_t rows) {
  const bool reaches_end = rows == sequence.pending();
  step_.push_back({&sequence, sequence.computed, rows, 0, reaches_end, sequence.residency});
}

void Scheduler::admit() {
  for (;;) {
    // A preempted sequence whose reader still sleeps does not hold up the others; it keeps its place.
    const auto awake = std::ranges::find_if(waiting_, [&](const auto& s) { return !is_paused(*s); });
    if (awake == waiting_.end()) return;
    Sequence& next = **awake;
    // Preempted, and what steps in flight give it is not read: a token that it goes on with, or its answer.
    if (next.drawn > 0 || next.in_flight > 0) return;
    const int32_t reached = next.reached, cached = next.cached;
    find_known(next);
    if (!fits(next, kAnyPriority)) {
      const bool fits_beside_equals = fits(next, next.priority);
      release(next);
      next.reached = reached;  // it did not get there: what it found may be gone when its turn comes
      next.cached = cached;
      // A sleeping reader makes room for those who are awake, and who matters less for who matters more.
      if (!preempt_paused() && !(fits_beside_equals && preempt_below(next.priority))) return;
      continue;
    }
    auto place = running_.end();
    while (place != running_.begin() && (*std::prev(place))->priority < next.priority) --place;
    running_.insert(place, std::move(*awake));
    waiting_.erase(awake);
  }
}

bool Scheduler::fits(const Sequence& next, int32_t priority) const {
  int beside = 0;
  int64_t promised = 0;  // to running sequences that are still being computed
  for (const auto& sequence : running_) {
    if (sequence->priority < priority) continue;
    ++beside;
    promised += missing(*sequence);
  }
  if (beside == 0) return true;
  if (beside >= limits_.sequences) return false;
  // One page more than it needs, so that it is not preempted by the next step.
  const int64_t held = next.state.held, all = held + missing(next) + static_cast<int64_t>(cache_.groups());
  return cache_.free() + pages_below(priority) - promised >= std::min(all, cache_.total()) - held;
}

// Pages that it will take beside those that it holds.
int64_t Scheduler::missing(const Sequence& sequence) const {
  const int rows = std::clamp(sequence.pending(), 1, limits_.rows);
  return std::max<int64_t>(0, cache_.needed(sequence.length(), rows) - sequence.state.held);
}

int64_t Scheduler::pages_below(int32_t priority) const {
  std::vector<const SequenceState*> below;
  for (const auto& sequence : running_)
    if (sequence->priority < priority) below.push_back(&sequence->state);
  return cache_.held_by(below);
}

// Goes on to where the cache knows its tokens' pages, from the page that it is in.
void Scheduler::find_known(Sequence& sequence) {
  const auto tokens = sequence.shareable();
  const auto page = static_cast<size_t>(sequence.computed / kPagePositions);
  if (tokens.size() < (page + 1) * kPagePositions) return;
  if (sequence.state.known.size() != page || !cache_.advance(sequence.state, tokens, sequence.origin)) return;
  const int32_t before = std::max(sequence.computed, sequence.reached);
  sequence.computed = sequence.retired = static_cast<int32_t>(sequence.state.pages()) * kPagePositions;
  sequence.reached = std::max(before, sequence.computed);
  sequence.cached += sequence.reached - before;
}

// True: a sequence that is part of this step, or of one in flight, is at least as far in the same page with
// the same tokens, so waiting for it costs nothing. Equal tokens before have led both to the same pages.
bool Scheduler::follows_another(const Sequence& sequence) const {
  const auto tokens = sequence.shareable();
  const auto page = static_cast<size_t>(sequence.computed / kPagePositions);
  const size_t first = page * kPagePositions, end = first + kPagePositions;
  if (tokens.size() < end) return false;
  const auto leads = [&](const Sequence& other) {
    return other.computed >= sequence.computed && other.retired < static_cast<int32_t>(end) &&
           other.tokens.size() >= end && other.state.pages() > page && other.state.known.size() >= page &&
           other.state.parent(page) == sequence.state.parent(page) &&
           std::equal(&tokens[first], &tokens[first] + kPagePositions, &other.tokens[first]);
  };
  return std::ranges::any_of(step_, [&](const ScheduledRows& part) { return leads(*part.sequence); }) ||
         std::ranges::any_of(running_, [&](const auto& other) {
           return other->in_flight > 0 && other.get() != &sequence && leads(*other);
         });
}

void Scheduler::retired(const ScheduledRows& part) {
  Sequence& sequence = *part.sequence;
  if (part.residency != sequence.residency) return;  // its pages are others by now
  sequence.retired = std::max(sequence.retired, part.end());
  cache_.computed(sequence.state, sequence.tokens, part.end());
}

void Scheduler::release(Sequence& sequence) {
  cache_.release(sequence.state);
  sequence.computed = sequence.retired = 0;
  ++sequence.residency;
}

bool Scheduler::is_paused(const Sequence& sequence) const {
  return sequence.unread.load(std::memory_order_relaxed) + sequence.drawn >= kMostUnread;
}

// How many of these rows have pages; none: it has to wait. Where windows are, a whole chunk may be more than
// there is room for, though the sequence fits.
int32_t Scheduler::secure_pages(Sequence& sequence, int32_t rows) {
  while (!cache_.reach(sequence.state, sequence.computed + rows)) {
    if (preempt_for(sequence)) continue;
    if (!cache_.has_windows() || rows == 1) return 0;
    rows = (rows + 1) / 2;
  }
  return rows;
}

void Scheduler::preempt(std::vector<std::shared_ptr<Sequence>>::iterator victim) {
  release(**victim);
  const int32_t priority = (*victim)->priority;
  const auto before_equals =
      std::ranges::find_if(waiting_, [&](const auto& other) { return other->priority <= priority; });
  waiting_.insert(before_equals, std::move(*victim));
  running_.erase(victim);
}

bool Scheduler::preempt_below(int32_t priority) {
  if (running_.empty() || running_.back()->priority >= priority) return false;
  preempt(std::prev(running_.end()));
  return true;
}

bool Scheduler::preempt_paused() {
  const auto victim = std::ranges::find_if(running_, [&](const auto& s) { return is_paused(*s); });
  if (victim == running_.end()) return false;
  preempt(victim);
  return true;
}

bool Scheduler::preempt_for(const Sequence& needy) {
  const auto holds = [](const std::shared_ptr<Sequence>& sequence) { return sequence->is_resident(); };
  auto victim = std::find_if(running_.begin(), running_.end(),
                             [&](const auto& s) { return s.get() != &needy && holds(s) && is_paused(*s); });
  if (victim == running_.end()) {
    const auto last = std::find_if(running_.rbegin(), running_.rend(), holds);
    // Only those that rank below the needy one: else two sequences could take turns for ever.
    if (last == running_.rend() || last->get() == &needy) return false;
    victim = std::prev(last.base());
    const auto self =
        std::find_if(running_.begin(), running_.end(), [&](const auto& s) { return s.get() == &needy; });
    if (victim < self) return false;
  }
  preempt(victim);
  return true;
}

int Scheduler::chunk_rows(int decode_rows) const {
  if (rows_per_second_ == 0) return std::min(kFirstChunk, limits_.rows);
  const double seconds = decode_rows > 0 ? kChunkSecondsBesideDecoding : kChunkSecondsAlone;
  const double affordable = std::max<double>(kLeastChunk, rows_per_second_ * seconds);
  return affordable < limits_.rows ? static_cast<int>(affordable) : limits_.rows;
}

void Scheduler::measured(int rows, double seconds) {
  if (rows < kLeastChunk || seconds <= 0) return;
  const double rate = rows / seconds;
  rows_per_second_ = rows_per_second_ == 0 ? rate : 0.7 * rows_per_second_ + 0.3 * rate;
}

void Scheduler::remove(const Sequence& sequence) {
  const auto is_it = [&](const std::shared_ptr<Sequence>& other) { return other.get() == &sequence; };
  if (const auto found = std::find_if(running_.begin(), running_.end(), is_it); found != running_.end()) {
    release(**found);
    running_.erase(found);
  } else {
    std::erase_if(waiting_, is_it);
  }
}

}  // namespace quern
