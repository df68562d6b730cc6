#include "backend/cpu/partition.h"

#include <algorithm>

#include "core/error.h"

namespace quern::cpu {

namespace {

constexpr int64_t kFewTokens = 8;  // fewer are bound by memory
constexpr int64_t kItemBytes = 96 << 10;
constexpr int64_t kItemProducts = int64_t{12} << 20;
constexpr int64_t kMostItemTokens = 96;
constexpr int64_t kItemsOfAThread = 4;  // each costs a turn at the counter that all threads share
constexpr int64_t kLineRows = 16;       // outputs of a token in one cache line

int64_t cost(const MatrixRows& matrix, int64_t tokens, int64_t item_tokens) {
  return tokens < kFewTokens ? matrix.row_bytes : matrix.cols * item_tokens;
}

// Whole panels, and whole cache lines of outputs where there are any.
int64_t whole(int64_t rows, const MatrixRows& matrix) {
  const int64_t granule = rows < kLineRows ? matrix.panel_rows : kLineRows;
  return std::max<int64_t>(rows - rows % granule, matrix.panel_rows);
}

}  // namespace

Partition::Partition(int64_t tokens, std::initializer_list<MatrixRows> matrices, int threads)
    : tokens_(tokens),
      item_tokens_(std::min(tokens, kMostItemTokens)),
      token_items_(tokens == 0 ? 0 : static_cast<int>((tokens + item_tokens_ - 1) / item_tokens_)) {
  QUERN_CHECK(matrices.size() <= cuts_.size());
  if (tokens == 0) return;
  int64_t all = 0;
  for (const MatrixRows& matrix : matrices)
    all += matrix.rows * token_items_ * cost(matrix, tokens, item_tokens_);
  const int64_t most = std::min(tokens < kFewTokens ? kItemBytes : kItemProducts,
                                all / (kItemsOfAThread * std::max(threads, 1)));
  for (const MatrixRows& matrix : matrices) {
    const int64_t rows =
        std::min({most / cost(matrix, tokens, item_tokens_), kMostOutputs / item_tokens_, matrix.rows});
    const int64_t item_rows = whole(rows, matrix);
    items_ += static_cast<int>((matrix.rows + item_rows - 1) / item_rows) * token_items_;
    cuts_[static_cast<size_t>(matrices_++)] = {matrix.rows, item_rows, items_};
  }
}

// Tokens change fastest: what one item has read of the weights the next still finds in cache.
Partition::Item Partition::item(int index) const {
  size_t matrix = 0;
  while (index >= cuts_[matrix].end) ++matrix;
  const Cut& cut = cuts_[matrix];
  const int at = index - (matrix == 0 ? 0 : cuts_[matrix - 1].end);
  const int64_t first_row = at / token_items_ * cut.item_rows, first_token = at % token_items_ * item_tokens_;
  return {static_cast<int>(matrix), first_row,
          static_cast<int>(std::min(cut.item_rows, cut.rows - first_row)), first_token,
          static_cast<int>(std::min(item_tokens_, tokens_ - first_token))};
}

}  // namespace quern::cpu
