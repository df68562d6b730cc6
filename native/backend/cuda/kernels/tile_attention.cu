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
#include "backend/cuda/kernels/previous.cuh"

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

// Of a row's result so far as many tiles stay in registers, the others in shared memory, where each lane has
// its own place.
QUERN_HD constexpr int kept_tiles(int tiles) {
  return tiles > 7 ? 6 : tiles;
}
QUERN_HD constexpr int parked_bytes(int tiles) {
  return (tiles - kept_tiles(tiles)) * 2 * kThreads * static_cast<int>(sizeof(float4));
}

template <typename T, int kTiles, bool kIsExact>
__global__ void __launch_bounds__(kThreads, 2) tile_attention_kernel(Attention op, FewRows few) {
  constexpr int kKept = kept_tiles(kTiles);
  extern __shared__ uint4 ring[];
  wait_for_previous();
  const int tiles = kIsExact ? kTiles : op.kv.head_dim / 16;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int t = lane % 4;
  const int kv_head = static_cast<int>(blockIdx.y), group = op.heads / op.kv.kv_heads;
  // The last see the most and begin first.
  const Tile tile = find_tile(op.step, group, kTileRows, static_cast<int>(gridDim.x - 1 - blockIdx.x),
                              [&](int rows) { return !few(rows); });
  if (tile.sequence < 0) return;
  const SequenceSpan* const span = op.step.spans + tile.sequence;  // read again where it is needed: registers
  const int first_row = tile.first + 16 * warp;
  const int first_position = span->first_position + tile.first / group;
  const int last_position = span->first_position + (tile.end - 1) / group;
  const Walk walk(first_position, last_position, op.window, op.sinks);
  const Pages pages{pages_of(op.step, op.kv.group, tile.sequence), last_position / kPagePositions,
                    op.kv.kv_heads, kv_head, kPagePositions * op.kv.head_dim};

  // ---- the ring: a step's keys, then its values, then the next step's keys
  int stage = 0;
  const auto stage_of = [&](int index) { return ring + index * kBlockPages * kTiles * kWarp + lane; };
  const auto copy = [&](int step, const void* numbers, int to_stage) {
    if (step < walk.steps()) {
      const int64_t part = pages.part_of(walk.block_of(step) * kBlockPages + warp);
      const T* const from = static_cast<const T*>(numbers) + (part < 0 ? 0 : part) + 8 * lane;
      uint4* const to = stage_of(to_stage) + warp * kTiles * kWarp;
#pragma unroll
      for (int c = 0; c < kTiles; ++c)
        if (c < tiles) copy_async(to + c * kWarp, from + 256 * c, part >= 0);
    }
    commit_copies();
  };
  // Waits for what is computed with next, and sends for what comes two halves later.
  const auto next_stage = [&](int coming, const void* numbers, int page_to_clear) {
    wait_copies<kStages - 2>();
    uint4* const at = stage_of(stage);
    if (page_to_clear >= 0)
      clear_behind(page_to_clear * kPagePositions, last_position, at + warp * kTiles * kWarp, tiles);
    __syncthreads();  // all of it is there, and nobody reads the one before any more
    copy(coming, numbers, stage == 0 ? kStages - 1 : stage - 1);
    stage = stage + 1 == kStages ? 0 : stage + 1;
    return const_cast<const uint4*>(at);
  };
  static_assert(kStages == 3);
  copy(0, op.kv.keys, 0);
  copy(0, op.kv.values, 1);

  const Scoring scoring(op);
  uint4* const arranged = ring + kStages * kBlockPages * kTiles * kWarp +
                          parked_bytes(kTiles) / static_cast<int>(sizeof(uint4)) + warp * tiles * kWarp;
  uint32_t queries[kTiles][4];
  // Of the segment and, folded, of those before it.
  float numbers[kTiles][2][4] = {}, row_numbers[kKept][2][4] = {};
  float largest[2] = {-INFINITY, -INFINITY}, row_largest[2] = {-INFINITY, -INFINITY};
  float page_sums[2][kBlockPages] = {}, row_sum[2] = {};
  auto* const parked = reinterpret_cast<float4*>(ring + kStages * kBlockPages * kTiles * kWarp) + threadIdx.x;
#pragma unroll
  for (int i = 0; i < 2 * (kTiles - kKept); ++i) parked[i * kThreads] = {0, 0, 0, 0};

#pragma unroll 1
  for (int step = 0; step < walk.steps(); ++step) {
    const int block = walk.block_of(step);
    const bool for_sinks = walk.is_for_sinks(step);
    if (step == 0 || for_sinks != walk.is_for_sinks(step - 1)) {
      if (for_sinks && op.sink_turn.cos) {
        arrange_queries<T>(op, tile, *span, group, kv_head, first_row, true, lane, kWarp, arranged);
        __syncwarp();
        load_arranged(arranged + lane, tiles, queries);
      } else {
        load_queries<T>(op, LaneRows(tile, *span, group, kv_head, first_row), tiles, queries);
      }
    }
    const uint4* const keys = next_stage(step + 1, op.kv.keys, -1);
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
      const bool is_whole = is_seen_whole(op, first_position, last_position, block, for_sinks);
      if (!is_whole || op.slopes) {
        const LaneRows rows(tile, *span, group, kv_head, first_row);
        const StepSight sight(op, rows, for_sinks);
#pragma unroll
        for (int page = 0; page < kBlockPages; ++page)
          adjust_scores(op, scoring, rows, sight, block * kBlockPositions + page * kPagePositions, is_whole,
                        scores[page]);
      }
      float before[2];
      bool stays = true;  // what the segment has so far, if anything
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float now = fmaxf(largest[i], largest_of(scores, i) * scoring.factor);
        before[i] = rescale(largest[i], now);
        stays = stays && (largest[i] == now || largest[i] == -INFINITY);
        largest[i] = now;
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
      if (!__all_sync(kAllLanes, stays)) {
#pragma unroll
        for (int c = 0; c < kTiles; ++c)
#pragma unroll
          for (int half = 0; half < 2; ++half)
#pragma unroll
            for (int k = 0; k < 4; ++k) numbers[c][half][k] *= before[k / 2];
      }
    }
    const bool ends = (block + 1) * kBlockPositions - 1 > last_position;
    const uint4* const values = next_stage(step + 1, op.kv.values, ends ? block * kBlockPages + warp : -1);
#pragma unroll
    for (int page = 0; page < kBlockPages; ++page) {
#pragma unroll
      for (int c = 0; c < kTiles; ++c) {
        if (c >= tiles) continue;
        const uint4 value = values[(page * kTiles + c) * kWarp];
        multiply_add<T>(numbers[c][0], weights[page], value.x, value.y);
        multiply_add<T>(numbers[c][1], weights[page], value.z, value.w);
      }
    }
    if (!walk.ends_segment(step)) continue;
    // ---- the segment's result into the row's
    float sums[2];
#pragma unroll
    for (int i = 0; i < 2; ++i)
      sums[i] = sum_of_pages(quad_sum(page_sums[i][0]), quad_sum(page_sums[i][1]), quad_sum(page_sums[i][2]),
                             quad_sum(page_sums[i][3]));
    const RowFold folds[2] = {{row_largest[0], row_sum[0], largest[0], sums[0]},
                              {row_largest[1], row_sum[1], largest[1], sums[1]}};
#pragma unroll
    for (int c = 0; c < kTiles; ++c) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float(&of)[4] = numbers[c][half];
        if (c < kKept) {
          float(&into)[4] = row_numbers[c < kKept ? c : 0][half];
#pragma unroll
          for (int k = 0; k < 4; ++k) into[k] = folds[k / 2](into[k], of[k]);
        } else {
          float4& into = parked[((c - kKept) * 2 + half) * kThreads];
          const float4 was = into;
          into = {folds[0](was.x, of[0]), folds[0](was.y, of[1]), folds[1](was.z, of[2]),
                  folds[1](was.w, of[3])};
        }
#pragma unroll
        for (int k = 0; k < 4; ++k) of[k] = 0;
      }
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      largest[i] = -INFINITY;
#pragma unroll
      for (int page = 0; page < kBlockPages; ++page) page_sums[i][page] = 0;
    }
  }
  const LaneRows rows(tile, *span, group, kv_head, first_row);
  const float inverse[2] = {1.0f / row_sum[0], 1.0f / row_sum[1]};
  __nv_bfloat16* const out[2] = {out_of(op, rows.row[0], rows.head[0]) + 2 * t,
                                 out_of(op, rows.row[1], rows.head[1]) + 2 * t};
