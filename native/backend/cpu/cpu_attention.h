#pragma once
#include <atomic>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/kernels/kernels.h"
#include "core/memory.h"

namespace quern::cpu {

// Cuts a batch's attention into work items and folds their results. Whatever the cut, every row walks the
// same blocks and segments of positions in the same order, so its bits depend on its own sequence alone.
class Attention {
 public:
  // Address space for partial results; committed only where long contexts are decoded.
  static constexpr int64_t kPartialBytes = int64_t{64} << 20;

  // What does not fit in `partial_bytes` is computed without partial results.
  void reserve(const StreamLimits& limits, int threads, int64_t partial_bytes = kPartialBytes);
  void run(const Kernels& kernels, int threads, const AttentionSpec& spec, Tensor q, const StepInput& input,
           const KvShape& shape, KvLayer kv, Tensor out);

 private:
  // Some segments of positions: they begin at multiples of kAttentionSegment.
  struct Segments {
    int sinks;       // with sinks: the first of all
    int first, end;  // and those behind them that windows see
    int count() const { return sinks + end - first; }
    int at(int index) const { return index < sinks ? index : first + index - sinks; }
  };
  // Some tokens of one sequence, over all segments that they see or (partial >= 0) over one of them.
  struct Tile {
    const SequenceRows* sequence;
    int first, tokens;  // within the sequence's rows
    Segments segments;
    int partial;  // -1, or where its states go: [kv_heads * group] of them
  };
  // A row whose segments are tiles of their own, one after the other.
  struct Split {
    int first_tile, count;
  };
  struct Call;  // what one run() shares with its items

  void plan(const Call& call, int threads, std::span<const SequenceRows> sequences);
  void attend(const Call& call, const Tile& tile, int kv_head, int thread);
  void attend_segment(const Call& call, const Tile& tile, int kv_head, int segment, float* state,
                      float* scratch) const;
  const float* turn(const Call& call, const Tile& tile, int kv_head, float* turned) const;
  void merge(const Call& call, const Split& split, int kv_head, float* state) const;
  void write(const Call& call, const Tile& tile, int kv_head, const float* state) const;
  float* thread_memory(int thread) const { return memory_.as<float>() + thread * thread_numbers_; }

  std::vector<Tile> tiles_;
  std::vector<Split> split_;
  Buffer memory_;    // [threads]: kernel scratch, turned queries, two sets of states
  Buffer partials_;  // [most_partials_][heads] states
  int64_t thread_numbers_ = 0;
  int most_partials_ = 0;
};

}  // namespace quern::cpu
