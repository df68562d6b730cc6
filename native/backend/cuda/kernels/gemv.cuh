// Few rows: a block streams sixteen rows of weights at a time past up to 8, 16 or 32 rows of x.
//
//   weights [rows, cols] in any encoding, x [1..32, cols] bf16, sums f32
// Bytes: each weight once, from global memory to registers, 16 bytes a load; x from shared memory (up to
// eight rows, which the block normalises or copies there first) or from the caches. Bound by bytes: a weight
// takes one or two instructions.
//
// Each of eight warps has a segment of k. It keeps kAhead granules of two rows on their way in a ring of
// registers, those of the next tile too, so that nothing drains while a tile's eight sums are added in shared
// memory; the first are asked for before x is looked at, and before the kernel in front has ended. Weights
// are operand `a`: rows g and g + 8 of the tile.
#pragma once
#include "backend/cuda/kernels/dequantize.cuh"
#include "backend/cuda/kernels/gemv.h"
#include "backend/cuda/kernels/heads.cuh"
#include "backend/cuda/kernels/norm.cuh"
#include "backend/cuda/kernels/outcome.cuh"
#include "backend/cuda/kernels/previous.cuh"
#include "backend/cuda/kernels/rows.cuh"
#include "backend/cuda/kernels/ticket.cuh"

namespace quern::cuda {

constexpr int kGemvThreads = kSegments * kWarp;
static_assert(kGemvThreads == kNormThreads);
constexpr int kMostSharedRows = 8;
constexpr int kTileRows = 16;

// Granules of a segment that are on their way to registers.
QUERN_HD constexpr int granules_ahead(Encoding encoding, int columns) {
  return (encoding == Encoding::bf16 || encoding == Encoding::f16 ? 5 : 3) - (columns == 4 ? 1 : 0);
}

// Bytes between rows of x in shared memory: neighbours are half of the banks apart.
QUERN_HD constexpr int shared_pitch(int stride) {
  return stride * 2 % 128 == 64 ? stride * 2 : stride * 2 + 64;
}

// A tile's place: its part and its first row there.
struct Tile {
  int part = 0, row = 0;
};
__device__ __forceinline__ Tile tile_at(const Product& p, int tile) {
  if (p.outcome == Outcome::gate) return {0, tile * (kTileRows / 2)};
  const int part = (tile >= p.first_tile[1]) + (tile >= p.first_tile[2]);
  return {part, (tile - p.first_tile[part]) * kTileRows};
}

// Where a lane reads its two rows.
template <Encoding encoding>
struct LaneRows {
  const char* numbers[2];
  const uint16_t* scales[2];

  __device__ __forceinline__ void advance(int granules) {
    using L = Layout<encoding>;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      numbers[half] += granules * L::bytes;
      if constexpr (L::has_scales) scales[half] += granules * L::steps;
    }
  }
};
template <Encoding encoding>
__device__ __forceinline__ LaneRows<encoding> lane_rows(const Product& p, int tile_index, int first_granule) {
  using L = Layout<encoding>;
  const Tile tile = tile_at(p, tile_index);
  const int g = threadIdx.x % kWarp / 4, t = threadIdx.x % 4;
  LaneRows<encoding> rows;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const bool gate = p.outcome == Outcome::gate;
    const Matrix& matrix = p.parts[gate ? half : tile.part];
    // Rows beyond the last are computed from it and dropped.
    const int row = min(tile.row + g + (gate ? 0 : 8 * half), matrix.rows - 1);
    rows.numbers[half] = static_cast<const char*>(matrix.numbers) + row * row_bytes(encoding, matrix.stride) +
                         int64_t{first_granule} * L::bytes + t * L::lane_bytes;
    rows.scales[half] = nullptr;
    if constexpr (L::has_scales)
      rows.scales[half] =
          matrix.scales + int64_t{row} * (matrix.stride / kStepNumbers) + first_granule * L::steps;
  }
  return rows;
}

// A granule of a lane's two rows, on its way.
template <Encoding encoding>
struct Granule {
  uint4 numbers[2][Layout<encoding>::reads];
  uint2 scales[2];

  // The granule `index` after where `rows` are.
  __device__ __forceinline__ void load(const LaneRows<encoding>& rows, int index) {
    using L = Layout<encoding>;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int i = 0; i < L::reads; ++i)
        numbers[half][i] = load_streamed(rows.numbers[half] + index * L::bytes + 16 * i);
      if constexpr (L::has_scales) scales[half] = load_scales<encoding>(rows.scales[half] + index * L::steps);
    }
  }
};