#pragma unroll
  for (int c = 0; c < kTiles; ++c) {
    if (c >= tiles) continue;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float4 of;
      if (c < kKept) {
        const float(&from)[4] = row_numbers[c < kKept ? c : 0][half];
        of = {from[0], from[1], from[2], from[3]};
      } else {
        of = parked[((c - kKept) * 2 + half) * kThreads];
      }
      const uint32_t pairs[2] = {pack_bf16(of.x * inverse[0], of.y * inverse[0]),
                                 pack_bf16(of.z * inverse[1], of.w * inverse[1])};
#pragma unroll
      for (int i = 0; i < 2; ++i)
        if (rows.is_there[i]) *reinterpret_cast<uint32_t*>(out[i] + 16 * c + 8 * half) = pairs[i];
    }
  }
}

template <typename T, int kTiles, bool kIsExact>
void launch(const Attention& op, FewRows few, dim3 grid, StreamEnd at) {
  const int bytes = kStages * stage_bytes(kTiles) + parked_bytes(kTiles) +
                    (op.sink_turn.cos ? kTileRows * op.kv.head_dim * 2 : 0);
  const auto kernel = tile_attention_kernel<T, kTiles, kIsExact>;
  // Always the same: other threads launch this kernel too, with more or less.
  constexpr int kMost = kStages * stage_bytes(kTiles) + parked_bytes(kTiles) + kTileRows * kTiles * 32;
  if (kMost > 48 << 10) cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kMost);
  launch_kernel("tile_attention", kernel, grid, kThreads, bytes, at, op, few);
}

template <typename T>
void launch_for(const Attention& op, FewRows few, dim3 grid, StreamEnd at) {
  switch (op.kv.head_dim) {
    case 64:
      return launch<T, 4, true>(op, few, grid, at);
    case 80:
      return launch<T, 5, true>(op, few, grid, at);
    case 96:
      return launch<T, 6, true>(op, few, grid, at);
    case 112:
      return launch<T, 7, true>(op, few, grid, at);
    case 128:
      return launch<T, 8, true>(op, few, grid, at);
    default:
      return launch<T, 4, false>(op, few, grid, at);
  }
}

}  // namespace

void attend_tiles(const Attention& op, FewRows few, StreamEnd at) {
  // No fewer than there are; a tile that is not there costs little.
  const int tiles = op.step.rows * few.group / kTileRows + op.step.sequences;
  const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(op.kv.kv_heads));
  if (op.kv.type == KvType::f16)
    launch_for<__half>(op, few, grid, at);
  else
    launch_for<__nv_bfloat16>(op, few, grid, at);
}

}  // namespace quern::cuda
