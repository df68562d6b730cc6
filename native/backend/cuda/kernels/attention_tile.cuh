// What the tensor-core kernels of attention share: sixteen rows of queries as operands of mma.m16n8k16, and
// the softmax over what comes out, in the order of attention_walk.cuh.
//
// A row is a token of one sequence and one of the query heads that share a key/value head: number
// token * group + head. Lane 4 g + t of a warp has numbers of rows g and g + 8, "its two rows". With keys and
// values as kv_cache.h lays them out, of a page it has scores of positions 4 t + 0..3, two from each of two
// mma, and they are the operand of the product with the values as they stand.
#pragma once
#include <type_traits>

#include "backend/cuda/kernels/attention_walk.cuh"
#include "backend/cuda/kernels/mma.cuh"

namespace quern::cuda {

constexpr float kLog2E = 1.44269504f;

__device__ __forceinline__ float exp2_approx(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

template <typename T>
__device__ __forceinline__ void multiply_add(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                             uint32_t b1) {
  const uint32_t b[2] = {b0, b1};
  if constexpr (std::is_same_v<T, __half>)
    mma_f16(d, a, b);
  else
    mma_bf16(d, a, b);
}
template <typename T>
__device__ __forceinline__ uint32_t pack(float low, float high) {
  if constexpr (std::is_same_v<T, __half>)
    return pack_f16(low, high);
  else
    return pack_bf16(low, high);
}

template <typename T>
__device__ __forceinline__ uint32_t from_bf16(uint32_t pair) {
  if constexpr (std::is_same_v<T, __half>)
    return pack_f16(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u));
  else
    return pair;
}

// Rows [first, end) of a sequence.
struct Tile {
  int sequence = -1;  // below 0: there is none
  int first = 0, end = 0;
};

// The index-th tile of `tile_rows` rows, of the sequences that are `wanted`, by all lanes of a warp.
template <typename Wanted>
__device__ Tile find_tile(const StepTables& step, int group, int tile_rows, int index, const Wanted& wanted) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int first = 0; first < step.sequences; first += kWarp) {
    const int sequence = first + lane;
    const int rows = sequence < step.sequences ? step.spans[sequence].rows * group : 0;
    const int tiles = wanted(rows) ? (rows + tile_rows - 1) / tile_rows : 0;
    int up_to = tiles;  // of this lane's sequence and those before it
    for (int distance = 1; distance < kWarp; distance *= 2) {
      const int before = __shfl_up_sync(kAllLanes, up_to, distance);
      if (lane >= distance) up_to += before;
    }
    const int found = __popc(__ballot_sync(kAllLanes, up_to <= index));
    if (found < kWarp) {
      const int within = index - __shfl_sync(kAllLanes, up_to - tiles, found);
      const int count = __shfl_sync(kAllLanes, rows, found), at = within * tile_rows;
      return {first + found, at, at + tile_rows < count ? at + tile_rows : count};
    }
    index -= __shfl_sync(kAllLanes, up_to, kWarp - 1);
  }
  return {};
}

// A lane's two rows. Rows beyond the tile's are its last one once more, and not written.
struct LaneRows {
  int row[2];  // of the step
  int head[2];
  int position[2];
  bool is_there[2];

  // `first`: the first of the warp's sixteen rows of the tile.
  __device__ LaneRows(const Tile& tile, const SequenceSpan& span, int group, int kv_head, int first) {
    const int g = static_cast<int>(threadIdx.x) % kWarp / 4;
    for (int i = 0; i < 2; ++i) {
      const int wanted = first + g + 8 * i;
      is_there[i] = wanted < tile.end;
      const int at = is_there[i] ? wanted : tile.end - 1;
      row[i] = span.first_row + at / group;
      head[i] = kv_head * group + at % group;
      position[i] = span.first_position + at / group;
    }
  }
};

// Of a tile and its key/value head: where pages are.
struct Pages {
  const int32_t* table;
  int last;                     // page that any row sees
  int kv_heads, kv_head, part;  // numbers of a part
  // In numbers; below 0: not there.
  __device__ int64_t part_of(int page) const {
    const int32_t at = page <= last ? table[page] : -1;
    return at < 0 ? -1 : (static_cast<int64_t>(at) * kv_heads + kv_head) * part;
  }
};

