// softmax(q k^T scale) v over pages, causal, with the online softmax (Milakov and Gimelshein 2018;
// FlashAttention, Dao et al. 2022).
//
// A tile of query rows (tokens x group heads that share a key/value head) walks its segment in blocks of 64
// positions, always from a multiple of 64, so that a row's result depends on its own position alone: not on
// the tile, nor on how a prompt was cut. What a row does not see leaves its state as it is.
//
// Decode reads 2 * head_dim * size_of(kv) bytes a position, once for the whole group: bound by memory. In a
// prompt a block is widened to f32 once and serves all rows of the tile, kMostRows at a time. What that costs
// for a row and a vector of positions:
//
//   scores   head_dim multiply-adds, and 1/2 + 1/kMostRows as many loads: keys lie number by number
//            in their pages, so a vector is kLanes positions, and no sum runs over lanes
//   weights  about 20 operations whatever head_dim is, 14 of them 2^x, on the same ports as 2 * head_dim
//            multiply-adds; side by side for 4 vectors, since each waits for the one before it
//   values   head_dim multiply-adds and as many loads as for scores
//
// Keys and values of a block are 512 * head_dim bytes: 16 KiB of f32 at head size 32, in L1; 64 KiB at 128,
// from L2, of which kMostRows rows need 64 * head_dim * 2 * kMostRows / kLanes multiply-adds: 6 vectors of
// them for one that is read.
#include "backend/cpu/kernels/attention_weights.h"

namespace quern::cpu::QUERN_ISA {

namespace {

constexpr float kLog2E = 1.44269504f;  // scores are powers of 2: a product less for each weight
constexpr int kBlockPages = kAttentionBlock / kPagePositions;

// What of a block is read: positions [begin, end) within it, and where its pages are.
template <typename KV>
struct Block {
  int first;  // position
  int begin, end;
  const KV *keys[kBlockPages], *values[kBlockPages];

