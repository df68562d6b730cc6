// Attention of few rows over many positions, as decoding has it: out = softmax(q k^T / sqrt(d) + slope
// (j - i)) v.
//
// Shapes: q, out [rows, heads * d] bf16; keys and values in pages, tiles of 16 by 16 numbers (kv_cache.h).
// Bytes: 4 * d a position and key/value head, read once for the whole group of query heads; bound by them:
// 16 rows of an mma do 8 d operations a byte of a position, where 150 would be needed to be bound by the
// tensor cores.
//
// A block of 4 warps takes sixteen rows (tokens of a sequence times the group) and walks one or more segments
// (attention_walk.cuh). Warp w scores page w of a block of 64 positions, the warps agree on the largest score
// and give their weights to each other through shared memory, and warp w adds up every fourth 16 numbers of
// the values. So every number of keys and values is needed by one lane alone: it copies its own 16 bytes to
// a ring in shared memory with cp.async, kStages half-blocks ahead, and reads them back without any barrier.
// Two barriers a block.
//
// Where rows alone do not fill the device, segments are spread over blocks, and where they do, those of rows
// with more than eight; the last block of a row to end, told by a ticket, folds their results in order. Else
// one block walks all segments and folds as it goes: the same bits. The grid depends on `longest` alone, so
// that a recorded step can be launched for any length up to it.
//
// Shared memory, d = 128: 4 stages of 16 KiB and 2.5 KiB. No bank conflicts: lanes read 16 bytes in a row.
#include "backend/cuda/kernels/attention_kernels.h"
#include "backend/cuda/kernels/attention_tile.cuh"
#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/kernels/previous.cuh"
#include "backend/cuda/kernels/ticket.cuh"

namespace quern::cuda {
namespace {

constexpr int kWarps = 4, kThreads = kWarps * kWarp;
constexpr int kTileRows = 16;

QUERN_HD constexpr int stages_of(int tiles) {
  return tiles > 8 ? 2 : 4;  // 64 KiB at 128 and at 256 numbers
}
// Whether queries stay in shared memory, for want of registers.
QUERN_HD constexpr bool queries_stay(int tiles) {
  return tiles > 8;
}
// Tiles of values that a warp adds up.
QUERN_HD constexpr int owned_tiles(int tiles) {
  return (tiles + kWarps - 1) / kWarps;
}
// 16-byte pieces of a lane in a stage: keys of one page, or values of all four.
QUERN_HD constexpr int stage_pieces(int tiles) {
  return kBlockPages * owned_tiles(tiles);
}
// Of a multiprocessor, for want of registers.
constexpr int blocks_at_once(int tiles) {
  return tiles > 4 ? 2 : 3;
}
constexpr int ring_bytes(int tiles) {
  return stages_of(tiles) * kThreads * stage_pieces(tiles) * static_cast<int>(sizeof(uint4));
}

// Of a row among enough others.
constexpr int kMostSegmentsEach = 8;

// How the work is cut.
struct Cut {
  FewRows wanted;
  int splits = 1;         // blocks that share a tile's segments, at most
  int segments_each = 1;  // that a block has at least, where there are as many
  int most_segments = 1;  // of a tile
  int partial_rows = 0;   // that a tile can have
};

struct Shared {
  uint4 weights[kBlockPages][kWarp];  // operands of the product with values
  float largest[kTileRows][kWarps], sums[kTileRows][kWarps];
};

// Where partial results of a tile lie: numbers of all tiles first, then what they are relative to.
struct Partials {
  float *first_numbers, *first_sums;
  int rows, head_dim;

