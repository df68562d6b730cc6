// out[t, r] = sum over blocks b of (a[t, b] d[r, b]) (sum of 32 x[t, k] q[r, k]): activations in
// ActivationBlocks (integers x, a scale a), weights in blocks of integers q and a scale d, in panels
// (block_panels.h).
//
// The inner sum is one of whole numbers and exact, so any instruction gives the same; an output is one lane
// of floats, to which the blocks are added in their order, by one multiply-add each. So the bits are the same
// for every number of tokens and on every instruction set that can multiply and add with one rounding.
//
// One token: reads 1.06 (8 bits) or 0.56 (4 bits) bytes a number, once, in one stream; the operations below
// are for 4 columns of kLanes rows. Bound by memory with VNNI, and nearly so with AVX2. Many tokens: the
// integers of a group are loaded (and taken out of their byte) once for a tile's tokens, so that per token
// there are
//   VNNI      1: dpbusd                                            64 or 32 multiply-adds each
//   AVX2      8 bits: sign, maddubs, madd, add = 4; 4 bits: maddubs, add = 2, for 16 bits hold eight of them
// and 3 a block to add its sum as a float: bound by these.
#pragma once
#include "backend/cpu/kernels/block_panels.h"

namespace quern::cpu::QUERN_ISA {
namespace {

// Four activations for every lane.
inline I32 splat4(const int8_t* from) {
  int32_t four = 0;
  __builtin_memcpy(&four, from, sizeof four);
  return four - I32{};
}

// The sum of one block for kLanes rows: add(sum, w, x) for each group of four columns, w as prepared() makes
// it of what Bits::load_groups gives, then total(). Where an instruction wants w without a sign, the zero of
// w is not 0; it is taken off at the end, times the sum of the block's activations.
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
constexpr bool kOneInstruction = true;  // BlockSum::add is one
template <typename Bits>
struct BlockSum {
  using Sum = I32;
  static Bytes prepared(Bytes w) { return Bits::kSigned ? w ^ 128 : w; }
  static Sum add(Sum sum, Bytes w, I32 x) {
#if defined(__AVX512VNNI__)
    return reinterpret_cast<I32>(_mm512_dpbusd_epi32(
        reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(w), reinterpret_cast<__m512i>(x)));
#else
    return reinterpret_cast<I32>(_mm256_dpbusd_avx_epi32(
        reinterpret_cast<__m256i>(sum), reinterpret_cast<__m256i>(w), reinterpret_cast<__m256i>(x)));
#endif
  }
  static I32 total(Sum sum, int32_t sum_of_x) {
    return sum - (Bits::kSigned ? 128 : 8) * sum_of_x;
  }
};
#elif defined(__AVX2__) && !QUERN_WIDE
constexpr bool kOneInstruction = false;
template <typename Bits>
struct BlockSum;

// maddubs takes one side without a sign and adds two products in 16 bits: |w| and x with w's sign, at most
// 2 * 128 * 127, which fits. (The other way round it would not: there is no 128 that -128 could become.)
template <>
struct BlockSum<EightBits> {
  using Sum = I32;
  static Bytes prepared(Bytes w) { return w; }
  static Sum add(Sum sum, Bytes w, I32 x) {
    const auto bytes = reinterpret_cast<__m256i>(w);
    const __m256i pairs =
        _mm256_maddubs_epi16(_mm256_abs_epi8(bytes), _mm256_sign_epi8(reinterpret_cast<__m256i>(x), bytes));
    return sum + reinterpret_cast<I32>(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static I32 total(Sum sum, int32_t) { return sum; }
};

// Eight times two products of at most 15 * 127 fit in 16 bits.
template <>
struct BlockSum<FourBits> {
  using Sum = int16_t __attribute__((vector_size(4 * kLanes)));
  static Bytes prepared(Bytes w) { return w; }
  static Sum add(Sum sum, Bytes w, I32 x) {
    return sum + reinterpret_cast<Sum>(
                     _mm256_maddubs_epi16(reinterpret_cast<__m256i>(w), reinterpret_cast<__m256i>(x)));
  }
  static I32 total(Sum sum, int32_t sum_of_x) {
    const __m256i both = _mm256_madd_epi16(reinterpret_cast<__m256i>(sum), _mm256_set1_epi16(1));
    return reinterpret_cast<I32>(both) - 8 * sum_of_x;
  }
};
#else
constexpr bool kOneInstruction = false;
template <typename Bits>
struct BlockSum {
  using Sum = I32;
  static Bytes prepared(Bytes w) { return w; }
  static Sum add(Sum sum, Bytes w, I32 x) {
    int8_t bytes[4 * kLanes], four[4 * kLanes];
    __builtin_memcpy(bytes, &w, sizeof bytes);
    __builtin_memcpy(four, &x, sizeof four);
    for (int lane = 0; lane < kLanes; ++lane) {
      int32_t dot = 0;
      for (int i = 0; i < 4; ++i) dot += bytes[4 * lane + i] * four[i];
      sum[lane] += dot;
    }
    return sum;
  }
  static I32 total(Sum sum, int32_t sum_of_x) { return sum - (Bits::kSigned ? 0 : 8) * sum_of_x; }
};
#endif

// Ten independent chains, as multiply_adds() of floats has them. An addition of several instructions has
// other activations each time, from the first-level cache as in a product, or most of it could be done once
// for all; one that is a single instruction needs none. All integers are 0.
template <typename Bits>
int64_t integer_multiply_adds(int64_t rounds, float* result) {
  using Integers = BlockSum<Bits>;
  constexpr int kChains = 10, kSteps = 16;
  const auto zero = static_cast<int8_t>(result[0]);
  int8_t x[4 * (kSteps + kChains)];
  for (int8_t& byte : x) byte = zero;
  const Bytes w = Integers::prepared(Bytes{} + static_cast<uint8_t>(zero));
  typename Integers::Sum sums[kChains] = {};
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int chain = 0; chain < kChains; ++chain)
      sums[chain] =
          Integers::add(sums[chain], w, splat4(kOneInstruction ? x : x + 4 * (round % kSteps + chain)));
  }
  I32 total = {};
  for (const auto& chain : sums) total += Integers::total(chain, zero);
  int32_t all = 0;
  for (int lane = 0; lane < kLanes; ++lane) all += total[lane];
  result[0] = static_cast<float>(all);
  return rounds * kChains * 4 * kLanes;
}

template <typename Bits>
struct IntegerTile {
  using Weights = Bits;
  static constexpr auto multiply_adds = &integer_multiply_adds<Bits>;
#if defined(__AVX512VNNI__)
  static constexpr int kMostTokens = 8;
#else
  static constexpr int kMostTokens = 4;
#endif
  template <int kTokens>
  static constexpr int kVectors = kTokens == 1 ? kRowVectors : 1;

