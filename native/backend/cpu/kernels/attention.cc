// softmax(q k^T scale) v over pages, causal, with the online softmax (Milakov and Gimelshein 2018;
// FlashAttention, Dao et al. 2022).
//
// A tile of query rows (tokens x group heads that share a key/value head) walks its segment in blocks of 64
// positions, always from a multiple of 64, so that a row's result depends on its own position alone: not on
// the tile, nor on how a prompt was cut. What a row does not see leaves its state as it is. Decode reads
// 2 * head_dim * size_of(kv) bytes a position, once for the whole group: bound by memory. In prefill a block
// is widened to f32 once and serves all rows of the tile: bound by multiply-adds, 2 * head_dim of them a row
// and position pair.
#include <limits>

#include "backend/cpu/kernels/dot_tile.h"
#include "backend/cpu/kernels/kernels.h"

namespace quern::cpu::QUERN_ISA {

namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

struct Block {
  int first;       // position
  int begin, end;  // within it: what any row of the tile sees
  int begin_page() const { return begin / kPagePositions; }
  int end_page() const { return (end + kPagePositions - 1) / kPagePositions; }
};

// What a row sees of a block, and what becomes of its scores there.
struct Sight {
  int begin, end;  // within the block
  float scale, slope;
  float distance;  // from the row to the block's first position, as j - i
};

// scores[row, j] = q[row] . k[first + j]
template <typename KV>
void score_block(const AttentionParams& p, const float* queries, const KV* const* page_keys, Block block,
                 float* scores) {
  const int rows = p.tokens * p.group;
  // Tiles never straddle a page: 16 is a multiple of kTileRows.
  for (int j0 = block.begin - block.begin % kTileRows; j0 < block.end; j0 += kTileRows) {
    const KV* keys = page_keys[j0 / kPagePositions] + (j0 % kPagePositions) * p.head_dim;
    const int positions = block.end - j0 < kTileRows ? block.end - j0 : kTileRows;
    for (int row = 0; row < rows; row += kTileTokens) {
      dot_tile<false>(DotTile<Rows<KV>>{queries + row * p.head_dim, p.head_dim, Rows<KV>{keys, p.head_dim},
                                        p.head_dim, scores + row * kAttentionBlock + j0, kAttentionBlock},
                      positions, rows - row < kTileTokens ? rows - row : kTileTokens);
    }
  }
}

I32 count_up(int from) {
  I32 numbers;
  for (int lane = 0; lane < kLanes; ++lane) numbers[lane] = from + lane;
  return numbers;
}

// Turns a row's scores into weights e^(score - largest), zero where the row does not see; rescales its state
// to the new largest score.
void weigh_row(const Sight& sight, float* scores, float* state, int head_dim) {
  if (sight.begin >= sight.end) {
    for (int j = 0; j < kAttentionBlock; ++j) scores[j] = 0;
    return;
  }
  F32 most = splat(kNothing);
  for (int j = 0; j < kAttentionBlock; j += kLanes) {
    const I32 at = count_up(j);
    F32 score = load(scores + j) * splat(sight.scale);
    if (sight.slope != 0)
      score = fma(splat(sight.slope), splat(sight.distance) + __builtin_convertvector(at, F32), score);
    score = ((at >= sight.begin) & (at < sight.end)) ? score : splat(kNothing);
    store(scores + j, score);
    most = max(most, score);
  }
  const float before = state[0], largest_score = largest(most);
  const float now = before > largest_score ? before : largest_score;
  F32 total = {};
  for (int j = 0; j < kAttentionBlock; j += kLanes) {
    const F32 weights = exp(load(scores + j) - splat(now));
    store(scores + j, weights);
    total += weights;
  }
  const F32 rescale = exp(splat(before - now));  // 0 for the first block, where before is -infinity
  state[0] = now;
  state[1] = state[1] * rescale[0] + sum(total);
  float* values = state + 2;
  int d = 0;
  for (; d + kLanes <= head_dim; d += kLanes) store(values + d, load(values + d) * rescale);
  for (; d < head_dim; ++d) values[d] *= rescale[0];
}

// state.values[row, d] += sum_j weights[row, j] v[j, d], j in order, kRows rows at a time.
template <typename KV, int kRows>
void add_values(const AttentionParams& p, const KV* const* page_values, Block block, const float* weights,
                float* state) {
  constexpr int kVectors = 2;
  int d = 0;
  for (; d + kVectors * kLanes <= p.head_dim; d += kVectors * kLanes) {
    F32 sums[kRows][kVectors];
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kVectors; ++v) sums[r][v] = load(state + r * p.state_stride + 2 + d + v * kLanes);
    for (int j = block.begin; j < block.end; ++j) {
      const KV* value = page_values[j / kPagePositions] + (j % kPagePositions) * p.head_dim + d;
      F32 x[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) x[v] = load(value + v * kLanes);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const F32 weight = splat(weights[r * kAttentionBlock + j]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sums[r][v] = fma(weight, x[v], sums[r][v]);
      }
    }
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kVectors; ++v) store(state + r * p.state_stride + 2 + d + v * kLanes, sums[r][v]);
  }
  for (; d < p.head_dim; d += kLanes) {  // the last numbers of a head size that is no multiple of two vectors
    const int count = p.head_dim - d < kLanes ? p.head_dim - d : kLanes;
    for (int r = 0; r < kRows; ++r) {
      float* values = state + r * p.state_stride + 2 + d;
      F32 sums = load_partial(values, count);
      for (int j = block.begin; j < block.end; ++j) {
        const KV* value = page_values[j / kPagePositions] + (j % kPagePositions) * p.head_dim + d;
        sums = fma(splat(weights[r * kAttentionBlock + j]), load_partial(value, count), sums);
      }
      store_partial(values, sums, count);
    }
  }
}