  // `unit`: of `units` tiles and key/value heads.
  __device__ Partials(float* partials, const Cut& cut, int unit, int units, int dim)
      : rows(cut.partial_rows), head_dim(dim) {
    const int64_t of_unit = static_cast<int64_t>(cut.most_segments) * rows;
    first_numbers = partials + unit * of_unit * head_dim;
    first_sums = partials + units * of_unit * head_dim + unit * of_unit * 2;
  }
  // [rows, head_dim], then [rows] each.
  __device__ float* numbers(int segment) const {
    return first_numbers + static_cast<int64_t>(segment) * rows * head_dim;
  }
  __device__ float* largest(int segment) const { return first_sums + segment * rows * 2; }
  __device__ float* sums(int segment) const { return largest(segment) + rows; }
};

// Folds the partial results of all segments in order and writes the rows.
__device__ void fold_partials(const Attention& op, const Partials& partials, int segments, const Tile& tile,
                              const SequenceSpan& span, int group, int kv_head) {
  const int fours = op.kv.head_dim / 4, rows = tile.end - tile.first;
  for (int item = static_cast<int>(threadIdx.x); item < rows * fours; item += kThreads) {
    const int row = item / fours, four = item % fours, at = tile.first + row;
    float largest = -INFINITY, sum = 0;
    float4 numbers = {0, 0, 0, 0};
#pragma unroll 8
    for (int segment = 0; segment < segments; ++segment) {
      // What other blocks wrote: not from the first cache.
      const float4 theirs =
          __ldcg(reinterpret_cast<const float4*>(partials.numbers(segment)) + row * fours + four);
      const RowFold fold(largest, sum, __ldcg(partials.largest(segment) + row),
                         __ldcg(partials.sums(segment) + row));
      numbers = {fold(numbers.x, theirs.x), fold(numbers.y, theirs.y), fold(numbers.z, theirs.z),
                 fold(numbers.w, theirs.w)};
    }
    const float inverse = 1.0f / sum;
    const uint2 packed = {pack_bf16(numbers.x * inverse, numbers.y * inverse),
                          pack_bf16(numbers.z * inverse, numbers.w * inverse)};
    __nv_bfloat16* const out = out_of(op, span.first_row + at / group, kv_head * group + at % group);
    *reinterpret_cast<uint2*>(out + 4 * four) = packed;
  }
}

// kTiles: 16ths of head_dim, or where !kIsExact the most there may be.
template <typename T, int kTiles, bool kIsExact>
__global__ void __launch_bounds__(kThreads, blocks_at_once(kTiles))
    few_rows_attention_kernel(Attention op, Cut cut) {
  constexpr bool kQueriesStay = queries_stay(kTiles);
  constexpr int kStages = stages_of(kTiles), kOwned = owned_tiles(kTiles), kPieces = stage_pieces(kTiles);
  extern __shared__ uint4 ring[];
  __shared__ Shared shared;

  wait_for_previous();
  const int tiles = kIsExact ? kTiles : op.kv.head_dim / 16;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int owned = kIsExact && kTiles % kWarps == 0 ? kOwned : (tiles - warp + kWarps - 1) / kWarps;
  const int g = lane / 4, t = lane % 4;
  const int kv_head = static_cast<int>(blockIdx.y), group = op.heads / op.kv.kv_heads;
  const int tile_index = static_cast<int>(blockIdx.x), split = static_cast<int>(blockIdx.z);

  const Tile tile = find_tile(op.step, group, kTileRows, tile_index, cut.wanted);
  if (tile.sequence < 0) return;
  const SequenceSpan span = op.step.spans[tile.sequence];
  const int first_position = span.first_position + tile.first / group;
  const int last_position = span.first_position + (tile.end - 1) / group;
  const Walk walk(first_position, last_position, op.window, op.sinks);
  const int wanted_splits = (walk.segments() + cut.segments_each - 1) / cut.segments_each;
  const int splits = wanted_splits < cut.splits ? wanted_splits : cut.splits;  // of this tile
  if (split >= splits) return;
  const LaneRows rows(tile, span, group, kv_head, tile.first);
  const Pages pages{pages_of(op.step, op.kv.group, tile.sequence), last_position / kPagePositions,
                    op.kv.kv_heads, kv_head, kPagePositions * op.kv.head_dim};

  // ---- the ring: half a step's keys, then its values, then the next step's keys
  Cursor ahead(walk, splits, split);
  bool ahead_is_values = false;
  int ahead_stage = 0;
  const auto stage_of = [&](int stage) {
    return ring + (stage * kPieces * kWarps + warp * kPieces) * kWarp + lane;
  };
  const auto copy_next = [&] {
    if (!ahead.is_done()) {
      const int page = walk.block_of(ahead.step()) * kBlockPages;
      uint4* const to = stage_of(ahead_stage);
      if (!ahead_is_values) {
        const int64_t part = pages.part_of(page + warp);
        const T* const keys = static_cast<const T*>(op.kv.keys) + (part < 0 ? 0 : part) + 8 * lane;
#pragma unroll
        for (int c = 0; c < kTiles; ++c)
          if (c < tiles) copy_async(to + c * kWarp, keys + 256 * c, part >= 0);
      } else {
#pragma unroll
        for (int p = 0; p < kBlockPages; ++p) {
          const int64_t part = pages.part_of(page + p);
          const T* const values = static_cast<const T*>(op.kv.values) + (part < 0 ? 0 : part) + 8 * lane;
#pragma unroll
          for (int i = 0; i < kOwned; ++i) {
            const int c = warp + kWarps * i;
            if (i < owned) copy_async(to + (p * kOwned + i) * kWarp, values + 256 * c, part >= 0);
          }
        }
        ahead.advance();
      }
      ahead_is_values = !ahead_is_values;
      ahead_stage = ahead_stage + 1 == kStages ? 0 : ahead_stage + 1;
    }
    commit_copies();
  };
#pragma unroll
  for (int stage = 0; stage + 1 < kStages; ++stage) copy_next();
  int stage = 0;
  const auto next_stage = [&] {
    uint4* const at = stage_of(stage);
    stage = stage + 1 == kStages ? 0 : stage + 1;
    copy_next();  // into what was used up last
    wait_copies<kStages - 1>();
    return at;
  };

  const Scoring scoring(op);
  const Partials partials(op.workspace.partials, cut, tile_index * op.kv.kv_heads + kv_head,
                          static_cast<int>(gridDim.x * gridDim.y), op.kv.head_dim);
  uint4* const arranged =
      ring + kStages * kPieces * kThreads;  // queries, where they go through shared memory
  uint32_t queries[kQueriesStay ? 1 : kTiles][4];
  bool queries_are_for_sinks = false, has_queries = false;
  float numbers[kOwned][2][4] = {}, row_numbers[kOwned][2][4] = {};  // of the segment, of the row
  float largest[2] = {-INFINITY, -INFINITY}, row_largest[2] = {-INFINITY, -INFINITY};
  float page_sum[2] = {}, row_sum[2] = {};

  for (Cursor at(walk, splits, split); !at.is_done(); at.advance()) {
    const int block = walk.block_of(at.step());
    const bool for_sinks = walk.is_for_sinks(at.step());
    if (!has_queries || for_sinks != queries_are_for_sinks) {
      const bool is_turned = for_sinks && op.sink_turn.cos;
      if (kQueriesStay || is_turned) {
        __syncthreads();
        arrange_queries<T>(op, tile, span, group, kv_head, tile.first, is_turned,
                           static_cast<int>(threadIdx.x), kThreads, arranged);
        __syncthreads();
      }
      if constexpr (!kQueriesStay) {
        if (is_turned)
          load_arranged(arranged + lane, tiles, queries);
        else
          load_queries<T>(op, rows, tiles, queries);
      }
      has_queries = true;
      queries_are_for_sinks = for_sinks;
    }
    // ---- scores of this warp's page
    float scores[2][4] = {};
    {
      const uint4* const keys = next_stage();
#pragma unroll
      for (int c = 0; c < kTiles; ++c) {
        if (c >= tiles) continue;
        const uint4 key = keys[c * kWarp];
        if constexpr (kQueriesStay) load_arranged(arranged + c * kWarp + lane, 1, queries);
        uint32_t(&query)[4] = queries[kQueriesStay ? 0 : c];
        multiply_add<T>(scores[0], query, key.x, key.y);
        multiply_add<T>(scores[1], query, key.z, key.w);
      }
    }
    const int page_first = block * kBlockPositions + warp * kPagePositions;
    const bool is_whole = is_seen_whole(op, first_position, last_position, block, for_sinks);
    if (!is_whole || op.slopes)
      adjust_scores(op, scoring, rows, StepSight(op, rows, for_sinks), page_first, is_whole, scores);
    // ---- the largest of the block
    for (int i = 0; i < 2; ++i) {
      const float most = quad_largest(fmaxf(fmaxf(scores[0][2 * i], scores[0][2 * i + 1]),
                                            fmaxf(scores[1][2 * i], scores[1][2 * i + 1])));
      if (t == 0) shared.largest[g + 8 * i][warp] = most;
    }
    __syncthreads();
    // ---- weights
    float weights[2][4], before[2];
    for (int i = 0; i < 2; ++i) {
      const float4 of = *reinterpret_cast<const float4*>(shared.largest[g + 8 * i]);
      const float now = fmaxf(largest[i], fmaxf(fmaxf(of.x, of.y), fmaxf(of.z, of.w)) * scoring.factor);
      before[i] = rescale(largest[i], now);
      largest[i] = now;
      for (int half = 0; half < 2; ++half)
        for (int k = 0; k < 2; ++k)
          weights[half][2 * i + k] =
              exp2_approx(fmaf(scores[half][2 * i + k], scoring.factor, -finite_or_zero(now)));
      page_sum[i] =
          fmaf(page_sum[i], before[i],
               (weights[0][2 * i] + weights[0][2 * i + 1]) + (weights[1][2 * i] + weights[1][2 * i + 1]));
    }
    shared.weights[warp][lane] = {
        pack<T>(weights[0][0], weights[0][1]), pack<T>(weights[0][2], weights[0][3]),
        pack<T>(weights[1][0], weights[1][1]), pack<T>(weights[1][2], weights[1][3])};
#pragma unroll
    for (int i = 0; i < kOwned; ++i)
      for (int half = 0; half < 2; ++half)
        for (int k = 0; k < 4; ++k) numbers[i][half][k] *= before[k / 2];
    __syncthreads();
    // ---- values
    {
      uint4* const values = next_stage();
      if ((block + 1) * kBlockPositions - 1 > last_position) {
#pragma unroll 1
        for (int p = 0; p < kBlockPages; ++p)
          clear_behind(block * kBlockPositions + p * kPagePositions, last_position,
                       values + p * kOwned * kWarp, owned);
      }
#pragma unroll
      for (int p = 0; p < kBlockPages; ++p) {
        const uint4 of = shared.weights[p][lane];
        const uint32_t weight[4] = {of.x, of.y, of.z, of.w};
#pragma unroll
        for (int i = 0; i < kOwned; ++i) {
          if (i >= owned) continue;
          const uint4 value = values[(p * kOwned + i) * kWarp];
          multiply_add<T>(numbers[i][0], weight, value.x, value.y);
          multiply_add<T>(numbers[i][1], weight, value.z, value.w);
        }
      }
    }
    if (!at.ends_segment()) continue;
    // ---- the segment's result
    for (int i = 0; i < 2; ++i) {
      const float sum = quad_sum(page_sum[i]);
      if (t == 0) shared.sums[g + 8 * i][warp] = sum;
    }
    __syncthreads();
    for (int i = 0; i < 2; ++i) {
      const float4 of = *reinterpret_cast<const float4*>(shared.sums[g + 8 * i]);
      const float sum = sum_of_pages(of.x, of.y, of.z, of.w);
      if (splits == 1) {
        const RowFold fold(row_largest[i], row_sum[i], largest[i], sum);
#pragma unroll
        for (int c = 0; c < kOwned; ++c)
          for (int half = 0; half < 2; ++half)
            for (int k = 0; k < 2; ++k) {
              float& number = row_numbers[c][half][2 * i + k];
              number = fold(number, numbers[c][half][2 * i + k]);
            }
      } else if (rows.is_there[i]) {
        const int row = g + 8 * i;
        if (warp == 0 && t == 0) {
          partials.largest(at.segment())[row] = largest[i];
          partials.sums(at.segment())[row] = sum;
        }
        float* const to = partials.numbers(at.segment()) + row * op.kv.head_dim + 2 * t;
#pragma unroll
        for (int c = 0; c < kOwned; ++c)
          for (int half = 0; half < 2; ++half)
            if (c < owned)
              *reinterpret_cast<float2*>(to + 16 * (warp + kWarps * c) + 8 * half) = {
                  numbers[c][half][2 * i], numbers[c][half][2 * i + 1]};
      }
      largest[i] = -INFINITY;
      page_sum[i] = 0;
    }
#pragma unroll
    for (int c = 0; c < kOwned; ++c)
      for (int half = 0; half < 2; ++half)
        for (int k = 0; k < 4; ++k) numbers[c][half][k] = 0;
  }

  if (splits > 1) {
    int32_t* const ticket = op.workspace.tickets + tile_index * op.kv.kv_heads + kv_head;
    if (!is_last_of(ticket, splits)) return;
    fold_partials(op, partials, walk.segments(), tile, span, group, kv_head);
    return;
  }
  for (int i = 0; i < 2; ++i) {
    if (!rows.is_there[i]) continue;
    const float inverse = 1.0f / row_sum[i];
    __nv_bfloat16* const out = out_of(op, rows.row[i], rows.head[i]) + 2 * t;
#pragma unroll
    for (int c = 0; c < kOwned; ++c)
      for (int half = 0; half < 2; ++half)
        if (c < owned)
          *reinterpret_cast<uint32_t*>(out + 16 * (warp + kWarps * c) + 8 * half) =
              pack_bf16(row_numbers[c][half][2 * i] * inverse, row_numbers[c][half][2 * i + 1] * inverse);
  }
}

template <typename T, int kTiles, bool kIsExact>
void launch(const Attention& op, const Cut& cut, dim3 grid, StreamEnd at) {
  const int bytes =
      ring_bytes(kTiles) + (op.sink_turn.cos || queries_stay(kTiles) ? kTileRows * op.kv.head_dim * 2 : 0);
  const auto kernel = few_rows_attention_kernel<T, kTiles, kIsExact>;
  // Always the same: other threads launch this kernel too, with more or less.
  constexpr int kMost = ring_bytes(kTiles) + kTileRows * kTiles * 32;
  if (kMost > 40 << 10)  // with what it has of its own, more than any kernel gets unasked
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kMost);
  launch_kernel("few_rows_attention", kernel, grid, kThreads, bytes, at, op, cut);
}

template <typename T>
void launch_for(const Attention& op, const Cut& cut, dim3 grid, StreamEnd at) {
  switch (op.kv.head_dim) {
    case 64:
      return launch<T, 4, true>(op, cut, grid, at);
    case 80:
      return launch<T, 5, true>(op, cut, grid, at);
    case 96:
      return launch<T, 6, true>(op, cut, grid, at);
    case 128:
      return launch<T, 8, true>(op, cut, grid, at);
    case 256:
      return launch<T, 16, true>(op, cut, grid, at);
    default:
      return op.kv.head_dim < 64 ? launch<T, 4, false>(op, cut, grid, at)
                                 : launch<T, 16, false>(op, cut, grid, at);
  }
}

}  // namespace

