// s[row, n] = sum over k of in[row, k] w[n, k] (+ bias[n]), in float32: precision 'exact'
//
// Shapes: w [n, k] of any encoding, decoded to f32 exactly; in [rows, k] f32; out [rows, n] f32.
// Bytes: w once for every kTileRows rows, in once for every block. Few rows are bound by the bytes of w; many
// by FFMA, 2 rows n k operations.
// Design: lane l of a warp takes the eight numbers k = 256 i + 8 l .., in order of i, in a chain of fmaf; a
// tree over lanes ends it. That order is the same for every row and every tile: so are the bits. A warp has
// one row of w for one row of `in`, or four of w for eight of `in`, so that decoded weights and loaded
// activations are used several times.
#include "backend/cuda/kernels/plain_product.h"

#include "backend/cuda/kernels/decode.cuh"
#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/kernels/previous.cuh"
#include "backend/cuda/kernels/with_encoding.h"

namespace quern::cuda {

namespace {

constexpr int kWarp = 32, kWarps = 4;
constexpr int kTileRows = 8, kTileWeights = 4;

// Eight numbers of a row of `in`; zero behind its end.
__device__ __forceinline__ void load_piece(const float* row, int cols, int first, float (&out)[8]) {
  if (cols % 4 == 0 && first + 8 <= cols) {
    const auto* const from = reinterpret_cast<const float4*>(row + first);
    const float4 a = from[0], b = from[1];
    out[0] = a.x, out[1] = a.y, out[2] = a.z, out[3] = a.w;
    out[4] = b.x, out[5] = b.y, out[6] = b.z, out[7] = b.w;
    return;
  }
#pragma unroll
  for (int i = 0; i < 8; ++i) out[i] = first + i < cols ? row[first + i] : 0.0f;
}

__device__ __forceinline__ void finish(const PlainProduct& op, int row, int n, float sum) {
  if (op.w.bias != nullptr) sum += op.w.bias[n];
  float* const out = op.out + static_cast<int64_t>(row) * op.out_stride + n;
  if (op.finish == Finish::add) {
    sum = *out + sum;
  } else if (op.finish == Finish::swiglu) {
    const float gate = *out;
    sum = gate / (1.0f + expf(-gate)) * sum;
  }
  *out = sum;
}

template <Encoding encoding, int rows, int weights>
__global__ void __launch_bounds__(kWarp* kWarps) plain_product_kernel(PlainProduct op, int row_tiles) {
  wait_for_previous();
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int first_row = static_cast<int>(blockIdx.x) % row_tiles * rows;
  const int first_weight = (static_cast<int>(blockIdx.x) / row_tiles * kWarps + warp) * weights;
  if (first_weight >= op.w.rows) return;
  const int cols = op.w.cols;

  float sums[rows][weights] = {};
  for (int piece = lane; piece * kPieceNumbers < cols; piece += kWarp) {
    float w[weights][8];
#pragma unroll
    for (int j = 0; j < weights; ++j)
      decode_piece<encoding>(op.w, min(first_weight + j, op.w.rows - 1), piece, w[j]);
#pragma unroll
    for (int i = 0; i < rows; ++i) {
      const int64_t row = min(first_row + i, op.rows - 1);
      float x[8];
      load_piece(op.in + row * cols, cols, piece * kPieceNumbers, x);
#pragma unroll
      for (int j = 0; j < weights; ++j) {
#pragma unroll
        for (int n = 0; n < 8; ++n) sums[i][j] = fmaf(x[n], w[j][n], sums[i][j]);
      }
    }
  }

#pragma unroll
  for (int i = 0; i < rows; ++i) {
#pragma unroll
    for (int j = 0; j < weights; ++j) {
      float sum = sums[i][j];
#pragma unroll
      for (int apart = kWarp / 2; apart > 0; apart /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, apart);
      const bool is_mine = lane == i * weights + j;
      if (is_mine && first_row + i < op.rows && first_weight + j < op.w.rows)
        finish(op, first_row + i, first_weight + j, sum);
    }
  }
}

template <int rows, int weights>
void launch(const PlainProduct& op, StreamEnd at) {
  static_assert(rows * weights <= kWarp);
  const int row_tiles = (op.rows + rows - 1) / rows;
  constexpr int kBlockWeights = kWarps * weights;
  const int blocks = (op.w.rows + kBlockWeights - 1) / kBlockWeights * row_tiles;
  with_encoding(op.w.encoding, [&](auto of) {
    launch_kernel("plain_product", plain_product_kernel<of.encoding, rows, weights>,
                  static_cast<unsigned>(blocks), kWarp * kWarps, 0, at, op, row_tiles);
  });
}

}  // namespace

void plain_product(const PlainProduct& op, StreamEnd at) {
  if (op.rows == 1) return launch<1, 1>(op, at);
  launch<kTileRows, kTileWeights>(op, at);
}

void plain_matmul_add(const MatmulAdd& op, StreamEnd at) {
  plain_product({op.w, static_cast<const float*>(op.in), op.rows, op.x, op.w.rows, Finish::add}, at);
}

void plain_ffn_input(const FfnInput& op, StreamEnd at) {
  norm({op.x, nullptr, op.norm, op.eps, op.rows, op.gate.cols, op.workspace.normed, false}, at);
  at = at.behind_kernel();
  const auto* const normed = static_cast<const float*>(op.workspace.normed);
  auto* const out = static_cast<float*>(op.out);
  plain_product({op.gate, normed, op.rows, out, op.gate.rows, Finish::store}, at);
  plain_product({op.up, normed, op.rows, out, op.up.rows, Finish::swiglu}, at);
}

void plain_logits(const Logits& op, StreamEnd at) {
  norm({op.x, op.chosen, op.norm, op.eps, op.rows, op.head.cols, op.workspace.normed, false}, at);
  const auto* const normed = static_cast<const float*>(op.workspace.normed);
  plain_product({op.head, normed, op.rows, op.out, op.head.rows, Finish::store}, at.behind_kernel());
}

}  // namespace quern::cuda
