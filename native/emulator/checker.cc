// Bounds and alignment of every access; then, word by word, whether it is ordered after what its cell holds.
// QUERN_EMULATOR_CHECK=bounds leaves the second out.
#include "emulator/checker.h"

#include <algorithm>
#include <vector>

#include "emulator/arena.h"
#include "emulator/asked.h"
#include "emulator/findings.h"
#include "emulator/happens_before.h"
#include "emulator/shadow.h"

namespace quern::emulator {
namespace {

struct Range {
  uint32_t begin = 0, end = 0;
};

}  // namespace

struct Checker::State {
  Arena& arena = Arena::instance();
  Shadow shadow;
  HappensBefore order;
  Findings findings;
  const bool checks_order;
  int device = 0;  // whose memory kernels may use
  uint32_t shared_bytes = 0;
  std::vector<Range> forbidden;
  std::vector<Cell> shared_cells;
  // Of a kernel that may begin early: what blocks from this one on have written may not be there before it
  // waits. 0: it begins when all before it is done.
  uint32_t chain_begin = 0;

  State();
  Seen seen_by(int warp, int lane, const WarpAccess& access, const void* address) const;
  bool access(const Seen& seen);

  // ---- bounds and alignment
  bool is_shared(const std::byte* first, size_t bytes) const {
    return first >= arena.shared() && first + bytes <= arena.shared() + Arena::kSharedBytes;
  }
  bool is_within_shared(size_t at, size_t bytes) const {
    const auto meets = [&](const Range& gap) { return at < gap.end && at + bytes > gap.begin; };
    return at + bytes <= shared_bytes && std::none_of(forbidden.begin(), forbidden.end(), meets);
  }
  bool is_ours(const Arena::Allocation& of) const {
    return !of.is_freed && (of.device == device || of.device == Arena::kHost);
  }
  bool is_within(const Seen& seen);  // its place may be touched; else it was reported
  // Whether all bytes from `first` on may be touched, and, if it is device memory, have their first contents.
  bool are_within(const std::byte* first, size_t bytes);
  bool are_never_written(const std::byte* first, size_t bytes) const;

  // ---- what may begin early
  void check_early_write(const Seen& seen);
  void check_early_read(const Seen& seen, const Cell& cell);

