// How products are cut into work items, and how much an item is at most. Whatever the cut, the bits are the
// same: an output is computed by itself.
//
// Few tokens (decode) are bound by the weights that are read, so an item is some bytes of them: 96 KB at
// most, some microseconds, or one panel of rows. A panel cannot be read in part: its rows lie side by side in
// each cache line, so that half of them would read all of its lines, and its depth is summed in one order,
// which the bits are made of. Where rows are long and wide (9728 float32 numbers: 600 KB a panel) an item is
// more than 96 KB then, and threads end together to within one: 30 us of the 5 ms that such a matrix takes.
// Many tokens (prompts) are
// bound by multiply-adds: half a millisecond at most on one AVX2 core, so that a cancelled step ends within
// milliseconds. And there are some items for each thread, as far as there are panels, so that threads end
// together.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>

namespace quern::cpu {

// What one row costs of a matrix, or of several that an item takes the same rows of, side by side.
struct MatrixRows {
  int64_t rows = 0;
  int64_t cols = 0;       // multiply-adds of an output
  int64_t row_bytes = 0;  // of weights
  int panel_rows = 0;     // rows that lie together
};

class Partition {
 public:
  // Numbers that an item writes at most: rows times tokens. Whoever keeps them apart has scratch for so many.
  static constexpr int64_t kMostOutputs = 16 << 10;

  struct Item {
    int matrix;
    int64_t first_row;
    int rows;
    int64_t first_token;
    int tokens;
  };

  // The products of `tokens` rows with up to three matrices.
  Partition(int64_t tokens, std::initializer_list<MatrixRows> matrices, int threads);

  int items() const { return items_; }
  // Of [0, items()): every row of every matrix for every token is in one of them.
  Item item(int index) const;

 private:
  struct Cut {
    int64_t rows;
    int64_t item_rows;
    int end;  // of its items, those of the matrices before it counted too
  };

  int64_t tokens_;
  int64_t item_tokens_;
  int token_items_;
  int matrices_ = 0;
  int items_ = 0;
  std::array<Cut, 3> cuts_{};
};

}  // namespace quern::cpu