__device__ __forceinline__ __nv_bfloat16* out_of(const Attention& op, int row, int head) {
  return static_cast<__nv_bfloat16*>(op.out) + (static_cast<int64_t>(row) * op.heads + head) * op.kv.head_dim;
}

// The queries of sixteen rows as first operands: kTiles products of sixteen numbers of head_dim.
template <typename T, int kTiles>
__device__ __forceinline__ void load_queries(const Attention& op, const LaneRows& rows, int tiles,
                                             uint32_t (&queries)[kTiles][4]) {
  const int t = static_cast<int>(threadIdx.x) % 4;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const auto* const q = static_cast<const __nv_bfloat16*>(op.q) +
                          (static_cast<int64_t>(rows.row[i]) * op.heads + rows.head[i]) * op.kv.head_dim;
#pragma unroll
    for (int c = 0; c < kTiles; ++c) {
      if (c >= tiles) continue;
      const uint2 four = *reinterpret_cast<const uint2*>(q + 16 * c + 4 * t);
      queries[c][i] = from_bf16<T>(four.x);
      queries[c][2 + i] = from_bf16<T>(four.y);
    }
  }
}

// The same in shared memory, [tiles][lane] for the sixteen rows of a sequence from `first` on, and turned
// once more where they are for the sinks. By `threads` threads, of which this one has a number.
template <typename T>
__device__ void arrange_queries(const Attention& op, const Tile& tile, const SequenceSpan& span, int group,
                                int kv_head, int first, bool is_turned, int thread, int threads,
                                uint4* queries) {
  const int fours = op.kv.head_dim / 4;
  auto* const to = reinterpret_cast<uint32_t*>(queries);
  const auto arrange = [&](int item, const auto& load) {
    const int within = item / fours, four = item % fours;
    const int at = first + within < tile.end ? first + within : tile.end - 1;
    const int64_t row = span.first_row + at / group;
    const auto* const q = static_cast<const __nv_bfloat16*>(op.q) +
                          (row * op.heads + kv_head * group + at % group) * op.kv.head_dim;
    const uint2 numbers = load(q, row, 4 * four);
    uint32_t* const operand = to + (four / 4 * kWarp + within % 8 * 4 + four % 4) * 4 + within / 8;
    operand[0] = numbers.x;
    operand[2] = numbers.y;
  };
  if (is_turned) {
#pragma unroll 1
    for (int item = thread; item < 16 * fours; item += threads)
      arrange(item, [&](const __nv_bfloat16* q, int64_t row, int d) {
        const auto number = [&](int i) { return __bfloat162float(q[i]); };
        const auto of = [&](int i) { return turned(op.sink_turn, row, number, d + i); };
        return uint2{pack<T>(of(0), of(1)), pack<T>(of(2), of(3))};
      });
    return;
  }
#pragma unroll 4
  for (int item = thread; item < 16 * fours; item += threads)
    arrange(item, [&](const __nv_bfloat16* q, int64_t, int d) {
      const uint2 four = *reinterpret_cast<const uint2*>(q + d);
      return uint2{from_bf16<T>(four.x), from_bf16<T>(four.y)};
    });
}
template <int kTiles>
__device__ __forceinline__ void load_arranged(const uint4* queries_of_lane, int tiles,
                                              uint32_t (&queries)[kTiles][4]) {
#pragma unroll
  for (int c = 0; c < kTiles; ++c) {
    if (c >= tiles) continue;
    const uint4 four = queries_of_lane[c * kWarp];
    queries[c][0] = four.x, queries[c][1] = four.y, queries[c][2] = four.z, queries[c][3] = four.w;
  }
}

// From a product to a score in powers of 2: score * factor; with slopes the score has its factor already.
struct Scoring {
  float scale, factor;
  __device__ explicit Scoring(const Attention& op)
      : scale(kLog2E / sqrtf(static_cast<float>(op.kv.head_dim))), factor(op.slopes ? 1.0f : scale) {}
};

// What a lane's two rows see of a step, and where they count as being.
struct StepSight {
  int low[2], high[2], from[2];
  __device__ StepSight(const Attention& op, const LaneRows& rows, bool for_sinks) {
    for (int i = 0; i < 2; ++i) {
      const int position = rows.position[i], lowest = lowest_seen(position, op.window);
      low[i] = for_sinks ? 0 : lowest > op.sinks ? lowest : op.sinks;
      high[i] = for_sinks && op.sinks - 1 < position ? op.sinks - 1 : position;
      from[i] = for_sinks ? position_for_sinks(position, op.window, op.sinks) : position;
    }
  }
};

