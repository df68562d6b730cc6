// What was last done to memory: a cell for each word of 4 bytes, or, where its halves, or the bytes of one,
// have different fates, for each of them. Pages that no kernel wrote have no cells.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "emulator/arena.h"
#include "emulator/happens_before.h"

namespace quern::emulator {

struct Cell {
  AccessRecord write;
  std::array<AccessRecord, 2>
      reads;  // since that write, of different threads, if possible of different warps

  uint32_t write_pc() const { return uint32_t(places_) & kPcMask; }
  uint32_t read_pc(int which) const { return uint32_t(places_ >> (21 + 21 * which)) & kPcMask; }
  void set_write(AccessRecord record, uint32_t pc) {
    write = record;
    reads = {};
    places_ = pc & kPcMask;
  }
  void set_read(int which, AccessRecord record, uint32_t pc) {
    const int shift = 21 + 21 * which;
    reads[size_t(which)] = record;
    places_ = (places_ & ~(uint64_t{kPcMask} << shift)) | uint64_t(pc & kPcMask) << shift;
  }
  bool is_split() const { return places_ >> 63; }

 private:
  friend class Shadow;
  static constexpr uint32_t kPcMask = (1u << 21) - 1;
  uint64_t places_ =
      0;  // the pcs of `write` and `reads`; with its last bit: the number of what it was split to
};
static_assert(sizeof(Cell) == 32);

class Shadow {
 public:
  static constexpr size_t kCells = Arena::kPageBytes / 4;  // of a page
  using Parts = std::array<Cell, 2>;

  Shadow();
  // Null: the page was never written by a kernel.
  Cell* cells(size_t page) const { return pages_[page]; }
  Cell* make_cells(size_t page);
  void forget_pages(size_t first, size_t end);
  void forget_all();

  // The halves of a word, or the bytes of a half.
  Parts& parts_of(const Cell& cell) {
    const size_t number = split_of(cell);
    return (*splits_[number / kChunk])[number % kChunk];
  }
  Parts& split(Cell& cell);
  void join(Cell& cell);  // it is empty then

 private:
  static constexpr uint64_t kSplit = uint64_t{1} << 63;
  static size_t split_of(const Cell& cell) { return size_t(cell.places_ & ~kSplit); }
  void drop(size_t page);
  Cell** pages_ = nullptr;
  std::vector<size_t> used_pages_;
  std::vector<Cell*> free_;
  static constexpr size_t kChunk = 1024;
  std::vector<std::unique_ptr<std::array<Parts, kChunk>>> splits_;
  std::vector<size_t> free_splits_;
};

}  // namespace quern::emulator
