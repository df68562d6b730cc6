// Attention of many rows of a sequence, as prompts have it: out = softmax(q k^T / sqrt(d) + slope (j - i)) v.
//
// Shapes: q, out [rows, heads * d] bf16; keys and values in pages, tiles of 16 by 16 numbers (kv_cache.h);
// d <= 128. Bound by operations: 4 d a row and position, against 64 rows that share the 4 d bytes of a
// position.
//
// A block of 4 warps takes 64 rows (tokens of a sequence times the query heads of a key/value head), 16 a
// warp, and walks all that they see in the order of attention_walk.cuh: the bits are those of
// few_rows_attention.cu. Halves of a step, 64 keys and then 64 values, go through a ring of three in shared
// memory with cp.async, two ahead of what is computed; pages lie there as they lie in the cache, for that is
// how lanes read them. One barrier a half. Queries, a segment's result and the row's stay in registers.
//
// Operations a warp and step at d = 128, of which one is issued a cycle:
//   128 mma (1024 cycles of an A100's tensor cores), fed by 64 loads of 16 bytes a lane
//   32 products, 32 powers of two (256 cycles of their unit), 32 for the largest, 32 for the sum, 16 to pack
//   64 to rescale the segment's result, left out where no row's largest score has grown
//   128 to fold a segment into the row: 32 a step up to position 4096, 8 beyond
//   8 copies, and about 60 for addresses and the loop
// The loads take 4 cycles of shared memory each, 256 a warp and step: as long as the mma of four warps take
// on an A100, which is the next bound. No bank conflicts: lanes read 16 bytes in a row.
#include "backend/cuda/kernels/attention_kernels.h"
#include "backend/cuda/kernels/attention_tile.cuh"
#include "backend/cuda/kernels/launch.h"

