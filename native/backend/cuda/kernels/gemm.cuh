// Many rows: tiles of weights by rows of x, through shared memory.
//
//   weights [rows, cols] in any encoding, x [any, cols] bf16, sums f32
// Operations: 2 * rows of x * rows * cols on tensor cores, which bound it from about 250 rows of x on; below
// that the bytes of the weights do. A block of eight warps has `Tile::weights` by `Tile::rows` sums in
// registers and reads kStages pieces of k ahead with cp.async; blocks that run together share weights, so
// that these come from memory once. Weights are unpacked from shared memory in registers: operand `a`, rows g
// and g + 8 of sixteen.
//
// A row of a piece is 128 or 256 bytes, of which a quarter of a warp reads 64 of two neighbours: the chunks
// of 16 bytes of odd rows lie so that the two are in different banks.
#pragma once
#include "backend/cuda/kernels/dequantize.cuh"
#include "backend/cuda/kernels/outcome.cuh"
#include "backend/cuda/kernels/rows.cuh"

namespace quern::cuda {

constexpr int kGemmThreads = 256;

// How many sums a block has, as tiles of mma (16 rows of weights by 8 of x) of a warp, and warps.
template <int weight_tiles, int row_tiles, int weight_warps>
struct TileShape {
  static constexpr int of_weights = weight_tiles, of_rows = row_tiles, warps_along_weights = weight_warps;
  static constexpr int weights = weight_warps * weight_tiles * 16;
  static constexpr int rows = kGemmThreads / kWarp / weight_warps * row_tiles * 8;
};
using LargeTile = TileShape<2, 8, 4>;   // 128 by 128
using WideTile = TileShape<1, 8, 8>;    // 128 by 64, for weights in blocks: no two warps unpack the same
using MediumTile = TileShape<1, 4, 4>;  // 64 by 64
using SmallTile = TileShape<1, 2, 2>;   // 32 by 64

// Where a piece of k lies in shared memory.
template <Encoding encoding, typename Shape>
struct Piece {
  using L = Layout<encoding>;
  static constexpr int numbers = encoding == Encoding::int4 ? 128 : 64;
  static constexpr int granules = numbers / stride_granule(encoding);
  static constexpr int row_pitch = numbers * 2, weight_pitch = granules * L::bytes;
  static constexpr int scale_pitch = L::has_scales ? L::steps * 2 : 0;
  static constexpr int weights_at = Shape::rows * row_pitch;
  static constexpr int scales_at = weights_at + Shape::weights * weight_pitch;
  static constexpr int bytes = scales_at + Shape::weights * scale_pitch;
  static constexpr int most = (96 << 10) / bytes;
  static constexpr int stages = most < 2 ? 2 : most > 4 ? 4 : most;
  // Sums of a block, [rows][weights] with a pitch that spreads a warp's writes over all banks.
  static constexpr int sum_pitch = Shape::weights + 4;
  static constexpr int shared_bytes =
      stages * bytes > Shape::rows* sum_pitch * 4 ? stages* bytes : Shape::rows* sum_pitch * 4;

  static __device__ __forceinline__ int row_chunk(int row, int chunk) {
    return row * row_pitch + (chunk ^ (row % 2 * 4)) * 16;
  }
  static __device__ __forceinline__ int weight_chunk(int row, int chunk) {
    constexpr int flip = L::has_scales ? 0 : encoding == Encoding::f32 ? 1 : 4;
    return weights_at + row * weight_pitch + (chunk ^ (row % 2 * flip)) * 16;
  }
};

// Which rows of which matrix a block has. Of a gate sixteen rows are eight of gate and eight of up.
template <typename Shape>
struct Place {
  int part, first;
  bool gate;

