#include "backend/cpu/cpu_attention.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"
#include "core/thread_pool.h"

namespace quern::cpu {

static_assert(kPagePositions == quern::kPagePositions);

namespace {
// Query rows that share one widened block of keys and values: multiples of what a kernel takes at once.
constexpr int kMostQueryRows = 96, kFewQueryRows = 12;
constexpr int64_t kRowProducts = int64_t{16} << 20;  // of a decoding row: about a millisecond

// Of a tile: what its kernel needs, and its queries once more.
int64_t tile_scratch(int64_t query_rows, int64_t head_dim) {
  return attention_scratch(query_rows, head_dim) + query_rows * head_dim;
}
}  // namespace

struct Attention::Call {
  const Kernels& kernels;
  const std::atomic<bool>& abort;
  const AttentionSpec& spec;
  const Angles* sink_turn;  // null: none
  const float* q;           // [rows, heads * head_dim]
  float* out;               // likewise
  int64_t stride;           // heads * head_dim
  const KvShape& shape;
  KvLayer kv;
  int group;  // query heads of a key/value head
  int64_t state_stride() const { return shape.head_dim + 2; }
  // What `tokens` tokens from this position on see.
  Segments seen_from(int position, int tokens) const {
    const int end = (position + tokens - 1) / kAttentionSegment + 1;
    const int sinks = std::min((spec.sinks + kAttentionSegment - 1) / kAttentionSegment, end);
    return {sinks, std::max(lowest_seen(position, spec.window) / kAttentionSegment, sinks), end};
  }
  // From where on all tokens see the sinks as from there.
  int sinks_seen_from() const { return spec.sinks + spec.window - 1; }
};

void Attention::reserve(const StreamLimits& limits, int threads, int64_t partial_bytes) {
  const int group = limits.heads / limits.kv_heads;
  const int64_t query_rows = std::max(kMostQueryRows, group), states = query_rows * (limits.head_dim + 2);
  constexpr int64_t kLine = 16;  // numbers of a cache line
  thread_numbers_ = tile_scratch(query_rows, limits.head_dim) + 2 * states;
  thread_numbers_ += kLine - thread_numbers_ % kLine;
  memory_ = Buffer(static_cast<size_t>(threads * thread_numbers_) * sizeof(float));
  const int64_t one_partial =
      int64_t{limits.heads} * (limits.head_dim + 2) * static_cast<int64_t>(sizeof(float));
  most_partials_ = static_cast<int>(partial_bytes / one_partial);
  partials_ = Buffer(static_cast<size_t>(most_partials_ * one_partial));
  tiles_.reserve(static_cast<size_t>(limits.rows + most_partials_));
  split_.reserve(static_cast<size_t>(limits.rows));
}

void Attention::plan(const Call& call, int threads, std::span<const SequenceRows> sequences) {
  tiles_.clear();
  split_.clear();
  int partials = 0;
  const int wanted_items = 4 * threads;
  const bool few = static_cast<int>(sequences.size()) * call.shape.kv_heads < wanted_items;
  int64_t rows = 0;
  for (const SequenceRows& sequence : sequences) rows += sequence.rows;
  // Tokens of one item: as few as give each thread some, but not so few that reading a block outweighs its
  // use.
  const auto most = static_cast<int>(std::clamp<int64_t>(rows * call.shape.kv_heads / wanted_items,
                                                         std::max(1, kFewQueryRows / call.group),
                                                         std::max(1, kMostQueryRows / call.group)));
  for (const SequenceRows& sequence : sequences) {
    const int last = sequence.first_position + sequence.rows - 1;
    const int seen =
        last + 1 - lowest_seen(last, call.spec.window) + call.spec.sinks;  // the most, if not less
    const int64_t products = int64_t{2} * call.group * call.shape.head_dim * seen;
    const Segments segments = call.seen_from(last, 1);
    if (sequence.rows == 1 && segments.count() > 1 && (few || products > kRowProducts) &&
        partials + segments.count() <= most_partials_) {
      split_.push_back({static_cast<int>(tiles_.size()), segments.count()});
      for (int index = 0; index < segments.count(); ++index)
        tiles_.push_back({&sequence, 0, 1, {0, segments.at(index), segments.at(index) + 1}, partials++});
      continue;
    }
    for (int first = 0; first < sequence.rows; first += most) {
      const int tokens = std::min(most, sequence.rows - first);
      tiles_.push_back(
          {&sequence, first, tokens, call.seen_from(sequence.first_position + first, tokens), -1});
    }
  }
}

void Attention::run(const Kernels& kernels, int threads, const AttentionSpec& spec, Tensor q,
                    const StepInput& input, const KvShape& shape, KvLayer kv, Tensor out) {
  if (shape.dtype != Dtype::f32 && shape.dtype != Dtype::f16)
    throw Error("internal",
                "attention: keys and values are f32 or f16, not " + std::string(name_of(shape.dtype)));
  const int heads = static_cast<int>(q.cols) / shape.head_dim;
  QUERN_CHECK(spec.window >= 0 && spec.sinks >= 0 && (spec.sinks == 0 || spec.window > 0));
  QUERN_CHECK(spec.slopes.empty() || static_cast<int>(spec.slopes.size()) == heads);
  const std::atomic<bool>& abort = *input.abort;
  const Angles* const turn =
      spec.sink_turn == kNoRope ? nullptr : &input.ropes[static_cast<size_t>(spec.sink_turn)];
  const Call call{kernels,         abort,  spec,  turn, q.as<float>(),
                  out.as<float>(), q.cols, shape, kv,   heads / shape.kv_heads};
  plan(call, threads, input.sequences);
  ThreadPool::instance().run(
      static_cast<int>(tiles_.size()) * shape.kv_heads, threads, abort, [&](int item, int thread) {
        attend(call, tiles_[static_cast<size_t>(item / shape.kv_heads)], item % shape.kv_heads, thread);
      });
  if (split_.empty()) return;
  ThreadPool::instance().run(static_cast<int>(split_.size()) * shape.kv_heads, threads, abort,
                             [&](int item, int thread) {
                               merge(call, split_[static_cast<size_t>(item / shape.kv_heads)],
                                     item % shape.kv_heads, thread_memory(thread));
                             });
}

void Attention::attend(const Call& call, const Tile& tile, int kv_head, int thread) {
  const int64_t stride = call.state_stride();
  const int rows = tile.tokens * call.group;
  float *const scratch = thread_memory(thread), *state = scratch + tile_scratch(rows, call.shape.head_dim);
  float* const later = state + rows * stride;
  if (tile.partial >= 0) {
    float* partial =
        partials_.as<float>() + (int64_t{tile.partial} * call.shape.kv_heads + kv_head) * call.group * stride;
    return attend_segment(call, tile, kv_head, tile.segments.at(0), partial, scratch);
  }
  attend_segment(call, tile, kv_head, tile.segments.at(0), state, scratch);
  for (int index = 1; index < tile.segments.count(); ++index) {
    if (call.abort) return;
    attend_segment(call, tile, kv_head, tile.segments.at(index), later, scratch);
    call.kernels.attention_merge({state, later, stride, stride, rows, call.shape.head_dim});
  }
  write(call, tile, kv_head, state);
}

// Sinks first, and whatever is left of their block in a call of its own, so that no row's blocks depend on
// which others see the sinks as it does.
void Attention::attend_segment(const Call& call, const Tile& tile, int kv_head, int segment, float* state,
                               float* scratch) const {
  const KvShape& shape = call.shape;
  const int64_t head_at =
      int64_t{kv_head} * kPagePositions * shape.head_dim * static_cast<int64_t>(size_of(shape.dtype));
  call.kernels.attention_begin(
      {state, nullptr, call.state_stride(), 0, tile.tokens * call.group, shape.head_dim});
  AttentionParams p;
  p.q = call.q + (tile.sequence->first_row + tile.first) * call.stride +
        int64_t{kv_head} * call.group * shape.head_dim;
  p.q_stride = call.stride;
  p.tokens = tile.tokens;
  p.group = call.group;
  p.head_dim = shape.head_dim;
  p.first_position = tile.sequence->first_position + tile.first;
  p.window = call.spec.window;
  p.scale = 1.0f / std::sqrt(static_cast<float>(shape.head_dim));
  if (!call.spec.slopes.empty()) p.slopes = call.spec.slopes.data() + int64_t{kv_head} * call.group;
  p.keys = static_cast<const char*>(call.kv.keys) + head_at;
  p.values = static_cast<const char*>(call.kv.values) + head_at;
  p.kv_dtype = shape.dtype;
  p.page_stride = shape.page_numbers();
  p.pages = tile.sequence->pages[call.kv.group];
  p.state = state;
  p.state_stride = call.state_stride();
  p.scratch = scratch;
  p.begin = segment * kAttentionSegment;
  p.end = p.begin + kAttentionSegment;
  if (p.begin < call.spec.sinks) {
    AttentionParams of_sinks = p;
    of_sinks.end = std::min(p.end, call.spec.sinks);
    of_sinks.window = 0;
    of_sinks.most_position = call.sinks_seen_from();
    if (call.sink_turn && p.first_position + p.tokens - 1 > call.sinks_seen_from()) {
      of_sinks.q = turn(call, tile, kv_head, scratch + attention_scratch(p.tokens * p.group, p.head_dim));
      of_sinks.q_stride = int64_t{p.group} * p.head_dim;
    }
    call.kernels.attention(of_sinks);
    p.begin = of_sinks.end;
  }
  if (p.begin < p.end) call.kernels.attention(p);
}

// The tile's queries as they are for the sinks: [tokens, group, head_dim]
const float* Attention::turn(const Call& call, const Tile& tile, int kv_head, float* turned) const {
  const int head_dim = call.shape.head_dim, rows = tile.tokens * call.group;
  const auto& [cos, sin, dim] = *call.sink_turn;
  for (int row = 0; row < rows; ++row) {
    const int64_t token = tile.sequence->first_row + tile.first + row / call.group;
    float* const to = turned + int64_t{row} * head_dim;
    std::copy_n(call.q + token * call.stride + (int64_t{kv_head} * call.group + row % call.group) * head_dim,
                head_dim, to);
    const int64_t angles = token * dim / 2;
    call.kernels.rotate({to, cos + angles, sin + angles, dim});
  }
  return turned;
}

void Attention::merge(const Call& call, const Split& split, int kv_head, float* state) const {
  const Tile& first = tiles_[static_cast<size_t>(split.first_tile)];
  const int64_t stride = call.state_stride(), row_stride = call.shape.kv_heads * call.group * stride;
  const float* partial = partials_.as<float>() + first.partial * row_stride + kv_head * call.group * stride;
  std::copy_n(partial, call.group * stride, state);
  for (int segment = 1; segment < split.count; ++segment) {
    call.kernels.attention_merge(
        {state, partial + segment * row_stride, stride, stride, call.group, call.shape.head_dim});
  }
  write(call, first, kv_head, state);
}

void Attention::write(const Call& call, const Tile& tile, int kv_head, const float* state) const {
  const int head_dim = call.shape.head_dim;
  for (int row = 0; row < tile.tokens * call.group; ++row, state += call.state_stride()) {
    const int64_t token = tile.sequence->first_row + tile.first + row / call.group;
    float* out =
        call.out + token * call.stride + (int64_t{kv_head} * call.group + row % call.group) * head_dim;
    for (int d = 0; d < head_dim; ++d) out[d] = state[2 + d] / state[1];
  }
}

}  // namespace quern::cpu