// One block for all rows of the tile. page_*: where the block's pages begin, as KV numbers.
template <typename KV>
void attend_block(const AttentionParams& p, const float* queries, const KV* const* page_keys,
                  const KV* const* page_values, Block block, float* scores) {
  score_block(p, queries, page_keys, block, scores);
  const int rows = p.tokens * p.group;
  for (int row = 0; row < rows; ++row) {
    const int position = p.first_position + row / p.group;
    const int begin = lowest_seen(position, p.window) - block.first, end = position + 1 - block.first;
    const Sight sight{begin > block.begin ? begin : block.begin, end < block.end ? end : block.end, p.scale,
                      p.slopes ? p.slopes[row % p.group] : 0, static_cast<float>(block.first - position)};
    weigh_row(sight, scores + row * kAttentionBlock, p.state + row * p.state_stride, p.head_dim);
  }
  int row = 0;
  for (; row + 4 <= rows; row += 4)
    add_values<KV, 4>(p, page_values, block, scores + row * kAttentionBlock, p.state + row * p.state_stride);
  for (; row + 2 <= rows; row += 2)
    add_values<KV, 2>(p, page_values, block, scores + row * kAttentionBlock, p.state + row * p.state_stride);
  for (; row < rows; ++row)
    add_values<KV, 1>(p, page_values, block, scores + row * kAttentionBlock, p.state + row * p.state_stride);
}

// Widens one page [16, head_dim] to f32.
template <typename KV>
void widen(const KV* from, float* to, int count) {
  int i = 0;
  for (; i + kLanes <= count; i += kLanes) store(to + i, load(from + i));
  for (; i < count; ++i) to[i] = to_f32(from[i]);
}
inline void widen(const float*, float*, int) {}

template <typename KV>
void attention_of(const AttentionParams& p) {
  constexpr int kPages = kAttentionBlock / kPagePositions;
  const int page_numbers = kPagePositions * p.head_dim;
  const int lowest = lowest_seen(p.first_position, p.window);  // of all tokens of the tile
  const int begin = p.begin > lowest ? p.begin : lowest;
  const int last = p.first_position + p.tokens, end = p.end < last ? p.end : last;
  float* widened = p.scratch;                                  // keys, then values: [64, head_dim] f32 each
  float* scores = widened + 2 * kAttentionBlock * p.head_dim;  // [tokens * group, 64]
  float* queries = scores + p.tokens * p.group * kAttentionBlock;  // [tokens * group, head_dim], side by side
  for (int t = 0; t < p.tokens; ++t)
    __builtin_memcpy(queries + t * p.group * p.head_dim, p.q + t * p.q_stride,
                     p.group * p.head_dim * sizeof(float));
  const bool widen_first = sizeof(KV) < sizeof(float) && p.tokens * p.group > 8;
  for (int first = begin - begin % kAttentionBlock; first < end; first += kAttentionBlock) {
    const Block block{first, begin > first ? begin - first : 0,
                      end - first < kAttentionBlock ? end - first : kAttentionBlock};
    const KV *keys[kPages], *values[kPages];
    for (int i = block.begin_page(); i < block.end_page(); ++i) {
      const int64_t at = p.pages[first / kPagePositions + i] * p.page_stride;
      keys[i] = static_cast<const KV*>(p.keys) + at;
      values[i] = static_cast<const KV*>(p.values) + at;
    }
    if (!widen_first) {
      attend_block(p, queries, keys, values, block, scores);
      continue;
    }
    const float *wide_keys[kPages], *wide_values[kPages];
    for (int i = block.begin_page(); i < block.end_page(); ++i) {
      float *k = widened + i * page_numbers, *v = widened + (kPages + i) * page_numbers;
      widen(keys[i], k, page_numbers);
      widen(values[i], v, page_numbers);
      wide_keys[i] = k;
      wide_values[i] = v;
    }
    attend_block(p, queries, wide_keys, wide_values, block, scores);
  }
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
    const F32 mine = exp(splat(state[0] - now)), theirs = exp(splat(other[0] - now));
    state[0] = now;
    for (int i = 1; i < 2 + p.head_dim; ++i) state[i] = state[i] * mine[0] + other[i] * theirs[0];
  }
}

}  // namespace quern::cpu::QUERN_ISA
