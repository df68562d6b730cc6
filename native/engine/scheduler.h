#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "engine/sequence.h"
#include "engine/state_cache.h"

namespace quern {

// A consumer this many tokens behind pauses its own sequence.
constexpr int32_t kMostUnread = 256;

// Decides which sequences run in a step, and owns the pages. No threads, no clock but the measured rate.
//
// Waiting sequences are admitted in order of priority, then of arrival, as far as free pages allow. Every
// step takes one row of each decoding sequence, then fills up with prompt chunks in the order of rank:
// priority, then admission. A sequence that needs a page when none is free takes one from another: from a
// paused one first, then from the last in rank. The loser goes back to the queue, before its equals, and is
// computed anew, to the same bits.
//
// A sequence that outgrows its rotary angles is computed anew with others.
//
// What a sequence needs and the cache knows is not computed. Nor is what another sequence computes in the
// same step or in one that is in flight: with equal prompts the first goes ahead, and the others follow it
// page by page.
//
// The next step is chosen before those in flight are collected. What a step computes is known once it is
// retired; pages that are given away meanwhile are written anew by later steps only, which the device takes
// in order.
class Scheduler {
 public:
  struct Limits {
    int rows = 0;       // of one step
    int sequences = 0;  // running at a time
    int64_t pages = 0;
    std::vector<Sight> sights = {0};  // of the groups of layers
    int turning_length = 0;           // see Rope::turning_length
  };
  explicit Scheduler(const Limits& limits) : limits_(limits), cache_(limits.sights, limits.pages) {}

  void add(std::shared_ptr<Sequence> sequence);
  // The next step; empty if nothing can run. Valid until the next call of schedule().
  const std::vector<ScheduledRows>& schedule();
  // That step is on its way.
  void launched();
  // A part of a step is computed: its full pages are known from now on. Parts of a sequence come in order.
  void retired(const ScheduledRows& part);
  // Forgets a sequence and takes its pages.
  void remove(const Sequence& sequence);
  // How long a step of that many rows took: what prompt chunks are cut by.
  void measured(int rows, double seconds);

  const std::vector<std::shared_ptr<Sequence>>& running() const { return running_; }
  const std::deque<std::shared_ptr<Sequence>>& waiting() const { return waiting_; }
  const StateCache& cache() const { return cache_; }
  StateCache& cache() { return cache_; }

 private:
  void admit();
  bool can_launch(const Sequence& sequence) const;
  bool has_outgrown(const Sequence& sequence) const;
  void turn(Sequence& sequence);
  void choose(Sequence& sequence, int32_t rows);
  // Whether there is room for it beside the running ones of at least this priority, if the others gave way.
  bool fits(const Sequence& next, int32_t priority) const;
  // Pages that nobody would hold if the running ones below this priority gave way.
  int64_t pages_below(int32_t priority) const;
  void find_known(Sequence& sequence);
  bool follows_another(const Sequence& sequence) const;
  bool is_paused(const Sequence& sequence) const;
  int64_t missing(const Sequence& sequence) const;
  int32_t secure_pages(Sequence& sequence, int32_t rows);
  bool preempt_for(const Sequence& needy);
  bool preempt_paused();
  bool preempt_below(int32_t priority);
  void release(Sequence& sequence);
  void preempt(std::vector<std::shared_ptr<Sequence>>::iterator victim);
  int chunk_rows(int decode_rows) const;

  Limits limits_;
  StateCache cache_;
  std::deque<std::shared_ptr<Sequence>> waiting_;   // in order of priority, then of arrival
  std::vector<std::shared_ptr<Sequence>> running_;  // in order of rank: priority, then admission
  std::vector<ScheduledRows> step_;
  int64_t steps_ = 0;           // that were launched
  double rows_per_second_ = 0;  // 0: not measured yet
};

}  // namespace quern
