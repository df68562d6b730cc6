// In which order the rows of a tile go through what they see. It is the same for every kernel, for every cut
// of a prompt and of a device, and so are the bits.
//
// Positions are taken in blocks of 64, blocks in segments: of 256 positions up to 4096, of 1024 from there
// on, so that a long sequence has few. Within a segment the online softmax goes from block to block; a
// segment's result is folded into the row's, one after the other. A step is one block: positions below
// `sinks` come first, scored with queries that are turned once more, then those of the window; a block that
// has both takes two steps. A step of which a row sees nothing leaves the row's numbers as they are, to the
// bit.
#pragma once
#include "backend/cuda/kernels/attention_sight.cuh"

namespace quern::cuda {

constexpr int kBlockPositions = 64, kBlockPages = kBlockPositions / kPagePositions;
constexpr int kShortSegments = 16, kShortBlocks = 4, kLongBlocks = 16;

__host__ __device__ constexpr int segment_of_block(int block) {
  constexpr int kShort = kShortSegments * kShortBlocks;
  return block < kShort ? block / kShortBlocks : kShortSegments + (block - kShort) / kLongBlocks;
}
__host__ __device__ constexpr int first_block_of(int segment) {
  return segment <= kShortSegments ? segment * kShortBlocks
                                   : kShortSegments * kShortBlocks + (segment - kShortSegments) * kLongBlocks;
}
__host__ __device__ constexpr int segment_of(int position) {
  return segment_of_block(position / kBlockPositions);
}

// Some consecutive steps: those of one segment.
struct Steps {
  int begin, end;
};

class Walk {
 public:
  // Of rows at positions from `first` to `last`.
  __device__ Walk(int first, int last, int window, int sinks) {
    const int seen_sinks = sinks < last + 1 ? sinks : last + 1;
    sink_steps_ = (seen_sinks + kBlockPositions - 1) / kBlockPositions;
    const int lowest = lowest_seen(first, window);
    own_first_ = (lowest > sinks ? lowest : sinks) / kBlockPositions;
    own_end_ = last / kBlockPositions + 1;
    if (own_end_ < own_first_) own_end_ = own_first_;
    sink_segments_ = sink_steps_ > 0 ? segment_of_block(sink_steps_ - 1) + 1 : 0;
    const int own = segment_of_block(own_first_);
    first_own_segment_ = own > sink_segments_ ? own : sink_segments_;
    const int end = own_end_ > own_first_ ? segment_of_block(own_end_ - 1) + 1 : 0;
    segments_ = sink_segments_ + (end > first_own_segment_ ? end - first_own_segment_ : 0);
  }

  __device__ int segments() const { return segments_; }  // of which something is seen
  __device__ int steps() const { return sink_steps_ + own_end_ - own_first_; }
  __device__ bool ends_segment(int step) const {
    return step + 1 == steps() || segment_of_block(block_of(step + 1)) != segment_of_block(block_of(step));
  }
  __device__ bool is_for_sinks(int step) const { return step < sink_steps_; }
  __device__ int block_of(int step) const {
    return step < sink_steps_ ? step : own_first_ + step - sink_steps_;
  }
  // Of the index-th segment of which something is seen.
  __device__ Steps steps_of(int index) const {
    const int segment = index < sink_segments_ ? index : first_own_segment_ + index - sink_segments_;
    const int begin = first_block_of(segment), end = first_block_of(segment + 1);
    return {begin < sink_steps_ ? begin : own_step(begin), end > own_first_ && own_end_ > own_first_
                                                               ? own_step(end)
                                                               : (end < sink_steps_ ? end : sink_steps_)};
  }

 private:
  __device__ int own_step(int block) const {
    const int within = block < own_first_ ? own_first_ : block > own_end_ ? own_end_ : block;
    return sink_steps_ + within - own_first_;
  }
  int sink_steps_, own_first_, own_end_;  // blocks
  int sink_segments_, first_own_segment_, segments_;
};

// The segments of one of `splits` thread blocks, and the steps of each: in order where it has all of them,
// else from the last, which may be the longest.
class Cursor {
 public:
  __device__ Cursor(const Walk& walk, int splits, int split)
      : walk_(walk),
        stride_(splits == 1 ? 1 : -splits),
        segment_(splits == 1 ? 0 : walk.segments() - 1 - split) {
    enter();
  }
  __device__ bool is_done() const { return segment_ < 0 || segment_ >= walk_.segments(); }
  __device__ int step() const { return step_; }
  __device__ int segment() const { return segment_; }
  __device__ bool ends_segment() const { return step_ + 1 == end_; }
  __device__ void advance() {
    if (++step_ < end_) return;
    segment_ += stride_;
    enter();
  }

 private:
  __device__ void enter() {
    if (is_done()) return;
    const Steps steps = walk_.steps_of(segment_);
    step_ = steps.begin;
    end_ = steps.end;
  }
  const Walk& walk_;
  int stride_, segment_, step_ = 0, end_ = 0;
};

// At most so many segments are seen by `rows` tokens in a row, none of them beyond `longest`.
inline int most_segments(int longest, int tokens, int window, int sinks) {
  const int all = segment_of(longest) + 1;
  if (window == 0) return all;
  const int of_window = (window + tokens - 2) / (kShortBlocks * kBlockPositions) + 2;
  const int of_sinks = sinks > 0 ? segment_of(sinks - 1) + 1 : 0;
  return all < of_window + of_sinks ? all : of_window + of_sinks;
}

}  // namespace quern::cuda