  template <bool kAccumulate, int kTokens>
  static void run(const char* x, int64_t x_stride, PanelRows rows, int64_t k, const TileOut& out) {
    constexpr int kRows = kVectors<kTokens>;
    F32 sums[kRows][kTokens] = {};
    const int64_t blocks = activation_blocks(k);
    const uint8_t* piece = rows.panel;
    for (int64_t first = 0; first < blocks; first += kPieceBlocks, piece += kPieceBytes<Bits>) {
      const auto* const scales = reinterpret_cast<const F16*>(piece + kPieceBlocks * Bits::kBlockBytes);
#pragma GCC unroll 2
      for (int b = 0; b < kPieceBlocks; ++b) {
        const ActivationBlock* activations[kTokens];
#pragma GCC unroll 8
        for (int t = 0; t < kTokens; ++t)
          activations[t] = reinterpret_cast<const ActivationBlock*>(x + t * x_stride) + first + b;
#pragma GCC unroll 4
        for (int v = 0; v < kRows; ++v) {
          add_block<kTokens>(piece + b * Bits::kBlockBytes, rows.first + v,
                             load(scales + b * kPanelRows + (rows.first + v) * kLanes), activations, sums[v]);
        }
      }
    }
#pragma GCC unroll 4
    for (int v = 0; v < kRows; ++v) {
#pragma GCC unroll 8
      for (int t = 0; t < kTokens; ++t) store_rows<kAccumulate>(out, t, rows.first + v, sums[v][t]);
    }
  }

 private:
  template <int kTokens>
  static inline __attribute__((always_inline)) void add_block(const uint8_t* block, int v, F32 scale,
                                                              const ActivationBlock* const (&x)[kTokens],
                                                              F32 (&sums)[kTokens]) {
    using Integers = BlockSum<Bits>;
    typename Integers::Sum dots[kTokens] = {};
#pragma GCC unroll 4
    for (int group = 0; group < 4; ++group) {
      Bytes groups[2];
      Bits::load_groups(block, group, v, groups);
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        const Bytes w = Integers::prepared(groups[half]);
#pragma GCC unroll 8
        for (int t = 0; t < kTokens; ++t)
          dots[t] = Integers::add(dots[t], w, splat4(x[t]->numbers + (half * 4 + group) * 4));
      }
    }
#pragma GCC unroll 8
    for (int t = 0; t < kTokens; ++t) {
      const F32 dot = __builtin_convertvector(Integers::total(dots[t], x[t]->sum), F32);
      sums[t] = fma(dot, scale * splat(x[t]->scale), sums[t]);
    }
  }
};

}  // namespace
}  // namespace quern::cpu::QUERN_ISA
