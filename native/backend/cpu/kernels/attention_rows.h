// The two products of attention, for some query rows at a time that share what is loaded of keys and values.
// Every score is one chain of multiply-adds over head_dim and every value one over positions, in order, so
// that neither depends on how many rows or vectors are taken at once.
#pragma once
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/simd.h"

namespace quern::cpu::QUERN_ISA {
namespace {

// Rows taken at once, and sums that then fit the registers beside two vectors of keys or values and a query.
#if defined(__AVX512F__)
constexpr int kMostRows = 12;
#elif defined(__AVX2__)
constexpr int kMostRows = 6;
#else
constexpr int kMostRows = 4;  // a product needs a register of its own where it cannot be fused
#endif
constexpr int kMostSums = 2 * kMostRows;

// How many vectors fit beside kRows rows: few rows need more of them, to hide how long a multiply-add takes.
constexpr int vectors_for(int rows) {
  int vectors = 1;
  while (2 * vectors * rows <= kMostSums && 2 * vectors <= 8) vectors *= 2;
  return vectors;
}

// Calls work(number, first) for groups of rows, each of as many as it can be, the number being a type.
template <int kNumber>
struct RowCount {
  static constexpr int value = kNumber;
};
template <typename Work>
inline void for_groups(int rows, const Work& work) {
  int row = 0;
  for (; row + kMostRows <= rows; row += kMostRows) work(RowCount<kMostRows>{}, row);
  if constexpr (kMostRows > 4)
    for (; row + 4 <= rows; row += 4) work(RowCount<4>{}, row);
  for (; row + 2 <= rows; row += 2) work(RowCount<2>{}, row);
  for (; row < rows; ++row) work(RowCount<1>{}, row);
}

// scores[row, lane of v] = q[row] . k[v's positions], where number d of v's keys begins at keys[v] + d * 16.
// queries: [head_dim, kRows]; scores: [kRows, kAttentionBlock]
template <int kRows, int kVectors, typename KV>
inline void score_vectors(const float* queries, int head_dim, const KV* const* keys, float* scores) {
  F32 sums[kRows][kVectors] = {};
  const KV* at[kVectors];
  for (int v = 0; v < kVectors; ++v) at[v] = keys[v];
  for (int d = 0; d < head_dim; ++d, queries += kRows) {
    F32 key[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) key[v] = load(at[v] + d * kPagePositions);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const F32 query = splat(queries[r]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sums[r][v] = fma(query, key[v], sums[r][v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) store(scores + r * kAttentionBlock + v * kLanes, sums[r][v]);
  }
}

// A column of values as vectors: whole ones, or the numbers that are left at a row's end.
template <int kVectors>
struct WholeColumns {
  static constexpr int vectors = kVectors;
  template <typename T>
  F32 read(const T* from, int v) const {
    return load(from + v * kLanes);
  }
  void write(float* to, int v, F32 value) const { store(to + v * kLanes, value); }
};
struct LastColumns {
  static constexpr int vectors = 1;
  int count;
  template <typename T>
  F32 read(const T* from, int) const {
    return load_partial(from, count);
  }
  void write(float* to, int, F32 value) const { store_partial(to, value, count); }
};

// values[row, columns] = values[row, columns] * rescale[row] + sum_j weights[row, j] v[j, columns] for the
// positions [begin, end) of a block, whose pages lie at pages[j / 16].  weights: [kRows, kAttentionBlock]
template <int kRows, typename KV, typename Columns>
inline void add_columns(const float* weights, const float* rescale, const KV* const* pages, int head_dim,
                        int begin, int end, float* values, int64_t stride, Columns columns) {
  constexpr int kVectors = Columns::vectors;
  F32 sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sums[r][v] = columns.read(values + r * stride, v) * splat(rescale[r]);
  }
  for (int j = begin; j < end;) {
    const KV* value = pages[j / kPagePositions] + int64_t{j % kPagePositions} * head_dim;
    const int page_end = j - j % kPagePositions + kPagePositions, last = page_end < end ? page_end : end;
    for (; j < last; ++j, value += head_dim) {
      F32 x[kVectors];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) x[v] = columns.read(value, v);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const F32 weight = splat(weights[r * kAttentionBlock + j]);
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) sums[r][v] = fma(weight, x[v], sums[r][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) columns.write(values + r * stride, v, sums[r][v]);
  }
}

}  // namespace
}  // namespace quern::cpu::QUERN_ISA
