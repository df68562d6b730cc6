// cp.async: copies to shared memory that are done when they are waited for, or at once
// (Order::async_is_late).
#include "emulator/arena.h"
#include "emulator/memory.h"

namespace quern::emulator {

namespace {

void copy(const AsyncCopy& asked) {
  auto* to = reinterpret_cast<std::byte*>(asked.destination);
  std::memcpy(to, reinterpret_cast<const std::byte*>(asked.source), asked.source_bytes);
  std::memset(to + asked.source_bytes, 0, asked.bytes - asked.source_bytes);
}

// a: where to; b + target: from where; bytes: how many are written; c: of them, how many are read (the others
// are 0).
void begin_copies(Warp& warp, const Instruction& i, uint32_t lanes) {
  Block& block = *warp.block;
  Access to, from;
  resolve(warp, i, lanes, i.bytes, to);
  from.lanes = 0;
  uint32_t read[kLanes] = {};
  const auto* source = warp.at<uint64_t>(i.b);
  const uint32_t ignored = i.predicate == kNowhere ? 0 : warp.predicate(i.predicate);
  each_lane(to.lanes, [&](int l) {
    from.addresses[l] =
        source[l] + static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(i.target)));
    read[l] = ignored >> l & 1 ? 0 : i.c == kNowhere ? i.bytes : std::min(warp.at<uint32_t>(i.c)[l], i.bytes);
    if (read[l] == i.bytes) from.lanes |= 1u << l;
  });
  uint32_t allowed = to.lanes;
  const uint32_t pc = warp.pc_of(i);
  if (block.is_checked) {
    Checker& checker = Checker::instance();
    WarpAccess told;
    told.warp = warp.index;
    told.pc = pc;
    told.lanes = from.lanes;
    told.addresses = from.addresses;
    told.bytes = i.bytes;
    told.early = from.lanes & ~warp.waited;
    if (from.lanes) allowed &= ~from.lanes | checker.access(told);
    each_lane(to.lanes, [&](int l) {
      const Site site{warp.index, l, pc, !(warp.waited >> l & 1)};
      const auto* at = reinterpret_cast<const std::byte*>(from.addresses[l]);
      bool is_fine = true;
      if (read[l] != i.bytes) {  // in part: byte by byte
        for (uint32_t byte = 0; byte < read[l]; ++byte)
          is_fine = checker.access(site, at + byte, 1, false) && is_fine;
      }
      is_fine = checker.begin_async_write(site, reinterpret_cast<void*>(to.addresses[l]), i.bytes) && is_fine;
      if (!is_fine) allowed &= ~(1u << l);
    });
    if (allowed != to.lanes) warp.has_stopped = true;
  }
  if (!block.is_checked) {
    const uint32_t asked = from.lanes;
    keep_in_arena(warp, i, asked, i.bytes, from);
    allowed &= ~asked | from.lanes;
  }
  if (from.lanes) count_global(block.counters, from, i.bytes, false);
  to.lanes = allowed;
  if (to.lanes) count_shared(block.counters, to, i.bytes);
  each_lane(allowed, [&](int l) {
    AsyncQueue& queue = warp.async[l];
    AsyncCopy asked{to.addresses[l], from.addresses[l], i.bytes, read[l], queue.group, pc, false};
    if (!block.async_is_late) {
      copy(asked);
      asked.is_done = true;
    } else {
      std::memset(reinterpret_cast<void*>(asked.destination), 0xff, asked.bytes);
    }
    queue.copies.push_back(asked);
  });
}

// The copies of a lane that belong to groups before `group` are done.
void finish_copies(Warp& warp, int lane, uint32_t group) {
  AsyncQueue& queue = warp.async[lane];
  size_t done = 0;
  for (; done < queue.copies.size() && queue.copies[done].group < group; ++done) {
    AsyncCopy& asked = queue.copies[done];
    if (!asked.is_done) copy(asked);
    if (warp.block->is_checked) {
      Checker::instance().end_async_write({warp.index, lane, asked.pc},
                                          reinterpret_cast<void*>(asked.destination), asked.bytes);
    }
  }
  queue.copies.erase(queue.copies.begin(), queue.copies.begin() + static_cast<std::ptrdiff_t>(done));
}

void commit_group(Warp& warp, const Instruction&, uint32_t lanes) {
  each_lane(lanes, [&](int l) { ++warp.async[l].group; });
}

void wait_group(Warp& warp, const Instruction& i, uint32_t lanes) {
  each_lane(lanes, [&](int l) {
    const uint32_t group = warp.async[l].group;
    finish_copies(warp, l, group - std::min(group, i.bytes));
  });
}

void wait_all(Warp& warp, const Instruction&, uint32_t lanes) {
  each_lane(lanes, [&](int l) { finish_copies(warp, l, ++warp.async[l].group); });
}

void decode_cp(Form& form) {
  if (!form.take("async")) form.unsupported();
  if (form.take("commit_group")) {
    form.out.run = commit_group;
    return;
  }
  form.out.flow = Flow::fallible;
  if (form.take("wait_all")) {
    form.out.run = wait_all;
    return;
  }
  if (form.take("wait_group")) {
    if (form.operand(0).kind != ptx::Operand::Kind::number) form.unsupported();
    form.out.bytes = static_cast<uint32_t>(form.operand(0).value);
    form.out.run = wait_group;
    return;
  }
  if (form.take_one({"ca", "cg"}).empty() || form.take_one({"shared", "shared::cta"}).empty() ||
      !form.take("global")) {
    form.unsupported();
  }
  form.take_one({"L2::64B", "L2::128B", "L2::256B"});
  const bool has_policy = form.take("L2::cache_hint");
  const ptx::Operand& source = form.operand(1);
  if (form.operand(2).kind != ptx::Operand::Kind::number || source.kind != ptx::Operand::Kind::memory)
    form.unsupported();
  form.out.bytes = static_cast<uint32_t>(form.operand(2).value);
  if (form.out.bytes != 4 && form.out.bytes != 8 && form.out.bytes != 16) form.unsupported();
  fill_address(form, form.operand(0), MemorySpace::shared);
  form.out.b = form.read(source.parts[0], 64);
  form.out.target = static_cast<uint32_t>(source.offset);
  form.out.c = kNowhere;
  if (form.operands() - (has_policy ? 1 : 0) > 3) {
    if (form.width(form.operand(3), 32) == 1) {
      if (form.operand(3).is_negated) form.unsupported();
      form.out.predicate = form.read(3, 1);
    } else {
      form.out.c = form.read(3, 32);
    }
  }
  form.out.run = begin_copies;
}

}  // namespace

void add_async_forms(DecodeTable& table) {
  table["cp"] = decode_cp;
}

}  // namespace quern::emulator
