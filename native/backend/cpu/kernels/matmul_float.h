// Products with weights that are stored number by number:
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
#pragma once
#include "backend/cpu/kernels/dot_tile.h"
#include "backend/cpu/kernels/matmul_kernel.h"
#include "backend/cpu/kernels/multiply_adds.h"

namespace quern::cpu::QUERN_ISA {
namespace {

// w in one panel. What a tail lacks is there as zeros.
template <typename W>
struct Panel {
  const W* at;
  F32 vector(int row, int64_t piece, int v) const {
    return load(at + piece * kTileRows + row * kTileDepth + v * kLanes);
  }
  F32 tail(int row, int64_t piece, int v, int) const { return vector(row, piece, v); }
};

// tokens <= kTileTokens. A panel has all its rows, whatever of them is written.
template <bool kAccumulate, typename W>
inline void dot_tile(const DotTile<Panel<W>>& tile, int tokens) {
  dot_tile_of_tokens<kAccumulate, kTileRows, kTileTokens>(tile, tokens);
}

constexpr int64_t kTokenBlockBytes = 192 << 10;  // of x, in the second-level cache beside the panels' stream

template <typename W, bool kAccumulate>
void matmul_of(const MatmulParams& p) {
  const auto* const x = static_cast<const float*>(p.x);
  const int64_t x_stride = p.x_stride / static_cast<int64_t>(sizeof(float));
  const int64_t panel_numbers = (p.k + kTileDepth - 1) / kTileDepth * kTileDepth * kTileRows;
  const int64_t first_panel = p.first_row / kTileRows, end_row = p.first_row + p.rows;
  const int64_t fit = kTokenBlockBytes / (p.k * static_cast<int64_t>(sizeof(float)));
  const int block = static_cast<int>(fit < kTileTokens ? kTileTokens : fit - fit % kTileTokens);
  for (int t0 = 0; t0 < p.tokens; t0 += block) {
    const int t1 = t0 + block < p.tokens ? t0 + block : p.tokens;
    for (int64_t panel = first_panel; panel * kTileRows < end_row; ++panel) {
      const int64_t row = panel * kTileRows;  // may lie before first_row; then its first rows are not written
      const Panel<W> w{static_cast<const W*>(p.w) + panel * panel_numbers};
      const int first = static_cast<int>(row < p.first_row ? p.first_row - row : 0);
      const int end = static_cast<int>(end_row - row < kTileRows ? end_row - row : kTileRows);
      for (int t = t0; t < t1; t += kTileTokens) {
        float* out = p.out + t * p.out_stride + (row - p.first_row);
        dot_tile<kAccumulate>(
            DotTile<Panel<W>>{x + t * x_stride, x_stride, w, p.k, out, p.out_stride, first, end},
            t1 - t < kTileTokens ? t1 - t : kTileTokens);
      }
    }
  }
}

template <typename W>
void matmul_float(const MatmulParams& p) {
  p.accumulate ? matmul_of<W, true>(p) : matmul_of<W, false>(p);
}

// Where number [row, col] lies, in numbers; col is a multiple of kTileDepth.
inline int64_t piece_at(int64_t row, int64_t col, int64_t k) {
  const int64_t depth = (k + kTileDepth - 1) / kTileDepth * kTileDepth;
  return row / kTileRows * kTileRows * depth + col * kTileRows + row % kTileRows * kTileDepth;
}

template <typename W>
void pack_floats(const PackParams& p) {
  const auto* const from = static_cast<const W*>(p.from);
  for (int64_t row = 0; row < p.rows; ++row) {
    for (int64_t col = 0; col < p.k; col += kTileDepth) {
      const int64_t count = p.k - col < kTileDepth ? p.k - col : kTileDepth;
      __builtin_memcpy(static_cast<W*>(p.panels) + piece_at(p.first_row + row, col, p.k),
                       from + row * p.k + col, static_cast<uint64_t>(count) * sizeof(W));
    }
  }
}

template <typename W>
void unpack_floats(const UnpackParams& p) {
  for (int64_t col = 0; col < p.k; col += kTileDepth) {
    const W* const from = static_cast<const W*>(p.panels) + piece_at(p.row, col, p.k);
    for (int64_t v = 0; v < kTileDepth && col + v < p.k; v += kLanes) {
      const int64_t left = p.k - col - v;
      left < kLanes ? store_partial(p.out + col + v, load(from + v), static_cast<int>(left))
                    : store(p.out + col + v, load(from + v));
    }
  }
}

// The row of the list for weights that are stored as W.
template <typename W>
constexpr MatmulKernel float_kernel(const char* isa, const char* format) {
  return {isa,
          format,
          Activations::f32,
          kTileRows,
          kTileDepth,
          kTileRows * kTileDepth * static_cast<int>(sizeof(W)),
          pack_floats<W>,
          unpack_floats<W>,
          matmul_float<W>,
          multiply_adds};
}

}  // namespace
}  // namespace quern::cpu::QUERN_ISA
