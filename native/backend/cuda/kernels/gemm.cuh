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
#include "backend/cuda/kernels/previous.cuh"
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
  int part = 0, first;
  bool gate;

  __device__ __forceinline__ Place(const Product& p, int tile) : gate(p.outcome == Outcome::gate) {
    if (!gate) part = (tile >= p.first_tile[1]) + (tile >= p.first_tile[2]);
    first = (tile - p.first_tile[part]) * (gate ? Shape::weights / 2 : Shape::weights);
  }
};

// What a thread copies of every piece: one chunk of some rows of x and of some rows of weights, each kRowStep
// or kWeightStep after the one before.
template <Encoding encoding, typename Shape>
class Fetcher {
  using P = Piece<encoding, Shape>;
  using L = Layout<encoding>;
  static constexpr int kRowChunks = P::row_pitch / 16, kWeightChunks = P::weight_pitch / 16;
  static constexpr int kRowStep = kGemmThreads / kRowChunks, kWeightStep = kGemmThreads / kWeightChunks;
  static constexpr int kWeightCopies = (Shape::weights + kWeightStep - 1) / kWeightStep;
  static_assert(Shape::rows % kRowStep == 0 && kWeightStep % 16 == 0 && kRowStep % 2 == 0);

 public:
  __device__ __forceinline__ Fetcher(const Product& p, const Place<Shape>& place, int first_row)
      : cols_(p.parts[0].cols), row_(first_row + threadIdx.x / kRowChunks) {
    const int row = threadIdx.x / kWeightChunks;
    const Matrix& matrix = p.parts[place.gate ? row / 8 % 2 : place.part];
    weights_ = static_cast<const char*>(matrix.numbers) + threadIdx.x % kWeightChunks * 16;
    weight_bytes_ = static_cast<int>(row_bytes(encoding, matrix.stride));
    last_weight_ = matrix.rows - 1;
    weight_ = place.first + (place.gate ? row / 16 * 8 + row % 8 : row);
    weight_step_ = place.gate ? kWeightStep / 2 : kWeightStep;
    if constexpr (L::has_scales) {
      const int of_scales = threadIdx.x % Shape::weights;
      const Matrix& scaled = p.parts[place.gate ? of_scales / 8 % 2 : place.part];
      const int at = place.first + (place.gate ? of_scales / 16 * 8 + of_scales % 8 : of_scales);
      scales_ = scaled.scales + int64_t{min(at, scaled.rows - 1)} * (scaled.stride / kStepNumbers);
    }
  }

  // Asks for piece `index` of k. Rows of weights beyond the last are copies of it, of which nothing is made.
  __device__ __forceinline__ void fetch(const Product& p, int index, char* to) const {
    const int row = threadIdx.x / kRowChunks, chunk = threadIdx.x % kRowChunks;
    const int column = index * P::numbers + chunk * 8;
    char* const rows_to = to + P::row_chunk(row, chunk);
    if (cols_ % 8 == 0) {
      const __nv_bfloat16* from = p.in + int64_t{row_} * cols_ + column;
#pragma unroll
      for (int i = 0; i < Shape::rows / kRowStep; ++i) {
        const bool valid = column < cols_ && row_ + i * kRowStep < p.rows;
        copy_async(rows_to + i * kRowStep * P::row_pitch, valid ? from : p.in, valid);
        from += kRowStep * cols_;
      }
    } else {
#pragma unroll 1
      for (int i = 0; i < Shape::rows / kRowStep; ++i)
        *reinterpret_cast<uint4*>(rows_to + i * kRowStep * P::row_pitch) =
            row_ + i * kRowStep < p.rows ? load_eight(p.in, cols_, row_ + i * kRowStep, column)
                                         : uint4{0, 0, 0, 0};
    }

    const int weight = threadIdx.x / kWeightChunks, weight_chunk = threadIdx.x % kWeightChunks;
    const int offset = index * P::weight_pitch;
    const bool valid = offset + weight_chunk * 16 < weight_bytes_;
    char* const weights_to = to + P::weight_chunk(weight, weight_chunk);
    if (Shape::weights >= kWeightStep || weight < Shape::weights) {
#pragma unroll
      for (int i = 0; i < kWeightCopies; ++i) {
        const int64_t at = min(weight_ + i * weight_step_, last_weight_);
        copy_async(weights_to + i * kWeightStep * P::weight_pitch,
                   weights_ + at * weight_bytes_ + (valid ? offset : 0), valid);
      }
    }
    if constexpr (L::has_scales) {
      if (threadIdx.x < Shape::weights)
        copy_few_async<P::scale_pitch>(to + P::scales_at + threadIdx.x * P::scale_pitch,
                                       scales_ + index * L::steps);
    }
  }