  __device__ __forceinline__ Place(const Product& p, int tile) : part(0), gate(p.outcome == Outcome::gate) {
    const int rows = gate ? Shape::weights / 2 : Shape::weights;
    while (part + 1 < (gate ? 1 : p.part_count)) {
      const int tiles = (p.parts[part].rows + rows - 1) / rows;
      if (tile < tiles) break;
      tile -= tiles;
      ++part;
    }
    first = tile * rows;
  }
  __device__ __forceinline__ const Matrix& matrix(const Product& p, int row) const {
    return p.parts[gate ? row / 8 % 2 : part];
  }
  // Rows beyond the last are computed from it and dropped.
  __device__ __forceinline__ int row_of(const Matrix& matrix, int row) const {
    return min(first + (gate ? row / 16 * 8 + row % 8 : row), matrix.rows - 1);
  }
};

// Asks for piece `index` of k.
template <Encoding encoding, typename Shape>
__device__ __forceinline__ void fetch_piece(const Product& p, Place<Shape> place, int first_row, int index,
                                            char* to) {
  using P = Piece<encoding, Shape>;
  using L = Layout<encoding>;
  const int cols = p.parts[0].cols, stride = p.parts[0].stride;
  keep_in_loop(first_row);
  keep_in_loop(place.first);
  constexpr int kRowChunks = P::row_pitch / 16, kWeightChunks = P::weight_pitch / 16;
  static_assert(Shape::rows * kRowChunks % kGemmThreads == 0);
#pragma unroll
  for (int i = 0; i < Shape::rows * kRowChunks / kGemmThreads; ++i) {
    const int at = i * kGemmThreads + threadIdx.x, row = at / kRowChunks, chunk = at % kRowChunks;
    const int column = index * P::numbers + chunk * 8;
    char* into = to + P::row_chunk(row, chunk);
    const bool valid = first_row + row < p.rows && column < cols;
    if (cols % 8 == 0) {
      copy_async(into, p.in + (valid ? int64_t{first_row + row} * cols + column : 0), valid);
    } else {
      *reinterpret_cast<uint4*>(into) =
          valid ? load_eight(p.in, cols, first_row + row, column) : uint4{0, 0, 0, 0};
    }
  }
#pragma unroll
  for (int i = 0; i < (Shape::weights * kWeightChunks + kGemmThreads - 1) / kGemmThreads; ++i) {
    const int at = i * kGemmThreads + threadIdx.x, row = at / kWeightChunks, chunk = at % kWeightChunks;
    if (Shape::weights * kWeightChunks % kGemmThreads != 0 && row >= Shape::weights) break;
    const Matrix& matrix = place.matrix(p, row);
    const int offset = index * P::weight_pitch + chunk * 16;
    const int64_t bytes = row_bytes(encoding, stride);
    const bool valid = offset < bytes;
    copy_async(
        to + P::weight_chunk(row, chunk),
        static_cast<const char*>(matrix.numbers) + (valid ? place.row_of(matrix, row) * bytes + offset : 0),
        valid);
  }
  if constexpr (L::has_scales) {
    const int row = threadIdx.x;
    if (row < Shape::weights) {
      const Matrix& matrix = place.matrix(p, row);
      copy_few_async<P::scale_pitch>(
          to + P::scales_at + row * P::scale_pitch,
          matrix.scales + int64_t{place.row_of(matrix, row)} * (stride / kStepNumbers) + index * L::steps);
    }
  }
}

template <Encoding encoding, typename Shape>
__global__ void __launch_bounds__(kGemmThreads, Shape::rows* Shape::weights >= 8192 ? 1 : 2)
    gemm(const __grid_constant__ Product p) {
  using P = Piece<encoding, Shape>;
  using L = Layout<encoding>;
  constexpr int kWeightTiles = Shape::of_weights, kRowTiles = Shape::of_rows;
  extern __shared__ __align__(16) char shared[];
  const int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4;
  const Place<Shape> place(p, blockIdx.y);
  const int first_row = blockIdx.x * Shape::rows;
  const int warp_weight = warp % Shape::warps_along_weights * kWeightTiles * 16;
  const int warp_row = warp / Shape::warps_along_weights * kRowTiles * 8;

  const int granules = p.parts[0].stride / stride_granule(encoding);
  const int pieces = (granules + P::granules - 1) / P::granules;
#pragma unroll
  for (int i = 0; i < P::stages - 1; ++i) {
    if (i < pieces) fetch_piece<encoding>(p, place, first_row, i, shared + i * P::bytes);
    commit_copies();
  }

  // Of the segment, and of those before it.
  float sum[kWeightTiles][kRowTiles][4] = {}, total[kWeightTiles][kRowTiles][4] = {};
  const auto fold = [&] {
#pragma unroll
    for (int w = 0; w < kWeightTiles; ++w)
#pragma unroll
      for (int r = 0; r < kRowTiles; ++r)
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          total[w][r][i] += sum[w][r][i];
          sum[w][r][i] = 0;
        }
  };
  int segment = 0, border = segment_begin(1, granules);
  for (int index = 0, slot = 0; index < pieces; ++index, slot = slot + 1 == P::stages ? 0 : slot + 1) {
    wait_copies<P::stages - 2>();
    __syncthreads();
    const int ahead = index + P::stages - 1;
    if (ahead < pieces)
      fetch_piece<encoding>(p, place, first_row, ahead,
                            shared + (slot == 0 ? P::stages - 1 : slot - 1) * P::bytes);
    commit_copies();

    const char* piece = shared + slot * P::bytes;
#pragma unroll 1
    for (int of_piece = 0; of_piece < P::granules; ++of_piece) {
      const int granule = index * P::granules + of_piece;
      if (granule >= granules) break;
      if (granule == border) {
        fold();
        do border = segment_begin(++segment + 1, granules);
        while (border == granule);
      } else if (border == 0) {
        while (border == 0) border = segment_begin(++segment + 1, granules);
      }
      uint4 read[kWeightTiles][2][L::reads];
#pragma unroll
      for (int w = 0; w < kWeightTiles; ++w)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int row = warp_weight + w * 16 + half * 8 + g;
#pragma unroll
          for (int i = 0; i < L::reads; ++i)
            read[w][half][i] = *reinterpret_cast<const uint4*>(
                piece + P::weight_chunk(row, (of_piece * 4 + t) * L::reads + i));
        }
        // Not unrolled, for the sake of registers: what is read moves on instead.
#pragma unroll 1
      for (int step = 0; step < L::steps; ++step) {
        const auto x_of = [&](int r) {
          return *reinterpret_cast<const uint4*>(
              piece + P::row_chunk(warp_row + r * 8 + g, (of_piece * L::steps + step) * 4 + t));
        };
        uint32_t a[kWeightTiles][2][4];
        float scale[kWeightTiles][2];
#pragma unroll
        for (int w = 0; w < kWeightTiles; ++w) {
          uint32_t low[4], high[4];
          operands_of<encoding>(read[w][0], 0, low);
          operands_of<encoding>(read[w][1], 0, high);
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            a[w][i / 2][i % 2 * 2] = low[i];
            a[w][i / 2][i % 2 * 2 + 1] = high[i];
          }
          if constexpr (L::has_scales)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
              const int row = warp_weight + w * 16 + half * 8 + g;
              scale[w][half] = __half2float(
                  *reinterpret_cast<const __half*>(piece + P::scales_at + row * P::scale_pitch + step * 2));
              pass_step<encoding>(read[w][half]);
            }
        }
        if constexpr (L::has_scales) {
#pragma unroll
          for (int r = 0; r < kRowTiles; ++r) {
            const uint4 x = x_of(r);
#pragma unroll
            for (int w = 0; w < kWeightTiles; ++w) {
              float of_step[4] = {};
              mma_bf16(of_step, a[w][0], {x.x, x.y});
              mma_bf16(of_step, a[w][1], {x.z, x.w});
#pragma unroll
              for (int i = 0; i < 4; ++i) sum[w][r][i] = fmaf(scale[w][i / 2], of_step[i], sum[w][r][i]);
            }
          }
        } else {
          uint4 x[kRowTiles];
#pragma unroll
          for (int r = 0; r < kRowTiles; ++r) x[r] = x_of(r);
#pragma unroll
          for (int r = 0; r < kRowTiles; ++r)
#pragma unroll
            for (int w = 0; w < kWeightTiles; ++w) mma_bf16(sum[w][r], a[w][0], {x[r].x, x[r].y});
#pragma unroll
          for (int r = 0; r < kRowTiles; ++r)
#pragma unroll
            for (int w = 0; w < kWeightTiles; ++w) mma_bf16(sum[w][r], a[w][1], {x[r].z, x[r].w});
        }
      }
    }
  }
  fold();

  // Sums change places in shared memory, so that neighbours in it are neighbours in the result.
  wait_copies<0>();
  __syncthreads();
  float* sums = reinterpret_cast<float*>(shared);
#pragma unroll
  for (int w = 0; w < kWeightTiles; ++w)
#pragma unroll
    for (int r = 0; r < kRowTiles; ++r)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        sums[(warp_row + r * 8 + 2 * t + i % 2) * P::sum_pitch + warp_weight + w * 16 + i / 2 * 8 + g] =
            total[w][r][i];
  __syncthreads();
  const int columns = place.gate ? Shape::weights / 2 : Shape::weights;
  for (int at = threadIdx.x; at < Shape::rows * columns; at += kGemmThreads) {
    const int row = at / columns, column = at % columns;
    if (first_row + row >= p.rows || place.first + column >= p.parts[place.part].rows) continue;
    const float* from = sums + row * P::sum_pitch + (place.gate ? column / 8 * 16 + column % 8 : column);
    emit(p, place.part, place.first + column, first_row + row, from[0], place.gate ? from[8] : 0);
  }
}

}  // namespace quern::cuda
