// From scores to weights, for some query rows at a time: 2^(score - the row's largest so far), with what sums
// and values so far are to be multiplied by when that largest grows (the online softmax).
#pragma once
#include <limits>
#include <utility>

#include "backend/cpu/kernels/attention_rows.h"

namespace quern::cpu::QUERN_ISA {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();  // the largest score of no positions
constexpr int kBlockVectors = kAttentionBlock / kLanes;

// 2^x for x <= 0 of several vectors, step by step, so that none waits for another: 2^n times a polynomial in
// r = x - n, |r| <= 1/2, whose largest error, 2e-9, is far below what rounding makes of it, 8e-8. 0 below
// -126.
template <int kVectors>
inline void exp2_of_negative(F32 (&x)[kVectors]) {
  constexpr float kFactors[] = {
      1.53533621e-4f, 1.33988745e-3f, 9.61843736e-3f, 5.55033247e-2f, 2.40226479e-1f, 6.93147203e-1f, 1};
  F32 shifted[kVectors], rest[kVectors], power[kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v)
    shifted[v] = x[v] + splat(0x1.8p23f);  // n, in the low bits of what is kept
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) rest[v] = x[v] - (shifted[v] - splat(0x1.8p23f));
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) power[v] = splat(kFactors[0]);
#pragma GCC unroll 16
  for (int i = 1; i < 7; ++i) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) power[v] = fma(power[v], rest[v], splat(kFactors[i]));
  }
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const F32 scaled = as_floats(as_bits(power[v]) + (as_bits(shifted[v]) << 23));
    x[v] = x[v] < splat(-126) ? F32{} : scaled;
  }
}
inline F32 exp2_of_negative(F32 x) {
  F32 only[] = {x};
  exp2_of_negative(only);
  return only[0];
}

// One step of fold_rows: of each 2 * kHalf lanes the first half comes from a, the second from b, both folded.
template <int kHalf, typename Fold, int... kLane>
inline F32 fold_halves(F32 a, F32 b, const Fold& fold, std::integer_sequence<int, kLane...>) {
  return fold(
      __builtin_shufflevector(a, b, (kLane % (2 * kHalf) < kHalf ? kLane : kLanes + kLane - kHalf)...),
      __builtin_shufflevector(a, b, (kLane % (2 * kHalf) < kHalf ? kLane + kHalf : kLanes + kLane)...));
}

// Folds the lanes of each row's vector into lane `row` of one: halves onto halves, as sum() does.
template <int kHalf = kLanes / 2, typename Fold>
inline F32 fold_rows(F32* rows, const Fold& fold) {
#pragma GCC unroll 16
  for (int i = 0; i < kHalf; ++i)
    rows[i] = fold_halves<kHalf>(rows[i], rows[i + kHalf], fold, std::make_integer_sequence<int, kLanes>{});
  if constexpr (kHalf > 1) return fold_rows<kHalf / 2>(rows, fold);
  return rows[0];
}

// The first kRows numbers of a vector, and what lies behind them left as it is.
template <int kRows>
inline void store_rows(float* to, F32 value) {
  alignas(64) float of[kLanes];
  store(of, value);
  __builtin_memcpy(to, of, kRows * sizeof(float));
}

// Turns scores into weights and folds them into the rows' largest scores and sums so far: numbers side by
// side, of which whole vectors can be read. Gives by what values so far are to be multiplied. scores: [kRows,
// kAttentionBlock]
template <int kRows>
inline F32 weigh(float* scores, float* largest, float* sums) {
  static_assert(kRows <= kLanes);
  F32 folded[kLanes] = {};
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    folded[r] = load(scores + r * kAttentionBlock);
    for (int v = 1; v < kBlockVectors; ++v)
      folded[r] = max(folded[r], load(scores + r * kAttentionBlock + v * kLanes));
  }
  const F32 before = load(largest);
  const F32 now = max(fold_rows(folded, [](F32 a, F32 b) { return max(a, b); }), before);
  store_rows<kRows>(largest, now);
  // A row that has seen nothing yet has nothing to be rescaled, and one that still has not gets no weights.
  const F32 rescale = before == now ? splat(1) : exp2_of_negative(before - now);
  alignas(64) float subtracted[kLanes];
  store(subtracted, now == splat(kNothing) ? F32{} : now);
#pragma GCC unroll 16
  for (int r = 0; r < kLanes; ++r) folded[r] = F32{};
  for (int r = 0; r < kRows; ++r) {
    float* const row = scores + r * kAttentionBlock;
    const F32 from = splat(subtracted[r]);
    constexpr int kAtOnce = kBlockVectors < 4 ? kBlockVectors : 4;
    for (int v = 0; v < kBlockVectors; v += kAtOnce) {
      F32 weights[kAtOnce];
#pragma GCC unroll 4
      for (int i = 0; i < kAtOnce; ++i) weights[i] = load(row + (v + i) * kLanes) - from;
      exp2_of_negative(weights);
#pragma GCC unroll 4
      for (int i = 0; i < kAtOnce; ++i) {
        store(row + (v + i) * kLanes, weights[i]);
        folded[r] += weights[i];
      }
    }
  }
  const F32 totals = fold_rows(folded, [](F32 a, F32 b) { return a + b; });
  store_rows<kRows>(sums, fma(load(sums), rescale, totals));
  return rescale;
}

}  // namespace
}  // namespace quern::cpu::QUERN_ISA