 private:
  int cols_, row_;
  const char* weights_;
  int weight_, weight_step_, last_weight_, weight_bytes_;
  const uint16_t* scales_ = nullptr;
};

// Blocks that a processor runs at once: as many as have registers.
QUERN_HD constexpr int gemm_blocks(Encoding encoding, int sums) {
  return sums > 8192 || (sums == 8192 && encoding == Encoding::int8) ? 1 : 2;
}

template <Encoding encoding, typename Shape>
__global__ void __launch_bounds__(kGemmThreads, gemm_blocks(encoding, Shape::rows* Shape::weights))
    gemm(const __grid_constant__ Product p) {
  using P = Piece<encoding, Shape>;
  using L = Layout<encoding>;
  constexpr int kWeightTiles = Shape::of_weights, kRowTiles = Shape::of_rows;
  extern __shared__ __align__(16) char shared[];
  wait_for_previous();  // to send for weights before would take registers that there are not
  const int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp, g = lane / 4, t = lane % 4;
  const Place<Shape> place(p, blockIdx.y);
  const int first_row = blockIdx.x * Shape::rows;
  const int warp_weight = warp % Shape::warps_along_weights * kWeightTiles * 16;
  const int warp_row = warp / Shape::warps_along_weights * kRowTiles * 8;

  const int granules = p.parts[0].stride / stride_granule(encoding);
  const int pieces = (granules + P::granules - 1) / P::granules;
  const Fetcher<encoding, Shape> fetcher(p, place, first_row);
#pragma unroll 1
  for (int i = 0; i < P::stages - 1; ++i) {
    if (i < pieces) fetcher.fetch(p, i, shared + i * P::bytes);
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
  // A zero that the compiler does not know: what is or-ed with it is put in its place among the operands
  // once, not before every use.
  const uint32_t zero = gridDim.z - 1;
  int segment = 0, border = 0;  // the granule that begins the next segment
  while (border == 0) border = segment_begin(++segment, granules);
  for (int index = 0, slot = 0; index < pieces; ++index, slot = slot + 1 == P::stages ? 0 : slot + 1) {
    wait_copies<P::stages - 2>();
    __syncthreads();
    const int ahead = index + P::stages - 1;
    if (ahead < pieces) fetcher.fetch(p, ahead, shared + (slot == 0 ? P::stages - 1 : slot - 1) * P::bytes);
    commit_copies();

    const char* piece = shared + slot * P::bytes;
#pragma unroll 1
    for (int of_piece = 0; of_piece < P::granules; ++of_piece) {
      const int granule = index * P::granules + of_piece;
      if (granule >= granules) break;
      if (granule == border) {
        fold();
        while (border == granule) border = segment_begin(++segment, granules);
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
            a[w][i / 2][i % 2 * 2] = encoding == Encoding::bf16 ? low[i] | zero : low[i];
            a[w][i / 2][i % 2 * 2 + 1] = encoding == Encoding::bf16 ? high[i] | zero : high[i];
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
            // Weights outside: their operands are put together once.
#pragma unroll
          for (int w = 0; w < kWeightTiles; ++w)
#pragma unroll
            for (int r = 0; r < kRowTiles; ++r) mma_bf16(sum[w][r], a[w][0], {x[r].x, x[r].y});
#pragma unroll
          for (int w = 0; w < kWeightTiles; ++w)
#pragma unroll
            for (int r = 0; r < kRowTiles; ++r) mma_bf16(sum[w][r], a[w][1], {x[r].z, x[r].w});
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
