#include "emulator/shadow.h"

#include <algorithm>
#include <utility>

namespace quern::emulator {

Shadow::Shadow() : pages_(static_cast<Cell**>(reserve(Arena::page_count() * sizeof(Cell*), true))) {}

Cell* Shadow::make_cells(size_t page) {
  if (pages_[page]) return pages_[page];
  Cell* cells = nullptr;
  if (free_.empty()) {
    cells = new Cell[kCells];
  } else {
    cells = free_.back();
    free_.pop_back();
    std::fill_n(cells, kCells, Cell{});
  }
  used_pages_.push_back(page);
  return pages_[page] = cells;
}

void Shadow::drop(size_t page) {
  for (Cell* cell = pages_[page]; cell < pages_[page] + kCells; cell++) {
    if (cell->is_split()) join(*cell);
  }
  free_.push_back(pages_[page]);
  pages_[page] = nullptr;
}

void Shadow::forget_pages(size_t first, size_t end) {
  std::erase_if(used_pages_, [&](size_t page) {
    if (page < first || page >= end) return false;
    drop(page);
    return true;
  });
}

void Shadow::forget_all() {
  for (const size_t page : std::exchange(used_pages_, {})) drop(page);
}

Shadow::Parts& Shadow::split(Cell& cell) {
  if (cell.is_split()) return parts_of(cell);
  if (free_splits_.empty()) {
    const size_t first = splits_.size() * kChunk;
    splits_.push_back(std::make_unique<std::array<Parts, kChunk>>());
    for (size_t number = first + kChunk; number > first; number--) free_splits_.push_back(number - 1);
  }
  const Cell whole = cell;
  cell = {};
  cell.places_ = kSplit | free_splits_.back();
  free_splits_.pop_back();
  Parts& parts = parts_of(cell);
  parts.fill(whole);
  return parts;
}

void Shadow::join(Cell& cell) {
  for (Cell& part : parts_of(cell)) {
    if (part.is_split()) join(part);
  }
  free_splits_.push_back(split_of(cell));
  cell = {};
}

}  // namespace quern::emulator