  // ---- order
  Cell* cells_of(const Seen& seen);
  bool is_old(const Seen& seen, AccessRecord record) const;
  bool are_settled(const Seen& seen, const Cell& part) const;
  void check(const Seen& seen, Cell* cells);
  void check_part(const Seen& seen, Cell& part, size_t bytes, size_t begin, size_t end);
  void check_cell(const Seen& seen, Cell& cell);
  void check_write_before(const Seen& seen, const Cell& cell);
  void keep_read(const Seen& seen, Cell& cell);
  // Does something to each cell that holds bytes [begin, end) of a cell of so many, none of which is split
  // then.
  template <typename Body>
  void for_parts(Cell& cell, size_t bytes, size_t begin, size_t end, Body body);
};

Checker::State::State() : checks_order(asked_checks() != "bounds"), shared_cells(Arena::kSharedBytes / 4) {
  arena.on_release([this](size_t first, size_t end) { shadow.forget_pages(first, end); });
}

Seen Checker::State::seen_by(int warp, int lane, const WarpAccess& access, const void* address) const {
  const auto* at = static_cast<const std::byte*>(address);
  return {AccessRecord(order.block(), order.clock(warp), warp * 32 + lane, access.is_atomic, false),
          access.pc,
          access.bytes,
          at,
          access.is_write,
          access.is_atomic,
          access.is_update,
          is_shared(at, 1),
          (access.early >> lane & 1) != 0,
          access.is_lasting};
}

void Checker::State::check_early_write(const Seen& seen) {
  if (seen.is_early && seen.is_write && !seen.is_shared) findings.tell_early_write(seen);
}

inline void Checker::State::check_early_read(const Seen& seen, const Cell& cell) {
  if (chain_begin == 0 || seen.is_shared || seen.is_write || !(seen.is_early || seen.is_lasting)) return;
  if (cell.write.block() >= chain_begin) findings.tell_early_read(seen, cell.write);
}

bool Checker::State::is_within(const Seen& seen) {
  if (reinterpret_cast<uintptr_t>(seen.address) % std::min(seen.bytes, 16u) != 0) {
    findings.tell_access("misaligned", seen, "of a wide value at an address it does not fit");
    return false;
  }
  if (seen.is_shared) {
    if (is_within_shared(size_t(seen.address - arena.shared()), seen.bytes)) return true;
    findings.tell_access(
        "out-of-bounds", seen,
        "beyond shared memory, of which the block has " + std::to_string(shared_bytes) + " bytes");
    return false;
  }
  if (arena.is_constant(seen.address, seen.bytes)) return true;
  const Arena::Allocation* found = arena.find(seen.address);
  if (found && is_ours(*found) && found->holds(seen.address, seen.bytes)) return true;
  if (!arena.holds(seen.address)) {
    findings.tell_access("host-pointer", seen, "of memory of the host");
  } else if (found && found->is_freed) {
    findings.tell_access("use-after-free", seen, "of memory that was freed");
  } else if (found && !is_ours(*found)) {
    findings.tell_access("other-device", seen, "of memory of another device");
  } else {
    findings.tell_access("out-of-bounds", seen,
                         found ? "beyond an allocation" : "where nothing was allocated");
  }
  return false;
}

bool Checker::State::are_within(const std::byte* first, size_t bytes) {
  if (is_shared(first, bytes)) return is_within_shared(size_t(first - arena.shared()), bytes);
  const Arena::Allocation* found = arena.find(first);
  if (!found || !is_ours(*found) || !found->holds(first, bytes)) return false;
  arena.touch(first, bytes);
  return true;
}

bool Checker::State::are_never_written(const std::byte* first, size_t bytes) const {
  if (is_shared(first, bytes)) return false;
  const size_t last = arena.page_of(first + bytes - 1);
  for (size_t page = arena.page_of(first); page <= last; page++) {
    if (shadow.cells(page)) return false;
  }
  return true;
}

// Of the page, as an access never crosses one. Null: nothing needs to be known of it.
Cell* Checker::State::cells_of(const Seen& seen) {
  const size_t page = arena.page_of(seen.address);
  if (seen.is_shared) return &shared_cells[page * Shadow::kCells];
  return seen.is_write ? shadow.make_cells(page) : shadow.cells(page);
}

bool Checker::State::access(const Seen& seen) {
  if (!is_within(seen)) return false;
  if (!seen.is_shared) arena.touch(seen.address, seen.bytes);
  check_early_write(seen);
  if (!checks_order) return true;
  if (Cell* cells = cells_of(seen)) check(seen, cells);
  return true;
}

// Shared memory of another block is another memory.
inline bool Checker::State::is_old(const Seen& seen, AccessRecord record) const {
  if (record.block() == order.block()) return order.is_before(record, seen.thread());
  return seen.is_shared || !record || order.is_before(record, seen.thread());
}

// A third reader beside two that are not ordered with it is let go, unless it is of another warp than both.
inline void Checker::State::keep_read(const Seen& seen, Cell& cell) {
  const AccessRecord first = cell.reads[0], second = cell.reads[1];
  if (first == seen.record || second == seen.record) return;
  if (is_old(seen, first)) {
    cell.set_read(0, seen.record, seen.pc);
  } else if (is_old(seen, second) || (first.warp() != seen.record.warp() && first.warp() == second.warp())) {
    cell.set_read(1, seen.record, seen.pc);
  }
}

void Checker::State::check_write_before(const Seen& seen, const Cell& cell) {
  const AccessRecord write = cell.write;
  if (seen.is_shared && (!write || write.block() != order.block())) {
    if (!seen.is_write || seen.is_update) {
      findings.tell_access("uninitialised", seen, "of shared memory that nothing was written to");
    }
  } else if (write.is_async()) {
    findings.tell_async(seen, write, cell.write_pc());
  } else if (!(seen.is_atomic && write.is_atomic()) && !is_old(seen, write)) {
    findings.tell_race(seen, write, cell.write_pc(), true);
  }
}

inline void Checker::State::check_cell(const Seen& seen, Cell& cell) {
  check_early_read(seen, cell);
  const AccessRecord write = cell.write;
  const bool is_plain =
      write.block() == order.block() && !write.is_async() && order.is_before(write, seen.thread());
  if (!is_plain && (write || seen.is_shared)) check_write_before(seen, cell);
  if (!seen.is_write) return keep_read(seen, cell);
  for (int which = 0; which < 2; which++) {
    const AccessRecord read = cell.reads[size_t(which)];
    const bool are_atomic = seen.is_atomic && read.is_atomic();
    if (read && !are_atomic && !is_old(seen, read))
      findings.tell_race(seen, read, cell.read_pc(which), false);
  }
  cell.set_write(seen.record, seen.pc);
}

template <typename Body>
void Checker::State::for_parts(Cell& cell, size_t bytes, size_t begin, size_t end, Body body) {
  if (begin == 0 && end == bytes && !cell.is_split()) return body(cell);
  Shadow::Parts& parts = shadow.split(cell);
  const size_t half = bytes / 2;
  if (begin < half) for_parts(parts[0], half, begin, std::min(end, half), body);
  if (end > half) for_parts(parts[1], half, std::max(begin, half) - half, end - half, body);
}

// Nothing that a part holds can be in anybody's way any more.
bool Checker::State::are_settled(const Seen& seen, const Cell& part) const {
  if (part.is_split() || part.write.is_async() || !order.is_settled(part.write)) return false;
  if (seen.is_shared && part.write.block() != order.block()) return false;
  return order.is_settled(part.reads[0]) && order.is_settled(part.reads[1]);
}

void Checker::State::check_part(const Seen& seen, Cell& cell, size_t bytes, size_t begin, size_t end) {
  const bool is_whole = begin == 0 && end == bytes;
  if (is_whole && cell.is_split()) {  // what was written in parts may be one again
    const Shadow::Parts& parts = shadow.parts_of(cell);
    if (are_settled(seen, parts[0]) && are_settled(seen, parts[1])) {
      const Cell part = parts[0];
      shadow.join(cell);
      cell.set_write(part.write, part.write_pc());
    }
  }
  for_parts(cell, bytes, begin, end, [&](Cell& part) { check_cell(seen, part); });
  if (!is_whole || !seen.is_write || !cell.is_split()) return;
  shadow.join(cell);
  cell.set_write(seen.record, seen.pc);
}

inline void Checker::State::check(const Seen& seen, Cell* cells) {
  const size_t within = reinterpret_cast<uintptr_t>(seen.address) % Arena::kPageBytes;
  if (seen.bytes < 4) return check_part(seen, cells[within / 4], 4, within % 4, within % 4 + seen.bytes);
  for (Cell* cell = cells + within / 4; cell < cells + (within + seen.bytes) / 4; cell++) {
    if (cell->is_split()) {
      check_part(seen, *cell, 4, 0, 4);
    } else {
      check_cell(seen, *cell);
    }
  }
}

// ---- the interface

Checker& Checker::instance() {
  static Checker& checker = *new Checker();
  return checker;
}

Checker::Checker() : state_(std::make_unique<State>()) {}

void Checker::set_device(int device) {
  state_->device = device;
}

uint32_t Checker::next_block() const {
  return state_->order.block() + 1;
}

void Checker::begin_launch(std::string_view kernel, std::function<std::string(uint32_t)> describe,
                           const Chain* chain) {
  state_->order.begin_launch();
  state_->chain_begin = !chain ? 0 : chain->first_block <= state_->order.block() ? chain->first_block : 1;
  state_->findings.begin_launch(kernel, std::move(describe), state_->order.first_block_of_launch());
}

void Checker::begin_block(Dim3 index, int warps, uint32_t shared_bytes) {
  State& state = *state_;
  if (state.order.block() == AccessRecord::kMostBlocks) {  // blocks are counted anew; what was known is lost
    state.shadow.forget_all();
    state.shared_cells.assign(state.shared_cells.size(), Cell{});
    state.order.begin_count();
    state.findings.begin_count();
    state.chain_begin = std::min(state.chain_begin, 1u);
  }
  state.order.begin_block(warps);
  state.findings.begin_block(index);
  state.shared_bytes = shared_bytes;
  state.forbidden.clear();
}

void Checker::forbid_shared(uint32_t begin, uint32_t bytes) {
  state_->forbidden.push_back({begin, begin + bytes});
}

void Checker::tell_unwaited(uint32_t pc) {
  state_->findings.tell_unwaited(pc);
}

void Checker::end_block() {}

bool Checker::end_launch() {
  state_->findings.end_launch();
  return state_->findings.are_none();
}

bool Checker::access(const Site& site, const void* address, uint32_t bytes, bool is_write, bool is_atomic) {
  WarpAccess access{site.warp, site.pc, 0, nullptr, bytes, is_write, is_atomic, is_write && is_atomic};
  access.early = site.is_early ? 1u << site.lane : 0;
  return state_->access(state_->seen_by(site.warp, site.lane, access, address));
}

uint32_t Checker::access(const WarpAccess& access) {
  if (access.lanes == 0) return 0;
  State& state = *state_;
  uint64_t lowest = ~uint64_t{0}, highest = 0, bits = 0;
  const auto include = [&](uint64_t address) {
    lowest = std::min(lowest, address);
    highest = std::max(highest, address);
    bits |= address;
  };
  if (access.lanes == ~0u) {
    for (int lane = 0; lane < 32; lane++) include(access.addresses[lane]);
  } else {
    for (uint32_t left = access.lanes; left; left &= left - 1) include(access.addresses[__builtin_ctz(left)]);
  }
  // Where all lanes read or write in one allocation, bounds are looked at once; and what no kernel wrote, as
  // weights, is read without looking closer.
  const auto* first = reinterpret_cast<const std::byte*>(lowest);
  const size_t span = size_t(highest - lowest) + access.bytes;
  const bool fits =
      span <= size_t{64} << 10 && bits % std::min(access.bytes, 16u) == 0 && state.are_within(first, span);
  const bool may_be_early = access.is_write && (access.lanes & access.early);
  if (fits && !state.checks_order && !may_be_early) return access.lanes;
  if (fits && !access.is_write && state.are_never_written(first, span)) return access.lanes;
  uint32_t allowed = 0;
  Seen seen = state.seen_by(access.warp, 0, access, first);
  for (uint32_t left = access.lanes; left; left &= left - 1) {
    const int lane = __builtin_ctz(left);
    const auto* address = reinterpret_cast<const std::byte*>(access.addresses[lane]);
    if (!fits) {
      if (state.access(state.seen_by(access.warp, lane, access, address))) allowed |= 1u << lane;
      continue;
    }
    seen.record = AccessRecord(state.order.block(), state.order.clock(access.warp), access.warp * 32 + lane,
                               access.is_atomic, false);
    seen.address = address;
    seen.is_early = access.early >> lane & 1;
    state.check_early_write(seen);
    allowed |= 1u << lane;
    if (!state.checks_order) continue;
    if (Cell* cells = state.cells_of(seen)) state.check(seen, cells);
  }
  return allowed;
}

bool Checker::begin_async_write(const Site& site, void* address, uint32_t bytes) {
  State& state = *state_;
  Seen seen = state.seen_by(site.warp, site.lane, {site.warp, site.pc, 0, nullptr, bytes, true}, address);
  seen.record = AccessRecord(state.order.block(), state.order.clock(site.warp), seen.thread(), false, true);
  return state.access(seen);
}

void Checker::end_async_write(const Site& site, void* address, uint32_t bytes) {
  State& state = *state_;
  if (!state.checks_order) return;
  const Seen seen =
      state.seen_by(site.warp, site.lane, {site.warp, site.pc, 0, nullptr, bytes, true}, address);
  const size_t within = reinterpret_cast<uintptr_t>(address) % Arena::kPageBytes;
  Cell* cells = state.cells_of(seen);
  for (size_t at = within / 4; at < (within + bytes) / 4; at++) {
    state.for_parts(cells[at], 4, 0, 4, [&](Cell& cell) {
      const bool is_ours = cell.write.is_async() && cell.write.thread() == seen.thread();
      if (is_ours) cell.set_write(seen.record, cell.write_pc());
    });
  }
}

void Checker::block_barrier(uint64_t warps) {
  state_->order.block_barrier(warps);
}
void Checker::warp_barrier(int warp) {
  state_->order.warp_barrier(warp);
}
void Checker::fence(int warp, uint32_t lanes) {
  state_->order.fence(warp, lanes);
}
void Checker::synchronize(const Site& site, const void* address, bool acquires, bool releases) {
  state_->order.synchronize(site.warp * 32 + site.lane, reinterpret_cast<uint64_t>(address), acquires,
                            releases);
}

}  // namespace quern::emulator
