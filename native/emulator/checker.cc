// Bounds and alignment of every access; then, word by word, whether it is ordered after what its cell holds.
// QUERN_EMULATOR_CHECK=bounds leaves the second out.
#include "emulator/checker.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <unordered_set>
#include <vector>

#include "emulator/arena.h"
#include "emulator/happens_before.h"
#include "emulator/report.h"
#include "emulator/shadow.h"

namespace quern::emulator {
namespace {

struct Range {
  uint32_t begin = 0, end = 0;
};

// An access as the cells see it.
struct Seen {
  AccessRecord record;
  uint32_t pc = 0, bytes = 0;
  int thread = 0;
  const std::byte* address = nullptr;
  bool is_write = false, is_atomic = false, is_shared = false;
};

std::string numbered(const char* what, uint64_t number) {
  return what + std::to_string(number);
}

}  // namespace

struct Checker::State {
  Arena& arena = Arena::instance();
  Shadow shadow;
  HappensBefore order;
  const bool checks_order;

  int device = 0;
  std::string kernel;
  std::function<std::string(uint32_t)> describe;
  std::vector<Dim3> blocks;  // of this launch, in the order they ran
  uint32_t shared_bytes = 0;
  std::vector<Range> forbidden;
  std::unordered_set<uint64_t> told;  // what was reported of this launch
  bool has_found = false;
  std::vector<Cell> shared_cells;

  State();

  // ---- reports
  bool is_news(char kind, uint32_t pc, uint32_t other_pc) {
    has_found = true;
    return told.insert(uint64_t(pc) << 29 | uint64_t(other_pc) << 8 | uint8_t(kind)).second;
  }
  std::string block_name(uint32_t block) const;
  std::string who(int thread, uint32_t block) const {
    return numbered("thread ", uint64_t(thread)) + " of block " + block_name(block);
  }
  std::string place(const Seen& seen) const;
  void tell(const char* kind, const std::string& text, const std::string& places) {
    report({kind, kernel, text, places});
  }
  void tell_access(const char* kind, char code, const Seen& seen, const std::string& what);
  void tell_race(const Seen& seen, AccessRecord other, uint32_t other_pc, bool other_writes);
  void tell_async(const Seen& seen, AccessRecord other, uint32_t other_pc);