// One row of x, normalised, to shared memory: everything is asked for at once and kept in registers, the
// norm's weights before the kernel in front has ended.
constexpr int kHeldFours = 4;
__device__ __forceinline__ void fill_one_row(const Product& p, char* shared) {
  __shared__ float sums[1][kNormWarps];
  const int cols = p.parts[0].cols, stride = p.parts[0].stride;
  float4 x[kHeldFours], weight[kHeldFours];
#pragma unroll
  for (int i = 0; i < kHeldFours; ++i)
    weight[i] = load_four(p.norm.weight, 4 * (threadIdx.x + i * kNormThreads), cols);
  wait_for_previous();
  const float* row = p.norm.x + int64_t{p.norm.chosen ? p.norm.chosen[0] : 0} * cols;
#pragma unroll
  for (int i = 0; i < kHeldFours; ++i) x[i] = load_four(row, 4 * (threadIdx.x + i * kNormThreads), cols);
  float mine[1] = {}, inverse[1];
#pragma unroll
  for (int i = 0; i < kHeldFours; ++i) mine[0] = add_squares(mine[0], x[i]);
  inverse_roots<1>(mine, 1, cols, p.norm.eps, sums, inverse);
#pragma unroll
  for (int i = 0; i < kHeldFours; ++i) {
    const int c = 4 * (threadIdx.x + i * kNormThreads);
    if (c < stride) *reinterpret_cast<uint2*>(shared + c * 2) = normalised_bf16(x[i], inverse[0], weight[i]);
  }
}

// Waits for the kernel in front, then copies rows of x to shared memory, normalised where a norm is.
__device__ __forceinline__ void fill_shared_rows(const Product& p, char* shared) {
  const int cols = p.parts[0].cols, stride = p.parts[0].stride, pitch = shared_pitch(stride);
  const bool is_one = !p.in && p.rows == 1 && stride <= 4 * kNormThreads * kHeldFours;
  if (is_one) return fill_one_row(p, shared);
  wait_for_previous();
  if (p.in) {
    for (int i = threadIdx.x; i < p.rows * (stride / 8); i += kGemvThreads) {
      const int row = i / (stride / 8), column = i % (stride / 8) * 8;
      *reinterpret_cast<uint4*>(shared + row * pitch + column * 2) = load_eight(p.in, cols, row, column);
    }
    return;
  }
  __shared__ float sums[kMostSharedRows][kNormWarps];
  const float* rows[kMostSharedRows];
  float inverse[kMostSharedRows];
#pragma unroll
  for (int r = 0; r < kMostSharedRows; ++r)
    rows[r] = p.norm.x + int64_t{p.norm.chosen && r < p.rows ? p.norm.chosen[r] : r} * cols;
  inverse_rms<kMostSharedRows>(rows, p.rows, cols, p.norm.eps, sums, inverse);
  for (int c = 4 * threadIdx.x; c < stride; c += 4 * kGemvThreads) {
    const float4 weight = load_four(p.norm.weight, c, cols);
#pragma unroll
    for (int r = 0; r < kMostSharedRows; ++r) {
      if (r >= p.rows) break;
      *reinterpret_cast<uint2*>(shared + r * pitch + c * 2) =
          normalised_bf16(load_four(rows[r], c, cols), inverse[r], weight);
    }
  }
}

// The blocks that share a head count its tiles; the last of them finishes the head.
__device__ __forceinline__ void finish_heads_of(const Product& p, const Tile& tile) {
  const int head_dim = p.heads.kv.head_dim, rows = p.parts[tile.part].rows;
  const int last_row = min(tile.row + kTileRows, rows) - 1;
  for (int head = tile.row / head_dim; head <= last_row / head_dim; ++head) {
    const int tiles = ((head + 1) * head_dim - 1) / kTileRows - head * head_dim / kTileRows + 1;
    int32_t* ticket = p.workspace.tickets + p.first_head[tile.part] + head;
    if (!is_last_of(ticket, tiles)) continue;
    for (int row = threadIdx.x / kWarp; row < p.rows; row += kSegments)
      finish_head(p.heads, row, p.first_head[tile.part] + head);
  }
}

