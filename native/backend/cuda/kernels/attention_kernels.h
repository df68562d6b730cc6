// The two kernels of attention by tensor cores, one in each file, and which of them takes a sequence.
#pragma once
#include "backend/cuda/kernels/operations.h"

namespace quern::cuda {

// Rows of a sequence in this step, times query heads of a key/value head.
constexpr int kFewRows = 32;

// Whether a sequence goes to attend_few_rows: those with few rows, or all.
struct FewRows {
  bool all = false;
  int group = 1;
  QUERN_HD bool operator()(int rows) const { return rows > 0 && (all || rows == group || rows <= kFewRows); }
};

// Splits a sequence's positions over the device. head_dim: up to 256.
void attend_few_rows(const Attention& op, FewRows wanted, StreamEnd at);
// 64 rows at a time, of those that are not few. head_dim: up to 128.
void attend_tiles(const Attention& op, FewRows few, StreamEnd at);

}  // namespace quern::cuda