  // ---- accesses
  Seen seen_by(int warp, int lane, uint32_t pc, const void* address, uint32_t bytes, bool writes,
               bool atomic) const;
  bool is_within(const Seen& seen);  // its place may be touched; else it was reported
  void check_cells(const Seen& seen, Cell* cells);
  void check_cell(const Seen& seen, Cell& cell);
  void keep_read(const Seen& seen, Cell& cell);
  Cell* cells_of(const Seen& seen);
  bool access(const Seen& seen);
  // Does something to the cell, or to all the cells of bytes, that an access covers.
  template <typename Body>
  void for_cells(const Seen& seen, Cell* cells, Body body);
};

Checker::State::State()
    : checks_order([] {
        const char* text = std::getenv("QUERN_EMULATOR_CHECK");
        return !text || std::strcmp(text, "bounds") != 0;
      }()),
      shared_cells(Arena::kSharedBytes / 4) {
  arena.on_release([this](size_t first, size_t end) { shadow.forget_pages(first, end); });
}

std::string Checker::State::block_name(uint32_t block) const {
  const uint32_t index = block - order.first_block_of_launch();
  if (index >= blocks.size()) return "?";
  const Dim3& at = blocks[index];
  return "(" + std::to_string(at.x) + ", " + std::to_string(at.y) + ", " + std::to_string(at.z) + ")";
}

// "4 bytes of shared memory at 128", "… at 16 of an allocation of 4096".
std::string Checker::State::place(const Seen& seen) const {
  const std::string bytes = std::to_string(seen.bytes) + (seen.bytes == 1 ? " byte" : " bytes");
  if (seen.is_shared) return bytes + " of shared memory at " + std::to_string(seen.address - arena.shared());
  const Arena::Allocation* found = arena.find(seen.address);
  if (!found) return bytes + (arena.holds(seen.address) ? " of the device" : " of the host");
  return bytes + " at " + std::to_string(seen.address - found->begin) + " of an allocation of " +
         std::to_string(found->bytes);
}

void Checker::State::tell_access(const char* kind, char code, const Seen& seen, const std::string& what) {
  if (!is_news(code, seen.pc, 0)) return;
  const std::string at = describe(seen.pc);
  tell(kind, at + ": " + what + " (" + place(seen) + ", " + who(seen.thread, order.block()) + ")", at);
}

void Checker::State::tell_race(const Seen& seen, AccessRecord other, uint32_t other_pc, bool other_writes) {
  const char code = seen.is_write ? other_writes ? 'w' : 'r' : 'R';
  if (!is_news(code, seen.pc, other_pc)) return;
  const std::string at = describe(seen.pc), other_at = describe(other_pc);
  tell("race",
       at + ": a " + (seen.is_write ? "write" : "read") + " of " + place(seen) + " by " +
           who(seen.thread, order.block()) + " is not ordered after the " +
           (other_writes ? "write" : "read") + " at " + other_at + " by " +
           who(other.thread(), other.block()),
       at + " " + other_at);
}

void Checker::State::tell_async(const Seen& seen, AccessRecord other, uint32_t other_pc) {
  if (!is_news('a', seen.pc, other_pc)) return;
  const std::string at = describe(seen.pc), other_at = describe(other_pc);
  tell("async",
       at + ": a " + (seen.is_write ? "write" : "read") + " of " + place(seen) + " by " +
           who(seen.thread, order.block()) + " before the copy at " + other_at + " by " +
           who(other.thread(), other.block()) + " was waited for",
       at + " " + other_at);
}

Seen Checker::State::seen_by(int warp, int lane, uint32_t pc, const void* address, uint32_t bytes,
                             bool writes, bool atomic) const {
  const auto* at = static_cast<const std::byte*>(address);
  const bool is_shared = at >= arena.shared() && at < arena.shared() + Arena::kSharedBytes;
  const int thread = warp * 32 + lane;
  return {AccessRecord(order.block(), order.clock(warp), thread, atomic, false),
          pc,
          bytes,
          thread,
          at,
          writes || atomic,
          atomic,
          is_shared};
}

bool Checker::State::is_within(const Seen& seen) {
  const char* doing = seen.is_write ? "a write" : "a read";
  if (reinterpret_cast<uintptr_t>(seen.address) % std::min(seen.bytes, 16u) != 0) {
    tell_access("misaligned", 'm', seen,
                std::string(doing) + " of a wide value at an address it does not fit");
    return false;
  }
  if (seen.is_shared) {
    const auto at = uint64_t(seen.address - arena.shared());
    const bool is_forbidden = std::any_of(forbidden.begin(), forbidden.end(), [&](const Range& gap) {
      return at < gap.end && at + seen.bytes > gap.begin;
    });
    if (at + seen.bytes <= shared_bytes && !is_forbidden) return true;
    tell_access("out-of-bounds", 'o', seen,
                std::string(doing) + " beyond shared memory, of which the block has " +
                    std::to_string(shared_bytes) + " bytes");
    return false;
  }
  if (arena.is_constant(seen.address, seen.bytes)) return true;
  const Arena::Allocation* found = arena.find(seen.address);
  const bool is_elsewhere = found && found->device != device && found->device != Arena::kHost;
  if (found && !found->is_freed && found->holds(seen.address, seen.bytes) && !is_elsewhere) return true;
  if (is_elsewhere) {
    tell_access("other-device", 'd', seen, std::string(doing) + " of memory of another device");
  } else if (found && found->is_freed) {
    tell_access("use-after-free", 'f', seen, std::string(doing) + " of memory that was freed");
  } else if (!arena.holds(seen.address)) {
    tell_access("host-pointer", 'h', seen, std::string(doing) + " of memory of the host");
  } else {
    tell_access("out-of-bounds", 'o', seen,
                std::string(doing) + (found ? " beyond an allocation" : " where nothing was allocated"));
  }
  return false;
}

// A third reader beside two that are not ordered with it is let go, unless it is of another warp than both.
void Checker::State::keep_read(const Seen& seen, Cell& cell) {
  const auto is_free = [&](AccessRecord read) {
    return !read || (seen.is_shared && read.block() != order.block()) || order.is_before(read, seen.thread);
  };
  if (is_free(cell.reads[0])) {
    cell.set_read(0, seen.record, seen.pc);
  } else if (is_free(cell.reads[1]) ||
             (cell.reads[0].warp() != seen.thread >> 5 && cell.reads[0].warp() == cell.reads[1].warp())) {
    cell.set_read(1, seen.record, seen.pc);
  }
}

void Checker::State::check_cell(const Seen& seen, Cell& cell) {
  const AccessRecord write = cell.write;
  const bool is_of_block = write && write.block() == order.block();
  if (seen.is_shared && !is_of_block) {
    if (!seen.is_write || seen.is_atomic) {
      tell_access("uninitialised", 'u', seen, "a read of shared memory that nothing was written to");
    }
  } else if (write && write.is_async()) {
    tell_async(seen, write, cell.write_pc());
  } else if (write && !(seen.is_atomic && write.is_atomic()) && !order.is_before(write, seen.thread)) {
    tell_race(seen, write, cell.write_pc(), true);
  }
  if (!seen.is_write) return keep_read(seen, cell);
  for (int which = 0; which < 2; which++) {
    const AccessRecord read = cell.reads[size_t(which)];
    if (!read || (seen.is_shared && read.block() != order.block())) continue;
    if (!order.is_before(read, seen.thread)) tell_race(seen, read, cell.read_pc(which), false);
  }
  cell.set_write(seen.record, seen.pc);
}

template <typename Body>
void Checker::State::for_cells(const Seen& seen, Cell* cells, Body body) {
  const size_t within = reinterpret_cast<uintptr_t>(seen.address) % Arena::kPageBytes;
  if (seen.bytes < 4) {
    Cell& cell = cells[within / 4];
    Shadow::Bytes& bytes = shadow.split(cell);
    for (size_t at = within % 4; at < within % 4 + seen.bytes; at++) body(bytes[at]);
    return;
  }
  for (Cell* cell = cells + within / 4; cell < cells + (within + seen.bytes) / 4; cell++) {
    if (!cell->is_split()) {
      body(*cell);
      continue;
    }
    for (Cell& byte : shadow.bytes_of(*cell)) body(byte);
    if (!seen.is_write) continue;
    const Cell whole = shadow.bytes_of(*cell)[0];
    shadow.join(*cell);
    *cell = whole;
  }
}

void Checker::State::check_cells(const Seen& seen, Cell* cells) {
  for_cells(seen, cells, [&](Cell& cell) { check_cell(seen, cell); });
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
  if (!checks_order) return true;
  Cell* cells = cells_of(seen);
  if (cells) check_cells(seen, cells);
  return true;
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

void Checker::begin_launch(std::string_view kernel, std::function<std::string(uint32_t)> describe) {
  State& state = *state_;
  state.kernel = kernel;
  state.describe = std::move(describe);
  state.blocks.clear();
  state.told.clear();
  state.has_found = false;
  state.order.begin_launch();
}

void Checker::begin_block(Dim3 index, int warps, uint32_t shared_bytes) {
  State& state = *state_;
  uint32_t block = state.order.block() + 1;
  if (block > AccessRecord::kMostBlocks) {  // what was known is forgotten
    state.shadow.forget_all();
    state.shared_cells.assign(state.shared_cells.size(), Cell{});
    state.blocks.clear();
    block = 1;
  }
  state.order.begin_block(block, warps);
  state.blocks.push_back(index);
  state.shared_bytes = shared_bytes;
  state.forbidden.clear();
  std::memset(state.arena.shared(), 0xff, shared_bytes);
}

void Checker::forbid_shared(uint32_t begin, uint32_t bytes) {
  state_->forbidden.push_back({begin, begin + bytes});
}

void Checker::end_block() {}

bool Checker::end_launch() {
  state_->describe = nullptr;
  return !state_->has_found;
}

bool Checker::access(const Site& site, const void* address, uint32_t bytes, bool is_write, bool is_atomic) {
  return state_->access(state_->seen_by(site.warp, site.lane, site.pc, address, bytes, is_write, is_atomic));
}

uint32_t Checker::access(const WarpAccess& access) {
  State& state = *state_;
  uint64_t lowest = ~uint64_t{0}, highest = 0, bits = 0;
  for (uint32_t left = access.lanes; left; left &= left - 1) {
    const uint64_t address = access.addresses[__builtin_ctz(left)];
    lowest = std::min(lowest, address);
    highest = std::max(highest, address);
    bits |= address;
  }
  if (access.lanes == 0) return 0;
  const auto* first = reinterpret_cast<const std::byte*>(lowest);
  const size_t span = size_t(highest - lowest) + access.bytes;
  // What lies in one page that no kernel wrote, as weights do, is read without looking closer.
  const bool is_near =
      (lowest ^ (lowest + span - 1)) < Arena::kPageBytes && bits % std::min(access.bytes, 16u) == 0;
  if (is_near && !access.is_write && !access.is_atomic && state.arena.holds(first)) {
    const Arena::Allocation* found = state.arena.find(first);
    if (found && !found->is_freed && found->holds(first, span) &&
        (found->device == state.device || found->device == Arena::kHost) &&
        (!state.checks_order || !state.shadow.cells(state.arena.page_of(first)))) {
      state.arena.touch(first, span);
      return access.lanes;
    }
  }
  uint32_t allowed = 0;
  for (uint32_t left = access.lanes; left; left &= left - 1) {
    const int lane = __builtin_ctz(left);
    const auto* address = reinterpret_cast<const void*>(access.addresses[lane]);
    const Seen seen =
        state.seen_by(access.warp, lane, access.pc, address, access.bytes, access.is_write, access.is_atomic);
    if (state.access(seen)) allowed |= 1u << lane;
  }
  return allowed;
}

bool Checker::begin_async_write(const Site& site, void* address, uint32_t bytes) {
  State& state = *state_;
  Seen seen = state.seen_by(site.warp, site.lane, site.pc, address, bytes, true, false);
  seen.record = AccessRecord(state.order.block(), state.order.clock(site.warp), seen.thread, false, true);
  return state.access(seen);
}

void Checker::end_async_write(const Site& site, void* address, uint32_t bytes) {
  State& state = *state_;
  if (!state.checks_order) return;
  const Seen seen = state.seen_by(site.warp, site.lane, site.pc, address, bytes, true, false);
  state.for_cells(seen, state.cells_of(seen), [&](Cell& cell) {
    if (cell.write.is_async() && cell.write.thread() == seen.thread)
      cell.set_write(seen.record, cell.write_pc());
  });
}

void Checker::block_barrier(uint64_t warps) {
  state_->order.block_barrier(warps);
}
void Checker::warp_barrier(int warp) {
  state_->order.warp_barrier(warp);
}
void Checker::fence(const Site& site) {
  state_->order.fence(site.warp, 1u << site.lane);
}
void Checker::fence(int warp, uint32_t lanes) {
  state_->order.fence(warp, lanes);
}
void Checker::synchronize(const Site& site, const void* address, bool acquires, bool releases) {
  state_->order.synchronize(site.warp * 32 + site.lane, reinterpret_cast<uint64_t>(address), acquires,
                            releases);
}

}  // namespace quern::emulator
