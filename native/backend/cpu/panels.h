// How matrices lie in memory: in panels of kPanelRows rows, whose numbers alternate in pieces of kPanelDepth.
// A product that works on four rows at a time then reads one stream instead of four, which is what memory
// gives fastest. Rows and columns are padded with zeros to whole panels, so kernels need no tails of w.
#pragma once
#include <cstdint>

#include "backend/cpu/kernels/kernels.h"

namespace quern::cpu {

constexpr int64_t panel_cols(int64_t cols) {
  return (cols + kPanelDepth - 1) / kPanelDepth * kPanelDepth;
}
constexpr int64_t panel_rows(int64_t rows) {
  return (rows + kPanelRows - 1) / kPanelRows * kPanelRows;
}
// Numbers in memory, the padding included.
constexpr int64_t panel_numbers(int64_t rows, int64_t cols) {
  return panel_rows(rows) * panel_cols(cols);
}

// Where number [row, col] of a matrix with `cols` columns lies.
constexpr int64_t panel_at(int64_t row, int64_t col, int64_t cols) {
  return row / kPanelRows * kPanelRows * panel_cols(cols) + col / kPanelDepth * kPanelDepth * kPanelRows +
         row % kPanelRows * kPanelDepth + col % kPanelDepth;
}

// Puts `rows` rows, dense at `from`, into zeroed panels as rows first_row, first_row + 1, ...
void pack_rows(const void* from, int64_t first_row, int64_t rows, int64_t cols, Dtype dtype, void* panels);

}  // namespace quern::cpu