void attend_few_rows(const Attention& op, FewRows wanted, StreamEnd at) {
  const int group = wanted.group, kv_heads = op.kv.kv_heads;
  // With one row each the number of tiles is known, else it is at most this; a tile that is not there costs
  // little.
  const bool has_one_each = op.step.rows == op.step.sequences;
  const int of_one_row = (group + kTileRows - 1) / kTileRows, of_few = (kFewRows + kTileRows - 1) / kTileRows;
  const int of_sequence = has_one_each || of_one_row > of_few ? of_one_row : of_few;
  const int all_tiles = op.step.rows * group / kTileRows + op.step.sequences;
  const int few_tiles = op.step.sequences * of_sequence;
  const int tiles = !has_one_each && (wanted.all || all_tiles < few_tiles) ? all_tiles : few_tiles;
  Cut cut;
  cut.wanted = wanted;
  const int most_tokens = has_one_each ? 1 : kTileRows;
  cut.most_segments = most_segments(op.longest, most_tokens, op.window, op.sinks);
  cut.partial_rows = has_one_each && group < kTileRows ? group : kTileRows;
  const int64_t units = int64_t{tiles} * kv_heads;
  const int64_t partials = units * cut.most_segments * cut.partial_rows * (op.kv.head_dim + 2);
  if (units <= op.workspace.most_tickets && partials <= op.workspace.most_partials) {
    // Rows that fill the device by themselves are cut where one is so long that all would wait for it.
    const bool fills = units >= op.workspace.multiprocessors;
    cut.segments_each = fills ? kMostSegmentsEach : 1;
    const int64_t most = (cut.most_segments + cut.segments_each - 1) / cut.segments_each;
    const int64_t useful = fills ? most : (int64_t{4} * op.workspace.multiprocessors + units - 1) / units;
    cut.splits = static_cast<int>(useful < most ? useful : most);
  }
  const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(kv_heads),
                  static_cast<unsigned>(cut.splits));
  if (op.kv.type == KvType::f16)
    launch_for<__half>(op, cut, grid, at);
  else
    launch_for<__nv_bfloat16>(op, cut, grid, at);
}

}  // namespace quern::cuda