  int begin_page() const { return begin / kPagePositions; }
  int end_page() const { return (end + kPagePositions - 1) / kPagePositions; }
  // Where number 0 of the keys of a vector of positions begins.
  const KV* key(int vector) const {
    const int position = vector * kLanes;
    return keys[position / kPagePositions] + position % kPagePositions;
  }
};

// The rows of a tile.
struct Rows {
  float* queries;         // [head_dim, rows] for each group of rows, scaled
  float *largest, *sums;  // of each row so far; kMostLanes numbers more can be read and written
};

// Some of them, side by side.
struct Group {
  const AttentionParams& p;
  int first;             // row of the tile
  const float* queries;  // [head_dim, rows of the group]
  float *largest, *sums;
  int position_of(int row) const {
    const int position = p.first_position + (first + row) / p.group;
    return position < p.most_position ? position : p.most_position;
  }
  float* state_of(int row) const { return p.state + (first + row) * p.state_stride; }
};

// What of a block any row of the group sees, and whether all see all 64 positions.
template <int kRows, typename KV>
bool narrow(const Group& group, Block<KV>& block) {
  const bool is_cut = block.begin > 0 || block.end < kAttentionBlock;
  const int least = group.position_of(0), most = group.position_of(kRows - 1);
  const int begin = lowest_seen(least, group.p.window) - block.first, end = most + 1 - block.first;
  if (block.begin < begin) block.begin = begin;
  if (block.end > end) block.end = end;
  return !is_cut && least - block.first >= kAttentionBlock - 1 &&
         lowest_seen(most, group.p.window) <= block.first;
}

template <int kRows, typename KV>
void score(const Group& group, const Block<KV>& block, float* scores) {
  constexpr int kVectors =
      vectors_for(kRows) < kAttentionBlock / kLanes ? vectors_for(kRows) : kAttentionBlock / kLanes;
  const int end = (block.end + kLanes - 1) / kLanes, head_dim = group.p.head_dim;
  int vector = block.begin / kLanes;
  for (; vector + kVectors <= end; vector += kVectors) {
    const KV* keys[kVectors];
    for (int v = 0; v < kVectors; ++v) keys[v] = block.key(vector + v);
    score_vectors<kRows, kVectors>(group.queries, head_dim, keys, scores + vector * kLanes);
  }
  for (; vector < end; ++vector) {
    const KV* const key = block.key(vector);
    score_vectors<kRows, 1>(group.queries, head_dim, &key, scores + vector * kLanes);
  }
}

I32 count_up(int from) {
  I32 numbers;
  for (int lane = 0; lane < kLanes; ++lane) numbers[lane] = from + lane;
  return numbers;
}

// Adds the slopes to the scores of a block, and hides what a row does not see.
template <int kRows>
void adjust(const Group& group, int block_first, float* scores) {
  const AttentionParams& p = group.p;
  for (int r = 0; r < kRows; ++r) {
    const int position = group.position_of(r), begin = lowest_seen(position, p.window), end = p.end - 1;
    const F32 slope = splat(p.slopes ? p.slopes[(group.first + r) % p.group] * kLog2E : 0);
    const I32 lowest = count_up(0) * 0 + (begin > p.begin ? begin : p.begin),
              own = count_up(0) * 0 + position, highest = count_up(0) * 0 + (end < position ? end : position);
    float* const row = scores + r * kAttentionBlock;
    for (int j = 0; j < kAttentionBlock; j += kLanes) {
      const I32 at = count_up(block_first + j);
      const F32 score = fma(slope, __builtin_convertvector(at - own, F32), load(row + j));
      store(row + j, ((at >= lowest) & (at <= highest)) ? score : splat(kNothing));
    }
  }
}

template <int kRows, typename KV>
void add_values(const Group& group, const Block<KV>& block, const float* weights, const float* rescale) {
  const int head_dim = group.p.head_dim;
  int d = 0;
  const auto add = [&](auto columns) {
    const KV* pages[kBlockPages];
    for (int i = block.begin_page(); i < block.end_page(); ++i) pages[i] = block.values[i] + d;
    add_columns<kRows>(weights, rescale, pages, head_dim, block.begin, block.end, group.state_of(0) + 2 + d,
                       group.p.state_stride, columns);
  };
  constexpr int kVectors = vectors_for(kRows);
  for (; d + kVectors * kLanes <= head_dim; d += kVectors * kLanes) add(WholeColumns<kVectors>{});
  for (; d + kLanes <= head_dim; d += kLanes) add(WholeColumns<1>{});
  if (d < head_dim) add(LastColumns{head_dim - d});
}

// One block for some rows.
template <int kRows, typename KV>
void attend_rows(const Group& group, Block<KV> block) {
  const bool whole = narrow<kRows>(group, block);
  if (block.begin >= block.end) return;
  alignas(64) float scores[kRows * kAttentionBlock], rescale[kLanes];
  score<kRows>(group, block, scores);
  if (!whole || group.p.slopes) adjust<kRows>(group, block.first, scores);
  store(rescale, weigh<kRows>(scores, group.largest, group.sums));
  add_values<kRows>(group, block, scores, rescale);
}

template <typename KV>
void attend_block(const AttentionParams& p, const Rows& rows, const Block<KV>& block) {
  for_groups(p.tokens * p.group, [&](auto count, int row) {
    attend_rows<count.value>(
        Group{p, row, rows.queries + row * p.head_dim, rows.largest + row, rows.sums + row}, block);
  });
}

// The queries of each group of rows, number by number, scaled; what the rows' states say of scores.
void gather(const AttentionParams& p, const Rows& rows) {
  for (int row = 0; row < p.tokens * p.group; ++row) {
    rows.largest[row] = p.state[row * p.state_stride];
    rows.sums[row] = p.state[row * p.state_stride + 1];
  }
  const float scale = p.scale * kLog2E;
  for_groups(p.tokens * p.group, [&](auto count, int row) {
    float* const to = rows.queries + row * p.head_dim;
    for (int r = 0; r < count.value; ++r) {
      const float* const q =
          p.q + (row + r) / p.group * p.q_stride + int64_t{(row + r) % p.group} * p.head_dim;
      for (int d = 0; d < p.head_dim; ++d) to[d * count.value + r] = q[d] * scale;
    }
  });
}

void scatter(const AttentionParams& p, const Rows& rows) {
  for (int row = 0; row < p.tokens * p.group; ++row) {
    p.state[row * p.state_stride] = rows.largest[row];
    p.state[row * p.state_stride + 1] = rows.sums[row];
  }
}

// Widens one page to f32.
template <typename KV>
void widen(const KV* from, float* to, int count) {
  int i = 0;
  for (; i + kLanes <= count; i += kLanes) store(to + i, load(from + i));
  for (; i < count; ++i) to[i] = to_f32(from[i]);
}
inline void widen(const float*, float*, int) {}

template <typename KV>
void attention_of(const AttentionParams& p) {
  const int page_numbers = kPagePositions * p.head_dim;
  const int lowest = lowest_seen(p.first_position, p.window);  // of all tokens of the tile
  const int begin = p.begin > lowest ? p.begin : lowest;
  const int last = p.first_position + p.tokens, end = p.end < last ? p.end : last;
  float* const widened = p.scratch;  // keys, then values: [64 * head_dim] f32 each
  float* const largest = widened + 2 * kAttentionBlock * p.head_dim;
  float* const sums = largest + p.tokens * p.group + kMostLanes;
  const Rows rows{sums + p.tokens * p.group + kMostLanes, largest, sums};
  gather(p, rows);
  const bool widen_first = sizeof(KV) < sizeof(float) && p.tokens * p.group > kMostRows;
  for (int first = begin - begin % kAttentionBlock; first < end; first += kAttentionBlock) {
    Block<KV> block{first,
                    begin > first ? begin - first : 0,
                    end - first < kAttentionBlock ? end - first : kAttentionBlock,
                    {},
                    {}};
    for (int i = block.begin_page(); i < block.end_page(); ++i) {
      const int64_t at = p.pages[first / kPagePositions + i] * p.page_stride;
      block.keys[i] = static_cast<const KV*>(p.keys) + at;
      block.values[i] = static_cast<const KV*>(p.values) + at;
    }
    if (!widen_first) {
      attend_block(p, rows, block);
      continue;
    }
    Block<float> wide{block.first, block.begin, block.end, {}, {}};
    for (int i = block.begin_page(); i < block.end_page(); ++i) {
      float* const keys = widened + i * page_numbers;
      float* const values = widened + (kBlockPages + i) * page_numbers;
      widen(block.keys[i], keys, page_numbers);
      widen(block.values[i], values, page_numbers);
      wide.keys[i] = keys;
      wide.values[i] = values;
    }
    attend_block(p, rows, wide);
  }
  scatter(p, rows);
}

}  // namespace

void attention(const AttentionParams& p) {
  // Of no other type: see Attention::run().
  p.kv_dtype == Dtype::f32 ? attention_of<float>(p) : attention_of<F16>(p);
}

void attention_begin(const AttentionStateParams& p) {
  for (int row = 0; row < p.rows; ++row) {
    float* state = p.state + row * p.state_stride;
    state[0] = kNothing;
    for (int i = 1; i < 2 + p.head_dim; ++i) state[i] = 0;
  }
}

void attention_merge(const AttentionStateParams& p) {
  for (int row = 0; row < p.rows; ++row) {
    float* state = p.state + row * p.state_stride;
    const float* other = p.other + row * p.other_stride;
    if (other[0] == kNothing) continue;  // the row sees nothing of that segment
    if (state[0] == kNothing) {          // nor of those before it
      for (int i = 0; i < 2 + p.head_dim; ++i) state[i] = other[i];
      continue;
    }
    const float now = state[0] > other[0] ? state[0] : other[0];
    const F32 mine = exp2_of_negative(splat(state[0] - now)),
              theirs = exp2_of_negative(splat(other[0] - now));
    state[0] = now;
    for (int i = 1; i < 2 + p.head_dim; ++i) state[i] = state[i] * mine[0] + other[i] * theirs[0];
  }
}

}  // namespace quern::cpu::QUERN_ISA
