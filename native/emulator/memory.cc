// Addresses, checks and counts of the accesses of a warp.
#include "emulator/memory.h"

#include <algorithm>

#include "emulator/arena.h"

namespace quern::emulator {

Manners take_manners(Form& form, bool* space_is_parameter) {
  Manners manners;
  const std::string_view space = form.take_one(
      {"global", "shared", "shared::cta", "local", "const", "param", "param::entry", "param::func"});
  if (space == "global") manners.space = MemorySpace::global;
  if (space.starts_with("shared")) manners.space = MemorySpace::shared;
  if (space == "local") manners.space = MemorySpace::local;
  if (space == "const") manners.space = MemorySpace::constant;
  if (space.starts_with("param")) {
    if (!space_is_parameter) form.unsupported();
    *space_is_parameter = true;
  }
  const bool does_both = form.take("acq_rel");
  manners.acquires = does_both || form.take("acquire");
  manners.releases = does_both || form.take("release");
  if (form.take_one({"volatile", "relaxed", "mmio"}) != "") manners.is_strong = true;
  if (manners.acquires || manners.releases) manners.is_strong = true;
  form.take("weak");
  form.take_one({"cta", "gpu", "sys", "cluster"});
  manners.is_lasting = form.take("nc");
  form.take_one({"ca", "cg", "cs", "lu", "cv", "wb", "wt"});
  form.take_one(
      {"L1::no_allocate", "L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last"});
  form.take_one({"L2::evict_first", "L2::evict_last", "L2::evict_normal"});
  form.take("L2::cache_hint");
  form.take_one({"L2::64B", "L2::128B", "L2::256B"});
  return manners;
}

uint8_t access_kind(const Manners& manners) {
  return static_cast<uint8_t>((manners.is_strong ? kIsStrong : 0) | (manners.acquires ? kAcquires : 0) |
                              (manners.releases ? kReleases : 0) | (manners.is_lasting ? kIsLasting : 0));
}

const std::byte* fixed_address(Form& form, const ptx::Operand& address) {
  const ptx::Operand& base = address.parts[0];
  if (base.kind != ptx::Operand::Kind::variable || !form.decoder.is_kernel_parameter(base.index))
    return nullptr;
  return form.decoder.kernel.parameters + form.decoder.parameter_offset(base.index) + address.offset;
}

void fill_address(Form& form, const ptx::Operand& address, MemorySpace space) {
  if (address.kind != ptx::Operand::Kind::memory) form.unsupported("an operand that is no address");
  const ptx::Operand& base = address.parts[0];
  form.out.space = static_cast<uint8_t>(space);
  form.out.offset = address.offset;
  const bool is_variable = base.kind == ptx::Operand::Kind::variable;
  if (is_variable && !form.decoder.variable(base.index, 64, 0)) {  // of each lane
    const ptx::Instruction move{"mov.b64", {"mov", "b64"}, {}, -1, false, 0};
    Form first(form.decoder, move);
    first.out.d = form.decoder.scratch(64);
    first.out.offset = form.decoder.slot(base.index).offset + base.offset;
    first.out.run = local_address;
    form.decoder.emit(first.out);
    form.out.a = first.out.d;
    return;
  }
  const uint32_t bits = form.width(base, space == MemorySpace::shared ? 32 : 64);
  form.out.a = form.read(base, bits);
  if (bits == 32) form.out.kind |= kAddressIs32Bits;
}

void resolve(Warp& warp, const Instruction& i, uint32_t lanes, uint32_t bytes, Access& access) {
  access.lanes = lanes;
  const auto offset = static_cast<uint64_t>(i.offset);
  if (i.kind & kAddressIs32Bits) {
    const auto* a = warp.at<uint32_t>(i.a);
    for (int l = 0; l < kLanes; ++l) access.addresses[l] = a[l] + offset;
  } else {
    const auto* a = warp.at<uint64_t>(i.a);
    for (int l = 0; l < kLanes; ++l) access.addresses[l] = a[l] + offset;
  }
  if (static_cast<MemorySpace>(i.space) != MemorySpace::shared) return;
  const auto base = reinterpret_cast<uint64_t>(warp.block->shared);
  uint64_t highest = 0;
  for (int l = 0; l < kLanes; ++l) {
    const uint64_t at = access.addresses[l] & 0xffffffff;
    access.addresses[l] = base + at;
    highest = std::max(highest, lanes >> l & 1 ? at : 0);
  }
  // What is in the arena's shared memory, and beyond the block's, the checker sees.
  const uint64_t end = warp.block->is_checked ? Arena::kSharedBytes : warp.block->shared_bytes;
  if (highest + bytes <= end) return;
  each_lane(lanes, [&](int l) {
    const uint64_t at = access.addresses[l] - base;
    if (at + bytes <= end) return;
    access.lanes &= ~(1u << l);
    if (warp.has_stopped) return;
    warp.fault("out-of-bounds", i,
               "an access of " + std::to_string(bytes) + " bytes at " + std::to_string(at) +
                   " of shared memory, which has " + std::to_string(warp.block->shared_bytes) + " bytes",
               l);
  });
}

namespace {

// The lanes whose addresses are of their own local memory; another lane's, or beyond one's own, is a fault.
uint32_t local_lanes(Warp& warp, const Instruction& i, uint32_t bytes, Access& access) {
  const auto begin = reinterpret_cast<uint64_t>(warp.local);
  const uint64_t size = uint64_t{kLanes} * warp.local_stride;
  const bool must_be = static_cast<MemorySpace>(i.space) == MemorySpace::local;
  uint32_t local = 0;
  each_lane(access.lanes, [&](int l) {
    const uint64_t at = access.addresses[l] - begin;
    if (at >= size && !must_be) return;
    local |= 1u << l;
    const uint64_t own = at - static_cast<uint64_t>(l) * warp.local_stride;
    if (own + bytes <= warp.local_stride && at + bytes <= size) {
      if (access.addresses[l] % std::min(bytes, 16u) == 0) return;
      access.lanes &= ~(1u << l);
      if (!warp.has_stopped)
        warp.fault("misaligned", i, "an access of " + std::to_string(bytes) + " bytes of local memory", l);
      return;
    }
    access.lanes &= ~(1u << l);
    if (!warp.has_stopped) warp.fault("out-of-bounds", i, "an access outside the thread's local memory", l);
  });
  warp.block->counters.local_accesses += static_cast<uint64_t>(std::popcount(local));
  return local;
}

}  // namespace

// Without the checker: what is not in the arena at all is still not touched.
void keep_in_arena(Warp& warp, const Instruction& i, uint32_t lanes, uint32_t bytes, Access& access) {
  const Arena& arena = Arena::instance();
  each_lane(lanes, [&](int l) {
    const auto* at = reinterpret_cast<const std::byte*>(access.addresses[l]);
    if (arena.holds(at) && arena.holds(at + bytes)) return;
    access.lanes &= ~(1u << l);
    if (!warp.has_stopped) warp.fault("out-of-bounds", i, "an access outside the device", l);
  });
}

void prepare(Warp& warp, const Instruction& i, uint32_t lanes, uint32_t bytes, bool is_write, bool is_atomic,
             Access& access) {
  resolve(warp, i, lanes, bytes, access);
  Block& block = *warp.block;
  const auto space = static_cast<MemorySpace>(i.space);
  uint32_t local = 0;
  if (warp.local_stride && (space == MemorySpace::local || space == MemorySpace::generic)) {
    local = local_lanes(warp, i, bytes, access);
  }
  const uint32_t others = access.lanes & ~local;
  if (!others) return;
  if (block.is_checked) {
    Checker& checker = Checker::instance();
    const bool is_strong = is_atomic || i.kind & (kIsStrong | kAcquires | kReleases);
    if (is_strong) {  // it publishes what its thread fenced before, and acquires what others published here
      if (i.kind & kReleases) checker.fence(warp.index, others);
      each_lane(others, [&](int l) {
        checker.synchronize({warp.index, l, warp.pc_of(i)},
                            reinterpret_cast<const void*>(access.addresses[l]), is_atomic || !is_write,
                            is_atomic || is_write);
      });
    }
    WarpAccess told;
    told.warp = warp.index;
    told.pc = warp.pc_of(i);
    told.lanes = others;
    told.addresses = access.addresses;
    told.bytes = bytes;
    told.is_write = is_write;
    told.is_atomic = is_strong;
    told.is_update = is_atomic;
    told.early = others & ~warp.waited;
    told.is_lasting = i.kind & kIsLasting;
    const uint32_t allowed = checker.access(told);
    if (allowed != others) {
      warp.has_stopped = true;
      access.lanes = (access.lanes & local) | allowed;
    }
  }
  if (!block.is_checked) keep_in_arena(warp, i, others, bytes, access);
  Access counted = access;
  counted.lanes &= others;
  const bool is_shared = space == MemorySpace::shared || (space == MemorySpace::generic && counted.lanes &&
                                                          counted.addresses[std::countr_zero(counted.lanes)] -
                                                                  reinterpret_cast<uint64_t>(block.shared) <
                                                              Arena::kSharedBytes);
  if (is_shared) return count_shared(block.counters, counted, bytes);
  if (space == MemorySpace::constant) return;
  count_global(block.counters, counted, bytes, is_write);
  const auto early = static_cast<uint64_t>(std::popcount(counted.lanes & ~warp.waited));
  if (!is_write) block.counters.early_bytes_read += early * bytes;
}

namespace {

// All lanes access bytes that follow each other, lane by lane.
bool is_row(const Access& access, uint32_t bytes) {
  if (access.lanes != kAllLanes) return false;
  uint64_t other = 0;
  const uint64_t expected = access.addresses[0];
  for (int l = 0; l < kLanes; ++l)
    other |= access.addresses[l] ^ (expected + static_cast<uint64_t>(l) * bytes);
  return other == 0;
}

}  // namespace

void count_global(Counters& counters, const Access& access, uint32_t bytes, bool is_write) {
  constexpr uint64_t kSector = 32;
  const auto lanes = static_cast<uint64_t>(std::popcount(access.lanes));
  (is_write ? counters.global_bytes_written : counters.global_bytes_read) += lanes * bytes;
  if (is_row(access, bytes)) {
    const uint64_t begin = access.addresses[0], end = begin + uint64_t{kLanes} * bytes;
    counters.global_sectors += (end - 1) / kSector - begin / kSector + 1;
    counters.global_ideal_sectors += (uint64_t{kLanes} * bytes + kSector - 1) / kSector;
    return;
  }
  uint64_t sectors[kLanes * 2];
  size_t count = 0;
  uint64_t newest = ~uint64_t{0}, begin = ~uint64_t{0}, end = 0;
  each_lane(access.lanes, [&](int l) {
    begin = std::min(begin, access.addresses[l]);
    end = std::max(end, access.addresses[l] + bytes);
    for (uint64_t sector = access.addresses[l] / kSector;
         sector <= (access.addresses[l] + bytes - 1) / kSector; ++sector) {
      if (sector == newest) continue;
      newest = sector;
      if (std::find(sectors, sectors + count, sector) == sectors + count) sectors[count++] = sector;
    }
  });
  counters.global_sectors += count;
  // Lanes that read the same need it once.
  const uint64_t needed = std::min(lanes * bytes, end > begin ? end - begin : 0);
  counters.global_ideal_sectors += std::min<uint64_t>(count, (needed + kSector - 1) / kSector);
}

void count_shared(Counters& counters, const Access& access, uint32_t bytes) {
  if (is_row(access, bytes)) return;
  // Whole warps for up to 4 bytes a lane, halves for 8, quarters for 16: each moves at most one word a bank.
  const int group = bytes >= 16 ? 8 : bytes == 8 ? 16 : 32;
  for (int first = 0; first < kLanes; first += group) {
    const uint32_t lanes = access.lanes >> first & (group == 32 ? kAllLanes : (1u << group) - 1);
    if (!lanes) continue;
    uint64_t words[kLanes][kLanes];  // distinct ones, by bank
    uint8_t counts[kLanes] = {};
    uint8_t most = 1;
    for (uint32_t rest = lanes; rest; rest &= rest - 1) {
      const uint64_t address = access.addresses[first + std::countr_zero(rest)];
      for (uint64_t word = address / 4; word <= (address + bytes - 1) / 4; ++word) {
        const uint64_t bank = word % kLanes;
        uint64_t* const end = words[bank] + counts[bank];
        if (counts[bank] == kLanes || std::find(words[bank], end, word) != end) continue;
        *end = word;
        most = std::max(most, ++counts[bank]);
      }
    }
    counters.shared_conflict_cycles += most - 1u;
  }
}

}  // namespace quern::emulator
