// x[row] = table[token of row]
//
// Shapes: table [vocab, cols] of any encoding, x [rows, cols] f32.
// Bytes: rows * cols numbers of the table, and 4 bytes for each to x. Bound by them; next to nothing beside a
// layer.
// Design: a thread for eight numbers, 16 bytes of a 16-bit table; the columns of a row lie in one or more
// blocks.
#include "backend/cuda/kernels/decode.cuh"
#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/kernels/operations.h"
#include "backend/cuda/kernels/previous.cuh"
#include "backend/cuda/kernels/with_encoding.h"

namespace quern::cuda {

namespace {

constexpr int kThreads = 128;

template <Encoding encoding>
__global__ void __launch_bounds__(kThreads) embed_kernel(Embed op) {
  wait_for_previous();
  const int row = static_cast<int>(blockIdx.x);
  const int piece = static_cast<int>(blockIdx.y) * kThreads + static_cast<int>(threadIdx.x);
  const int cols = op.table.cols, first = piece * kPieceNumbers;
  if (first >= cols) return;
  int token = op.step.tokens[row];
  if (token < 0) token = op.step.drawn[-1 - token];
  float numbers[8];
  decode_piece<encoding>(op.table, token, piece, numbers);
  float* const x = op.x + static_cast<int64_t>(row) * cols + first;
  if (cols % 4 == 0 && first + 8 <= cols) {
    reinterpret_cast<float4*>(x)[0] = {numbers[0], numbers[1], numbers[2], numbers[3]};
    reinterpret_cast<float4*>(x)[1] = {numbers[4], numbers[5], numbers[6], numbers[7]};
    return;
  }
#pragma unroll
  for (int i = 0; i < 8; ++i)
    if (first + i < cols) x[i] = numbers[i];
}

}  // namespace

void embed(const Embed& op, StreamEnd at) {
  constexpr int kBlockNumbers = kThreads * kPieceNumbers;
  const dim3 grid(static_cast<unsigned>(op.step.rows),
                  static_cast<unsigned>((op.table.cols + kBlockNumbers - 1) / kBlockNumbers));
  with_encoding(op.table.encoding, [&](auto of) {
    launch_kernel("embed", embed_kernel<of.encoding>, grid, kThreads, 0, at, op);
  });
}

}  // namespace quern::cuda
