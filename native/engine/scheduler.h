#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "engine/prefix_cache.h"
#include "engine/sequence.h"

namespace quern {

// A consumer this many tokens behind pauses its own sequence.
constexpr int32_t kMostUnread = 256;

// One sequence's part of a step: tokens [computed, computed + rows) of it.
struct ScheduledRows {
  Sequence* sequence = nullptr;
  int32_t rows = 0;
  bool reaches_end() const {
    return rows == sequence->pending();
  }  // its last token is computed, so the next can be chosen
};

// Decides which sequences run in a step, and owns the pages. No threads, no clock but the measured rate.
//
// Waiting sequences are admitted in order, as far as free pages allow. Every step takes one row of each
// decoding sequence, then fills up with prompt chunks in order of admission. A sequence that needs a page
// when none is free takes one from another: from a paused one first, then from the last admitted. The loser
// goes back to the head of the queue and is computed anew, to the same bits.
//
// What a sequence needs and the cache knows is not computed. Nor is what another sequence computes in the
// same step: with equal prompts the first goes ahead, and the others follow it page by page.
class Scheduler {
 public:
  struct Limits {
    int rows = 0;       // of one step
    int sequences = 0;  // running at a time
    int64_t pages = 0;
  };
  explicit Scheduler(const Limits& limits) : limits_(limits), cache_(limits.pages) {}

  void add(std::shared_ptr<Sequence> sequence) { waiting_.push_back(std::move(sequence)); }
  // The next step; empty if nothing can run. Valid until the next call of a non-const member.
  const std::vector<ScheduledRows>& schedule();
  // A part of the step is computed: its full pages are known from now on.
  void completed(const ScheduledRows& part);
  // Forgets a sequence and takes its pages.
  void remove(const Sequence& sequence);
  // How long a step of that many rows took: what prompt chunks are cut by.
  void measured(int rows, double seconds);

  const std::vector<std::shared_ptr<Sequence>>& running() const { return running_; }
  const std::deque<std::shared_ptr<Sequence>>& waiting() const { return waiting_; }
  const PrefixCache& cache() const { return cache_; }
  PrefixCache& cache() { return cache_; }

 private:
  void admit();
  bool fits(const Sequence& next) const;
  void find_known(Sequence& sequence);
  bool follows_another(const Sequence& sequence) const;
  bool is_paused(const Sequence& sequence) const;
  bool secure_pages(Sequence& sequence, int32_t rows);
  bool preempt_for(const Sequence& needy);
  bool preempt_paused();
  void release(Sequence& sequence);
  void preempt(std::vector<std::shared_ptr<Sequence>>::iterator victim);
  int chunk_rows(int decode_rows) const;

  Limits limits_;
  PrefixCache cache_;
  std::deque<std::shared_ptr<Sequence>> waiting_;
  std::vector<std::shared_ptr<Sequence>> running_;  // in order of admission
  std::vector<ScheduledRows> step_;
  double rows_per_second_ = 0;  // 0: not measured yet
};

}  // namespace quern
