// out[t, r] = sum_k x[t, k] d[r, k / 32] q[r, k]: f32 activations, weights in blocks of 32 integers q and a
// scale d, in panels (block_panels.h).
//
// A vector has a lane for each row of a panel. One token: reads 1.06 (8 bits) or 0.56 (4 bits) bytes a number
// and does about three operations for each to make a float of it and one multiply-add: on one thread bound by
// operations, 16 rows at a time. Many tokens: the floats of four columns serve all tokens of a tile, so that
// multiply-adds are what is left: bound by these.
//
// An output is one lane: sums of x q over the 32 columns of a block, in order, each times d onto the blocks
// before. No width of a vector and no number of tokens changes that; only where multiplying and adding cannot
// be one rounding (baseline) the bits are others.
#pragma once
#include "backend/cpu/kernels/block_panels.h"
#include "backend/cpu/kernels/multiply_adds.h"

namespace quern::cpu::QUERN_ISA {
namespace {

// Column `col` of the four of a group, as floats.
template <typename Bits>
inline F32 widened(Bytes group, int col) {
  const U32 raw = reinterpret_cast<U32>(group);
  if constexpr (Bits::kSigned)
    return __builtin_convertvector(reinterpret_cast<I32>(raw << (24 - 8 * col)) >> 24, F32);
  return __builtin_convertvector(reinterpret_cast<I32>(raw >> (8 * col) & 255u) - 8, F32);
}

template <typename Bits>
struct FloatTile {
  using Weights = Bits;
  static constexpr auto multiply_adds = &QUERN_ISA::multiply_adds;
#if defined(__AVX512F__)
  static constexpr int kMostTokens = 8;
#else
  static constexpr int kMostTokens = 4;
#endif
  template <int kTokens>
  static constexpr int kVectors = 1;

  template <bool kAccumulate, int kTokens>
  static void run(const char* x, int64_t x_stride, PanelRows rows, int64_t k, const TileOut& out) {
    constexpr int kColumns = kPieceBlocks * kBlockColumns;
    F32 sums[kTokens] = {};
    float last[kTokens][kColumns];
    const float* numbers[kTokens];
#pragma GCC unroll 8
    for (int t = 0; t < kTokens; ++t) numbers[t] = reinterpret_cast<const float*>(x + t * x_stride);
    const uint8_t* piece = rows.panel;
    for (int64_t col = 0; col < k; col += kColumns, piece += kPieceBytes<Bits>) {
      if (k - col < kColumns) {  // zeros behind the end
        for (int t = 0; t < kTokens; ++t) {
          for (int64_t i = 0; i < kColumns; ++i) last[t][i] = col + i < k ? numbers[t][i] : 0;
          numbers[t] = last[t];
        }
      }
      for (int b = 0; b < kPieceBlocks; ++b) {
        add_block<kTokens>(piece + b * Bits::kBlockBytes, scales(piece, b, rows.first), rows.first, numbers,
                           b * kBlockColumns, sums);
      }
#pragma GCC unroll 8
      for (int t = 0; t < kTokens; ++t) numbers[t] += kColumns;
    }
#pragma GCC unroll 8
    for (int t = 0; t < kTokens; ++t) store_rows<kAccumulate>(out, t, rows.first, sums[t]);
  }

 private:
  static F32 scales(const uint8_t* piece, int block, int v) {
    return load(reinterpret_cast<const F16*>(piece + kPieceBlocks * Bits::kBlockBytes) + block * kPanelRows +
                v * kLanes);
  }

  template <int kTokens>
  static inline __attribute__((always_inline)) void add_block(const uint8_t* block, F32 scale, int v,
                                                              const float* const (&numbers)[kTokens],
                                                              int first, F32 (&sums)[kTokens]) {
    F32 dots[kTokens] = {};
    for (int half = 0; half < 2; ++half) {
      for (int group = 0; group < 4; ++group) {
        Bytes groups[2];
        Bits::load_groups(block, group, v, groups);
        const int at = first + (half * 4 + group) * 4;
#pragma GCC unroll 4
        for (int col = 0; col < 4; ++col) {
          const F32 w = widened<Bits>(groups[half], col);
#pragma GCC unroll 8
          for (int t = 0; t < kTokens; ++t) dots[t] = fma(splat(numbers[t][at + col]), w, dots[t]);
        }
      }
    }
#pragma GCC unroll 8
    for (int t = 0; t < kTokens; ++t) sums[t] = fma(dots[t], scale, sums[t]);
  }
};

}  // namespace
}  // namespace quern::cpu::QUERN_ISA
