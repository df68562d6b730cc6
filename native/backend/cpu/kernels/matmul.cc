// out[t, r] = sum_k x[t, k] w[r, k]; x f32 [tokens, k], w f32 | f16 | bf16 [rows, k] in panels of four rows.
//
// One token (decode): reads rows * k * size_of(w) bytes once, in one stream, and does one multiply-add for
// each number: bound by memory. The four rows of a panel are four chains of multiply-adds, enough to hide the
// latency of one. Many tokens (prefill): a tile of kTileRows x kTileTokens outputs lives in registers (AVX2:
// 12 of 16); a block of tokens small enough for the second-level cache meets every panel before the next
// block begins: bound by multiply-adds.
//
// Either way one output is one accumulator of kLanes partial sums over k = 0, kLanes, 2 kLanes, ..., a
// zero-padded tail, one tree.
#include "backend/cpu/kernels/matmul_tile.h"

namespace quern::cpu::QUERN_ISA {
namespace {

constexpr int64_t kTokenBlockBytes = 192 << 10;  // of x, in the second-level cache beside the panels' stream

template <typename W, bool kAccumulate>
void matmul_of(const MatmulParams& p) {
  const int64_t panel_numbers = (p.k + kPanelDepth - 1) / kPanelDepth * kPanelDepth * kPanelRows;
  const int64_t first_panel = p.first_row / kPanelRows, end_row = p.first_row + p.rows;
  const int64_t fit = kTokenBlockBytes / (p.k * static_cast<int64_t>(sizeof(float)));
  const int block = static_cast<int>(fit < kTileTokens ? kTileTokens : fit - fit % kTileTokens);
  for (int t0 = 0; t0 < p.tokens; t0 += block) {
    const int t1 = t0 + block < p.tokens ? t0 + block : p.tokens;
    for (int64_t panel = first_panel; panel * kPanelRows < end_row; ++panel) {
      const int64_t row =
          panel * kPanelRows;  // may lie before first_row; then its first rows are not written
      const Panel<W> w{static_cast<const W*>(p.w) + panel * panel_numbers};
      const int first = static_cast<int>(row < p.first_row ? p.first_row - row : 0);
      const int end = static_cast<int>(end_row - row < kPanelRows ? end_row - row : kPanelRows);
      for (int t = t0; t < t1; t += kTileTokens) {
        float* out = p.out + t * p.out_stride + (row - p.first_row);
        dot_tile<kAccumulate>(
            DotTile<Panel<W>>{p.x + t * p.x_stride, p.x_stride, w, p.k, out, p.out_stride, first, end},
            t1 - t < kTileTokens ? t1 - t : kTileTokens);
      }
    }
  }
}

template <typename W>
void matmul_into(const MatmulParams& p) {
  p.accumulate ? matmul_of<W, true>(p) : matmul_of<W, false>(p);
}

}  // namespace

void matmul(const MatmulParams& p) {
  switch (p.dtype) {
    case Dtype::f32:
      return matmul_into<float>(p);
    case Dtype::f16:
      return matmul_into<F16>(p);
    case Dtype::bf16:
      return matmul_into<Bf16>(p);
  }
}

}  // namespace quern::cpu::QUERN_ISA