namespace quern::cuda {
namespace {

constexpr int kWarps = 4, kThreads = kWarps * kWarp;
constexpr int kTileRows = 16 * kWarps;
constexpr int kStages = 3;
static_assert(kWarps == kBlockPages);  // each copies a page

constexpr int stage_bytes(int tiles) {
  return kBlockPages * tiles * kWarp * static_cast<int>(sizeof(uint4));
}

// The larger score of each of a lane's rows.
__device__ __forceinline__ float largest_of(const float (&scores)[kBlockPages][2][4], int i) {
  float most = -INFINITY;
#pragma unroll
  for (int page = 0; page < kBlockPages; ++page)
#pragma unroll
    for (int half = 0; half < 2; ++half)
      most = fmaxf(most, fmaxf(scores[page][half][2 * i], scores[page][half][2 * i + 1]));
  return quad_largest(most);
}

// What sixteen rows have of one segment, or of all before it.
template <int kTiles>
struct RowState {
  float numbers[kTiles][2][4] = {};
  float largest[2] = {-INFINITY, -INFINITY};
};

template <typename T, int kTiles, bool kIsExact>
__global__ void __launch_bounds__(kThreads, 2) tile_attention_kernel(Attention op, FewRows few) {
  extern __shared__ uint4 ring[];
  const int tiles = kIsExact ? kTiles : op.kv.head_dim / 16;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int t = lane % 4;
  const int kv_head = static_cast<int>(blockIdx.y), group = op.heads / op.kv.kv_heads;
  // The last see the most and begin first.
  const Tile tile = find_tile(op.step, group, kTileRows, static_cast<int>(gridDim.x - 1 - blockIdx.x),
                              [&](int rows) { return !few(rows); });
  if (tile.sequence < 0) return;
  const SequenceSpan span = op.step.spans[tile.sequence];
  const auto position_of = [&](int row) {
    return span.first_position + (row < tile.end ? row : tile.end - 1) / group;
  };
  const int first_row = tile.first + 16 * warp;
  const int last_position = position_of(tile.end - 1);
  const int warp_first = position_of(first_row), warp_last = position_of(first_row + 15);
  const Walk walk(position_of(tile.first), last_position, op.window, op.sinks);
  const Pages pages{pages_of(op.step, op.kv.group, tile.sequence), last_position / kPagePositions,
                    op.kv.kv_heads, kv_head, kPagePositions * op.kv.head_dim};

  // ---- the ring: a step's keys, then its values, then the next step's keys
  int filled = 0, stage = 0;
  const auto stage_of = [&](int index) { return ring + index * kBlockPages * kTiles * kWarp + lane; };
  const auto copy = [&](int step, const void* numbers) {
    if (step < walk.steps()) {
      const int64_t part = pages.part_of(walk.block_of(step) * kBlockPages + warp);
      const T* const from = static_cast<const T*>(numbers) + (part < 0 ? 0 : part) + 8 * lane;
      uint4* const to = stage_of(filled) + warp * kTiles * kWarp;
#pragma unroll
      for (int c = 0; c < kTiles; ++c)
        if (c < tiles) copy_async(to + c * kWarp, from + 256 * c, part >= 0);
      filled = filled + 1 == kStages ? 0 : filled + 1;
    }
    commit_copies();
  };
  // What is computed with next; what comes two halves later is sent for.
  const auto next_stage = [&](int step, const void* numbers) {
    wait_copies<kStages - 2>();
    __syncthreads();  // all of it is there, and nobody reads the one before any more
    copy(step, numbers);
    const uint4* const at = stage_of(stage);
    stage = stage + 1 == kStages ? 0 : stage + 1;
    return at;
  };
  static_assert(kStages == 3);
  copy(0, op.kv.keys);
  copy(0, op.kv.values);

  const Scoring scoring(op);
  uint4* const arranged = ring + kStages * kBlockPages * kTiles * kWarp + warp * tiles * kWarp;
  uint32_t queries[kTiles][4];
  bool queries_are_for_sinks = false, has_queries = false;
  RowState<kTiles> row, segment;
  float page_sums[2][kBlockPages] = {}, row_sum[2] = {};

#pragma unroll 1
  for (int step = 0; step < walk.steps(); ++step) {
    const int block = walk.block_of(step);
    const bool for_sinks = walk.is_for_sinks(step);
    if (!has_queries || for_sinks != queries_are_for_sinks) {
      if (for_sinks && op.sink_turn.cos) {
        arrange_queries<T>(op, tile, span, group, kv_head, first_row, true, lane, kWarp, arranged);
        __syncwarp();
        load_arranged(arranged + lane, tiles, queries);
      } else {
        load_queries<T>(op, LaneRows(tile, span, group, kv_head, first_row), tiles, queries);
      }
      has_queries = true;
      queries_are_for_sinks = for_sinks;
    }
    const uint4* const keys = next_stage(step + 1, op.kv.keys);
    uint32_t weights[kBlockPages][4];
    {
      float scores[kBlockPages][2][4] = {};
#pragma unroll
      for (int c = 0; c < kTiles; ++c) {
        if (c >= tiles) continue;
#pragma unroll
        for (int page = 0; page < kBlockPages; ++page) {
          const uint4 key = keys[(page * kTiles + c) * kWarp];
          multiply_add<T>(scores[page][0], queries[c], key.x, key.y);
          multiply_add<T>(scores[page][1], queries[c], key.z, key.w);
        }
      }
      const bool is_whole = is_seen_whole(op, warp_first, warp_last, block, for_sinks);
      if (!is_whole || op.slopes) {
        const LaneRows rows(tile, span, group, kv_head, first_row);
        const StepSight sight(op, rows, for_sinks);
#pragma unroll
        for (int page = 0; page < kBlockPages; ++page)
          adjust_scores(op, scoring, rows, sight, block * kBlockPositions + page * kPagePositions, is_whole,
                        scores[page]);
      }
      float before[2];
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float now = fmaxf(segment.largest[i], largest_of(scores, i) * scoring.factor);
        before[i] = rescale(segment.largest[i], now);
        segment.largest[i] = now;
        const float subtracted = finite_or_zero(now);
#pragma unroll
        for (int page = 0; page < kBlockPages; ++page) {
          float of[2][2];
#pragma unroll
          for (int half = 0; half < 2; ++half) {
#pragma unroll
            for (int k = 0; k < 2; ++k)
              of[half][k] = exp2_approx(fmaf(scores[page][half][2 * i + k], scoring.factor, -subtracted));
            weights[page][2 * half + i] = pack<T>(of[half][0], of[half][1]);
          }
          page_sums[i][page] =
              fmaf(page_sums[i][page], before[i], (of[0][0] + of[0][1]) + (of[1][0] + of[1][1]));
        }
      }
      if (!__all_sync(kAllLanes, before[0] == 1.0f && before[1] == 1.0f)) {
#pragma unroll
        for (int c = 0; c < kTiles; ++c)
#pragma unroll
          for (int half = 0; half < 2; ++half)
#pragma unroll
            for (int k = 0; k < 4; ++k) segment.numbers[c][half][k] *= before[k / 2];
      }
    }
    const uint4* const values = next_stage(step + 1, op.kv.values);
    {
      const bool ends = (block + 1) * kBlockPositions - 1 > last_position;
#pragma unroll
      for (int page = 0; page < kBlockPages; ++page) {
#pragma unroll
        for (int c = 0; c < kTiles; ++c) {
          if (c >= tiles) continue;
          uint4 value = values[(page * kTiles + c) * kWarp];
          if (ends) value = ValueMask(block * kBlockPositions + page * kPagePositions, last_position)(value);
          multiply_add<T>(segment.numbers[c][0], weights[page], value.x, value.y);
          multiply_add<T>(segment.numbers[c][1], weights[page], value.z, value.w);
        }
      }
    }
    if (!walk.ends_segment(step)) continue;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float sum = sum_of_pages(quad_sum(page_sums[i][0]), quad_sum(page_sums[i][1]),
                                     quad_sum(page_sums[i][2]), quad_sum(page_sums[i][3]));
      const RowFold fold(row.largest[i], row_sum[i], segment.largest[i], sum);
#pragma unroll
      for (int c = 0; c < kTiles; ++c)
#pragma unroll
        for (int half = 0; half < 2; ++half)
#pragma unroll
          for (int k = 2 * i; k < 2 * i + 2; ++k) {
            row.numbers[c][half][k] = fold(row.numbers[c][half][k], segment.numbers[c][half][k]);
            segment.numbers[c][half][k] = 0;
          }
      segment.largest[i] = -INFINITY;
#pragma unroll
      for (int page = 0; page < kBlockPages; ++page) page_sums[i][page] = 0;
    }
  }
  const LaneRows rows(tile, span, group, kv_head, first_row);
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    if (!rows.is_there[i]) continue;
    const float inverse = 1.0f / row_sum[i];
    __nv_bfloat16* const out = out_of(op, rows.row[i], rows.head[i]) + 2 * t;
#pragma unroll
    for (int c = 0; c < kTiles; ++c)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        if (c < tiles)
          *reinterpret_cast<uint32_t*>(out + 16 * c + 8 * half) =
              pack_bf16(row.numbers[c][half][2 * i] * inverse, row.numbers[c][half][2 * i + 1] * inverse);
  }
}

