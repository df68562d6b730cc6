// The inner tile of matrix products, shared by matmul and by attention's scores.
#pragma once
#include "backend/cpu/kernels/simd.h"

namespace quern::cpu::QUERN_ISA {
namespace {

// Accumulators that fit the registers beside one vector of w and kTileTokens of x.
#if defined(__AVX512F__)
constexpr int kTileRows = 4, kTileTokens = 6;
#elif defined(__AVX2__)
constexpr int kTileRows = 4, kTileTokens = 3;
#else
constexpr int kTileRows = 4,
              kTileTokens = 2;  // a product needs a register of its own where it cannot be fused
#endif

template <typename W>
struct DotTile {
  const float* x;  // [tokens, k], rows x_stride apart
  int64_t x_stride;
  const W* w;  // [rows, k], rows w_stride apart
  int64_t w_stride;
  int64_t k;
  float* out;  // [tokens, rows], rows out_stride apart
  int64_t out_stride;
};

template <typename W, bool kAccumulate, int kRows, int kTokens>
inline __attribute__((always_inline)) void dot_tile_of(const DotTile<W>& tile) {
  F32 sums[kRows][kTokens] = {};
  const int64_t whole = tile.k - tile.k % kLanes;
  for (int64_t k = 0; k < whole; k += kLanes) {
    F32 x[kTokens];
#pragma GCC unroll 8
    for (int t = 0; t < kTokens; ++t) x[t] = load(tile.x + t * tile.x_stride + k);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const F32 w = load(tile.w + r * tile.w_stride + k);
#pragma GCC unroll 8
      for (int t = 0; t < kTokens; ++t) sums[r][t] = fma(x[t], w, sums[r][t]);
    }
  }
  if (const int tail = static_cast<int>(tile.k - whole); tail > 0) {
    for (int r = 0; r < kRows; ++r) {
      const F32 w = load_partial(tile.w + r * tile.w_stride + whole, tail);
      for (int t = 0; t < kTokens; ++t)
        sums[r][t] = fma(load_partial(tile.x + t * tile.x_stride + whole, tail), w, sums[r][t]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int t = 0; t < kTokens; ++t) {
      float& out = tile.out[t * tile.out_stride + r];
      out = kAccumulate ? out + sum(sums[r][t]) : sum(sums[r][t]);
    }
  }
}

template <typename W, bool kAccumulate, int kRows, int kTokens>
inline void dot_tile_of_tokens(const DotTile<W>& tile, int tokens) {
  if (tokens == kTokens) return dot_tile_of<W, kAccumulate, kRows, kTokens>(tile);
  if constexpr (kTokens > 1) dot_tile_of_tokens<W, kAccumulate, kRows, kTokens - 1>(tile, tokens);
}

// rows <= kTileRows, tokens <= kTileTokens. Rows short of a full tile go one by one: only the last rows of a
// weight are.
template <typename W, bool kAccumulate>
inline void dot_tile(DotTile<W> tile, int rows, int tokens) {
  if (rows == kTileRows) return dot_tile_of_tokens<W, kAccumulate, kTileRows, kTileTokens>(tile, tokens);
  for (int r = 0; r < rows; ++r) {
    dot_tile_of_tokens<W, kAccumulate, 1, kTileTokens>(tile, tokens);
    tile.w += tile.w_stride;
    tile.out += 1;
  }
}

}  // namespace
}  // namespace quern::cpu::QUERN_ISA
