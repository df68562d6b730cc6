// The inner tile of products of floats. Its numbers of w come from panels (matmul_float.h). The order of
// additions: lanes over k, in whole pieces of kTileDepth, a zero-padded tail, one tree.
#pragma once
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/simd.h"

namespace quern::cpu::QUERN_ISA {
namespace {

// Accumulators that fit the registers beside one vector of w and kTileTokens of x.
constexpr int kTileRows = 4, kTileDepth = 16;
#if defined(__AVX512F__)
constexpr int kTileTokens = 6;
#elif defined(__AVX2__)
constexpr int kTileTokens = 3;
#else
constexpr int kTileTokens = 2;  // a product needs a register of its own where it cannot be fused
#endif

constexpr int kPieceVectors = kTileDepth / kLanes;

template <typename Source>
struct DotTile {
  const float* x;  // [tokens, k], rows x_stride apart
  int64_t x_stride;
  Source w;  // [rows, k]
  int64_t k;
  float* out;  // [tokens, rows], rows out_stride apart
  int64_t out_stride;
  int first_row = 0, end_row = kTileRows;  // of the tile's rows, those that are written
};

template <bool kAccumulate, int kRows, int kTokens, typename Source>
inline __attribute__((always_inline)) void dot_tile_of(const DotTile<Source>& tile) {
  F32 sums[kRows][kTokens] = {};
  const int64_t whole = tile.k - tile.k % kTileDepth;
  for (int64_t piece = 0; piece < whole; piece += kTileDepth) {
#pragma GCC unroll 4
    for (int v = 0; v < kPieceVectors; ++v) {
      const int64_t k = piece + v * kLanes;
      F32 x[kTokens];
#pragma GCC unroll 8
      for (int t = 0; t < kTokens; ++t) x[t] = load(tile.x + t * tile.x_stride + k);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const F32 w = tile.w.vector(r, piece, v);
#pragma GCC unroll 8
        for (int t = 0; t < kTokens; ++t) sums[r][t] = fma(x[t], w, sums[r][t]);
      }
    }
  }
  for (int v = 0; whole + v * kLanes < tile.k; ++v) {
    const int64_t k = whole + v * kLanes;
    const int count = tile.k - k < kLanes ? static_cast<int>(tile.k - k) : kLanes;
    for (int r = 0; r < kRows; ++r) {
      const F32 w = tile.w.tail(r, whole, v, count);
      for (int t = 0; t < kTokens; ++t)
        sums[r][t] = fma(load_partial(tile.x + t * tile.x_stride + k, count), w, sums[r][t]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    if (kRows > 1 && (r < tile.first_row || r >= tile.end_row)) continue;
#pragma GCC unroll 8
    for (int t = 0; t < kTokens; ++t) {
      float& out = tile.out[t * tile.out_stride + r];
      out = kAccumulate ? out + sum(sums[r][t]) : sum(sums[r][t]);
    }
  }
}

template <bool kAccumulate, int kRows, int kTokens, typename Source>
inline void dot_tile_of_tokens(const DotTile<Source>& tile, int tokens) {
  if (tokens == kTokens) return dot_tile_of<kAccumulate, kRows, kTokens>(tile);
  if constexpr (kTokens > 1) dot_tile_of_tokens<kAccumulate, kRows, kTokens - 1>(tile, tokens);
}

}  // namespace
}  // namespace quern::cpu::QUERN_ISA