template <typename T, int kTiles, bool kIsExact>
void launch(const Attention& op, FewRows few, dim3 grid, StreamHandle stream) {
  const int bytes = kStages * stage_bytes(kTiles) + (op.sink_turn.cos ? kTileRows * op.kv.head_dim * 2 : 0);
  const auto kernel = tile_attention_kernel<T, kTiles, kIsExact>;
  if (bytes > 48 << 10) cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  kernel<<<grid, kThreads, bytes, stream>>>(op, few);
}

template <typename T>
void launch_for(const Attention& op, FewRows few, dim3 grid, StreamHandle stream) {
  switch (op.kv.head_dim) {
    case 64:
      return launch<T, 4, true>(op, few, grid, stream);
    case 80:
      return launch<T, 5, true>(op, few, grid, stream);
    case 96:
      return launch<T, 6, true>(op, few, grid, stream);
    case 112:
      return launch<T, 7, true>(op, few, grid, stream);
    case 128:
      return launch<T, 8, true>(op, few, grid, stream);
    default:
      return launch<T, 4, false>(op, few, grid, stream);
  }
}

}  // namespace

void attend_tiles(const Attention& op, FewRows few, StreamHandle stream) {
  // No fewer than there are; a tile that is not there costs little.
  const int tiles = op.step.rows * few.group / kTileRows + op.step.sequences;
  const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(op.kv.kv_heads));
  if (op.kv.type == KvType::f16)
    launch_for<__half>(op, few, grid, stream);
  else
    launch_for<__nv_bfloat16>(op, few, grid, stream);
  check_launch("tile_attention");
}

}  // namespace quern::cuda
