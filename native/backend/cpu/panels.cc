#include "backend/cpu/panels.h"

#include <algorithm>
#include <cstring>

namespace quern::cpu {

void pack_rows(const void* from, int64_t first_row, int64_t rows, int64_t cols, Dtype dtype, void* panels) {
  const auto size = static_cast<int64_t>(size_of(dtype));
  const auto* source = static_cast<const char*>(from);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t col = 0; col < cols; col += kPanelDepth) {
      const int64_t count = std::min<int64_t>(kPanelDepth, cols - col);
      std::memcpy(static_cast<char*>(panels) + panel_at(first_row + row, col, cols) * size,
                  source + (row * cols + col) * size, static_cast<size_t>(count * size));
    }
  }
}

}  // namespace quern::cpu