// Whether all rows at positions from `first` to `last` see the whole block.
__device__ inline bool is_seen_whole(const Attention& op, int first, int last, int block, bool for_sinks) {
  const int begin = block * kBlockPositions, end = begin + kBlockPositions;
  return end - 1 <= first &&
         (for_sinks ? end <= op.sinks : begin >= op.sinks && begin >= lowest_seen(last, op.window));
}

// Adds slopes to a page's scores and hides what is not seen. `page_first`: the page's first position.
__device__ __forceinline__ void adjust_scores(const Attention& op, const Scoring& scoring,
                                              const LaneRows& rows, const StepSight& sight, int page_first,
                                              bool is_whole, float (&scores)[2][4]) {
  const int first = page_first + 4 * (static_cast<int>(threadIdx.x) % 4);
  if (op.slopes) {
    const float slopes[2] = {op.slopes[rows.head[0]] * kLog2E, op.slopes[rows.head[1]] * kLog2E};
#pragma unroll
    for (int half = 0; half < 2; ++half)
#pragma unroll
      for (int k = 0; k < 4; ++k)
        scores[half][k] =
            fmaf(scores[half][k], scoring.scale,
                 slopes[k / 2] * static_cast<float>(first + 2 * half + k % 2 - sight.from[k / 2]));
  }
  if (is_whole) return;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const int j = first + 2 * half + k % 2;
      if (j < sight.low[k / 2] || j > sight.high[k / 2]) scores[half][k] = -INFINITY;
    }
  }
}

// Makes zeros of a lane's values of a page whose positions lie behind `last`: there may be anything, and a
// weight of zero does not make nothing of what is not a number. By the lane that copied them.
__device__ __forceinline__ void clear_behind(int page_first, int last, uint4* values, int tiles) {
  const int left = last - page_first - 4 * (static_cast<int>(threadIdx.x) % 4);  // of positions 4 t + 0..3
  const uint32_t low = left >= 1 ? ~0u : left == 0 ? 0xffffu : 0;
  const uint32_t high = left >= 3 ? ~0u : left == 2 ? 0xffffu : 0;
#pragma unroll 1
  for (int c = 0; c < tiles; ++c) {
    const uint4 of = values[c * kWarp];
    values[c * kWarp] = {of.x & low, of.y & high, of.z & low, of.w & high};
  }
}

// The largest score so far, in powers of 2, and how the online softmax goes on from it. Nothing seen: -inf.
__device__ __forceinline__ float finite_or_zero(float largest) {
  return largest == -INFINITY ? 0.0f : largest;
}
// By what numbers relative to `before` are multiplied to be relative to `now`; 1 exactly where they are the
// same.
__device__ __forceinline__ float rescale(float before, float now) {
  return exp2_approx(before - finite_or_zero(now));
}

// The result of a row so far: the largest score and the sum of weights; its numbers are folded by `mine` and
// `theirs`.
struct RowFold {
  float mine, theirs;
  __device__ RowFold(float& largest, float& sum, float segment_largest, float segment_sum) {
    const float now = fmaxf(largest, segment_largest);
    mine = rescale(largest, now);
    theirs = rescale(segment_largest, now);
    largest = now;
    sum = fmaf(sum, mine, segment_sum * theirs);
  }
  __device__ float operator()(float number, float segment_number) const {
    return fmaf(number, mine, segment_number * theirs);
  }
};

// Over the four lanes of a row, the same in all of them.
__device__ __forceinline__ float quad_largest(float x) {
  x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, 1));
  return fmaxf(x, __shfl_xor_sync(kAllLanes, x, 2));
}
__device__ __forceinline__ float quad_sum(float x) {
  x += __shfl_xor_sync(kAllLanes, x, 1);
  return x + __shfl_xor_sync(kAllLanes, x, 2);
}
// Of the four pages of a block.
__device__ __forceinline__ float sum_of_pages(float a, float b, float c, float d) {
  return (a + b) + (c + d);
}

}  // namespace quern::cuda
