// out[t, r] = sum_k x[t, k] w[r, k]; x f32 [tokens, k], w f32 | f16 | bf16 [rows, k].
//
// One token (decode): reads rows * k * size_of(w) bytes once and does one multiply-add for each number: bound
// by memory. Four rows run side by side, so that four chains of multiply-adds hide the latency of one. Many
// tokens (prefill): a tile of kTileRows x kTileTokens outputs lives in registers (AVX2: 12 of 16); a block of
// tokens small enough for the second-level cache meets every row before the next block begins: bound by
// multiply-adds.
//
// Either way one output is one accumulator of kLanes partial sums over k = 0, kLanes, 2 kLanes, ..., a
// zero-padded tail, one tree.
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/matmul_tile.h"

namespace quern::cpu::QUERN_ISA {
namespace {

constexpr int64_t kTokenBlockBytes = 192 << 10;  // of x, in the second-level cache beside the rows' stream

template <typename W>
void matmul_of(const MatmulParams& p) {
  const auto* w = static_cast<const W*>(p.w);
  const int64_t fit = kTokenBlockBytes / (p.k * static_cast<int64_t>(sizeof(float)));
  const int block = static_cast<int>(fit < kTileTokens ? kTileTokens : fit - fit % kTileTokens);
  for (int t0 = 0; t0 < p.tokens; t0 += block) {
    const int t1 = t0 + block < p.tokens ? t0 + block : p.tokens;
    for (int r = 0; r < p.rows; r += kTileRows) {
      const int rows = p.rows - r < kTileRows ? p.rows - r : kTileRows;
      for (int t = t0; t < t1; t += kTileTokens) {
        const int tokens = t1 - t < kTileTokens ? t1 - t : kTileTokens;
        const DotTile<W> tile{p.x + t * p.x_stride,         p.x_stride,  w + r * p.k, p.k, p.k,
                              p.out + t * p.out_stride + r, p.out_stride};
        p.accumulate ? dot_tile<W, true>(tile, rows, tokens) : dot_tile<W, false>(tile, rows, tokens);
      }
    }
  }
}

}  // namespace

void matmul(const MatmulParams& p) {
  switch (p.dtype) {
    case Dtype::f32:
      return matmul_of<float>(p);
    case Dtype::f16:
      return matmul_of<F16>(p);
    case Dtype::bf16:
      return matmul_of<Bf16>(p);
  }
}

}  // namespace quern::cpu::QUERN_ISA