template <Encoding encoding, int columns, bool in_shared>
__global__ void __launch_bounds__(kGemvThreads, 2) gemv(const __grid_constant__ Product p, int tiles) {
  using L = Layout<encoding>;
  constexpr int kAhead = granules_ahead(encoding, columns);
  extern __shared__ __align__(16) char shared[];
  __shared__ float sums[2][kSegments][columns][4][kWarp];

  const int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4;
  const int cols = p.parts[0].cols, granules = p.parts[0].stride / stride_granule(encoding);
  const int segment = segment_of(warp), first = segment_begin(segment, granules);
  const int count = segment_begin(segment + 1, granules) - first;

  Granule<encoding> ring[kAhead];
  LaneRows<encoding> rows = lane_rows<encoding>(p, blockIdx.x, first);
#pragma unroll
  for (int i = 0; i < kAhead; ++i)
    if (i < count) ring[i].load(rows, i);

  if constexpr (in_shared) {
    fill_shared_rows(p, shared);
    __syncthreads();
  } else {
    wait_for_previous();
  }
  const int pitch = shared_pitch(p.parts[0].stride);

  for (int tile = blockIdx.x, turn = 0; tile < tiles; tile += gridDim.x, turn ^= 1) {
    float sum[columns][4] = {};
    for (int base = 0; base < count; base += kAhead) {
      // What is asked for while this is worked on: what comes after it in the segment, or the next tile's
      // first.
      int ahead = count - base - kAhead;
      if (ahead > 0) {
        rows.advance(kAhead);
      } else if (tile + gridDim.x < tiles) {
        rows = lane_rows<encoding>(p, tile + gridDim.x, first);
        ahead = count;
      }
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        if (base + i < count) {
#pragma unroll
          for (int step = 0; step < L::steps; ++step) {
            uint32_t low[4], high[4];
            operands_of<encoding>(ring[i].numbers[0], step, low);
            operands_of<encoding>(ring[i].numbers[1], step, high);
            const uint32_t a[2][4] = {{low[0], high[0], low[1], high[1]}, {low[2], high[2], low[3], high[3]}};
            const int k = (first + base + i) * L::steps + step;
#pragma unroll
            for (int c = 0; c < columns; ++c) {
              const int row = min(8 * c + g, p.rows - 1);
              uint4 x;
              if constexpr (in_shared)
                x = *reinterpret_cast<const uint4*>(shared + row * pitch + k * kStepNumbers * 2 + t * 16);
              else
                x = load_eight(p.in, cols, row, k * kStepNumbers + t * 8);
              const uint32_t b[2][2] = {{x.x, x.y}, {x.z, x.w}};
              if constexpr (L::has_scales) {
                float of_step[4] = {};
                mma_bf16(of_step, a[0], b[0]);
                mma_bf16(of_step, a[1], b[1]);
#pragma unroll
                for (int r = 0; r < 4; ++r)
                  sum[c][r] = fmaf(scale_of(ring[i].scales[r / 2], step), of_step[r], sum[c][r]);
              } else {
                mma_bf16(sum[c], a[0], b[0]);
                mma_bf16(sum[c], a[1], b[1]);
              }
            }
          }
        }
        // The registers of what was just multiplied are those that take what is next.
#pragma unroll
        for (int c = 0; c < columns; ++c) settle(sum[c]);
        if (i < ahead) ring[i].load(rows, i);
      }
    }
#pragma unroll
    for (int c = 0; c < columns; ++c)
#pragma unroll
      for (int r = 0; r < 4; ++r) sums[turn][segment][c][r][lane] = sum[c][r];
    __syncthreads();
    // Warp w adds sums of register w % 4: row g + 8 (w / 2) of the tile, row 2 t + w % 2 of x. Of a gate's
    // tile rows 8 .. 15 are those of `up`.
    const Tile place = tile_at(p, tile);
    const bool gate = p.outcome == Outcome::gate;
    const int r = warp % 4, weight_row = place.row + g + (gate ? 0 : 8 * (r / 2));
    for (int c = warp / 4; c < columns; c += 2) {
      const int row = 8 * c + 2 * t + r % 2;
      if (row >= p.rows || weight_row >= p.parts[place.part].rows || (gate && r >= 2)) continue;
      float total = 0, up = 0;
#pragma unroll
      for (int s = 0; s < kSegments; ++s) {
        total += sums[turn][s][c][r][lane];
        if (gate) up += sums[turn][s][c][r + 2][lane];
      }
      emit(p, place.part, weight_row, row, total, up);
    }
    if (p.outcome == Outcome::heads) finish_heads_of(p, place);
  }
}

}  // namespace quern::cuda
