// The flow of a warp. Each lane has a place in the program; those at the same place run together, those of
// the deepest call and the lowest place first, which lets lanes that parted meet again.
#include "emulator/executor.h"

#include <algorithm>

#include "emulator/checker.h"
#include "emulator/report.h"

namespace quern::emulator {

namespace {

struct Group {
  uint32_t lanes = 0, pc = 0, frame = 0;
  uint32_t next_pc = ~0u;  // the lowest place of other lanes in this frame, where they may meet
};

class Flowing {
 public:
  explicit Flowing(Warp& warp) : warp_(warp), program_(*warp.program), code_(program_.code.data()) {}
  void run(uint64_t limit);

 private:
  bool choose(Group& group);
  bool step(Group& group, const Instruction& i, uint32_t lanes);  // false: another group is chosen
  void leave(const Group& group, uint32_t pc);
  bool part(Group& group, uint32_t lanes, uint32_t target);
  bool jump_by_table(Group& group, const Instruction& i, uint32_t lanes);
  bool collect(Group& group, const Instruction& i, uint32_t lanes);
  void park(Group& group, const Instruction& i, uint32_t lanes);
  void call(const Group& group, const Instruction& i, uint32_t lanes);
  void give_back(const Group& group, uint32_t lanes);

  Warp& warp_;
  const Program& program_;
  const Instruction* code_;
};

bool Flowing::choose(Group& group) {
  uint32_t runnable = warp_.live & ~warp_.blocked;
  if (!runnable) return false;
  const auto order = [this](int l) {
    return std::pair(~warp_.frames[warp_.frame[l]].depth, std::pair(warp_.pc[l], warp_.frame[l]));
  };
  int first = std::countr_zero(runnable);
  each_lane(runnable, [&](int l) {
    if (order(l) < order(first)) first = l;
  });
  group = {0, warp_.pc[first], warp_.frame[first], ~0u};
  // Blocked lanes at this place wait for these: they join.
  each_lane(warp_.live & ~warp_.parked, [&](int l) {
    if (warp_.frame[l] != group.frame) return;
    if (warp_.pc[l] == group.pc) {
      group.lanes |= 1u << l;
    } else if (warp_.pc[l] > group.pc) {
      group.next_pc = std::min(group.next_pc, warp_.pc[l]);
    }
  });
  warp_.blocked &= ~group.lanes | warp_.parked;
  if (warp_.running_frame != group.frame || !warp_.memories[kRegisters]) warp_.enter(group.frame);
  return true;
}

void Flowing::leave(const Group& group, uint32_t pc) {
  each_lane(group.lanes, [&](int l) { warp_.pc[l] = pc; });
}

void Flowing::run(uint64_t limit) {
  Counters& counters = warp_.block->counters;
  uint64_t left = limit;
  Group group;
  while (!warp_.has_stopped && choose(group)) {
    for (;;) {
      const Instruction& i = code_[group.pc];
      uint32_t lanes = group.lanes;
      if (i.guard != kNowhere) lanes &= warp_.predicate(i.guard) ^ (i.guard_is_negated ? ~0u : 0);
      ++counters.warp_instructions;
      --left;
      if (i.flow == Flow::next) {
        if (lanes) i.run(warp_, i, lanes);
        ++group.pc;
      } else if (!step(group, i, lanes)) {
        break;
      }
      if (group.pc >= group.next_pc || left == 0) {
        leave(group, group.pc);
        break;
      }
    }
    if (left == 0 || warp_.yields) return;
  }
}

bool Flowing::step(Group& group, const Instruction& i, uint32_t lanes) {
  if (!lanes) {
    ++group.pc;
    return true;
  }
  switch (i.flow) {
    case Flow::next:
    case Flow::fallible:
      i.run(warp_, i, lanes);
      ++group.pc;
      if (!warp_.has_stopped && !warp_.yields) return true;
      leave(group, group.pc);
      return false;
    case Flow::branch:
      return part(group, lanes, i.target);
    case Flow::table:
      return jump_by_table(group, i, lanes);
    case Flow::exit:
      warp_.live &= ~lanes;
      leave(group, group.pc + 1);
      return false;
    case Flow::ret:
      leave(group, group.pc + 1);
      give_back(group, lanes);
      return false;
    case Flow::call:
      leave(group, group.pc + 1);
      call(group, i, lanes);
      return false;
    case Flow::collect:
      return collect(group, i, lanes);
    case Flow::barrier:
      park(group, i, lanes);
      return false;
  }
  return false;
}

// `lanes` of the group go to the target, the others on. The whole group goes on here where it stays one and
// no other lane is where it passes.
bool Flowing::part(Group& group, uint32_t lanes, uint32_t target) {
  const bool none_waits = !(warp_.blocked & ~warp_.parked);  // else some may be met on the way back
  if (lanes == group.lanes && (target > group.pc || none_waits)) {
    group.pc = target;
    return true;  // run() sees whether others were passed
  }
  leave(group, group.pc + 1);
  each_lane(lanes, [&](int l) { warp_.pc[l] = target; });
  return false;
}

bool Flowing::jump_by_table(Group& group, const Instruction& i, uint32_t lanes) {
  leave(group, group.pc + 1);
  const auto* index = warp_.at<uint32_t>(i.a);
  each_lane(lanes, [&](int l) {
    if (index[l] < i.bytes) {
      warp_.pc[l] = program_.lists[i.list + index[l]];
    } else if (!warp_.has_stopped) {
      warp_.fault(
          "out-of-bounds", i,
          "a branch by a table of " + std::to_string(i.bytes) + " with index " + std::to_string(index[l]), l);
    }
  });
  return false;
}

// Runs it once all live lanes of the masks are here.
bool Flowing::collect(Group& group, const Instruction& i, uint32_t lanes) {
  const auto* masks = warp_.at<uint32_t>(i.c);
  uint32_t needed = 0, outside = 0;
  each_lane(lanes, [&](int l) {
    needed |= masks[l];
    if (!(masks[l] >> l & 1)) outside |= 1u << l;
  });
  if (outside) {
    warp_.fault("divergence", i, "a lane that is not in its own mask", std::countr_zero(outside));
    leave(group, group.pc);
    return false;
  }
  needed &= warp_.live;
  if (needed & ~lanes) {
    leave(group, group.pc);
    // Those that do not take part go on.
    each_lane(group.lanes & ~lanes, [&](int l) { warp_.pc[l] = group.pc + 1; });
    warp_.blocked |= lanes;
    return false;
  }
  i.run(warp_, i, lanes);
  ++group.pc;
  if (!warp_.has_stopped) return true;
  leave(group, group.pc);
  return false;
}

void Flowing::park(Group& group, const Instruction& i, uint32_t lanes) {
  leave(group, group.pc + 1);
  const auto id = warp_.at<uint32_t>(i.a)[std::countr_zero(lanes)];
  if (id >= 16)
    return warp_.fault("out-of-bounds", i, "there is no barrier " + std::to_string(id),
                       std::countr_zero(lanes));
  Barrier& barrier = warp_.block->barriers[id];
  const uint32_t threads = i.b == kNowhere ? 0 : warp_.at<uint32_t>(i.b)[std::countr_zero(lanes)];
  if (threads % kLanes)
    return warp_.fault("divergence", i,
                       "a barrier of " + std::to_string(threads) + " threads, not whole warps");
  if (barrier.arrived && barrier.expected != threads / kLanes) {
    return warp_.fault("divergence", i, "a barrier that warps reach with other numbers of threads");
  }
  barrier.expected = threads / kLanes;
  const uint64_t self = uint64_t{1} << warp_.index;
  if (i.kind == kBarrierArrive) {
    if (lanes != warp_.live) return warp_.fault("divergence", i, "bar.arrive by a part of a warp");
    barrier.arrived |= self;
    return;
  }
  if (warp_.parked && (warp_.barrier != static_cast<int>(id) || warp_.barrier_pc != group.pc)) {
    return warp_.fault("divergence", i,
                       "lanes of a warp wait at different barriers, the others at " +
                           warp_.block->kernel->describe(warp_.barrier_pc),
                       std::countr_zero(lanes));
  }
  warp_.barrier = static_cast<int>(id);
  warp_.barrier_pc = group.pc;
  warp_.parked |= lanes;
  warp_.blocked |= lanes;
}

// Copies what lanes hand over between their own slots of two frames.
void hand_over(Warp& warp, uint32_t lanes, uint32_t from, const std::vector<FunctionCode::Slot>& from_slots,
               uint32_t to, const std::vector<FunctionCode::Slot>& to_slots) {
  for (size_t s = 0; s < from_slots.size(); ++s) {
    const uint32_t bytes = std::min(from_slots[s].bytes, to_slots[s].bytes);
    each_lane(lanes, [&](int l) {
      std::byte* local = warp.local_of(l);
      std::memcpy(local + to + to_slots[s].offset, local + from + from_slots[s].offset, bytes);
    });
  }
}

void Flowing::call(const Group& group, const Instruction& i, uint32_t lanes) {
  const Frame caller = warp_.frames[group.frame];
  const FunctionCode &from = program_.functions[caller.function], &to = program_.functions[i.target];
  Frame frame;
  frame.function = i.target;
  // Above all that lives: lanes that parted may be in other calls.
  each_lane(warp_.live, [&](int l) {
    const Frame& other = warp_.frames[warp_.frame[l]];
    frame.registers =
        std::max(frame.registers, other.registers + program_.functions[other.function].register_bytes);
  });
  frame.local = caller.local + from.local_bytes;
  frame.caller = group.frame;
  frame.return_pc = group.pc + 1;
  frame.depth = caller.depth + 1;
  frame.call = i.list;
  if (frame.local + to.local_bytes > warp_.local_stride) {
    return warp_.fault("out-of-bounds", i, "calls deeper than the stack", std::countr_zero(lanes));
  }
  if (warp_.registers.size() < frame.registers + to.register_bytes)
    warp_.registers.resize(2 * (frame.registers + to.register_bytes));
  // Frames that no lane is in any more, at the end, are given up.
  uint32_t used = group.frame;
  each_lane(warp_.live, [&](int l) { used = std::max(used, warp_.frame[l]); });
  warp_.frames.resize(used + 1);
  warp_.frames.push_back(frame);
  hand_over(warp_, lanes, caller.local, program_.calls[i.list].parameters, frame.local, to.parameters);
  each_lane(lanes, [&](int l) {
    warp_.frame[l] = used + 1;
    warp_.pc[l] = to.begin;
  });
  warp_.memories[kRegisters] = nullptr;  // they may have moved
}

void Flowing::give_back(const Group& group, uint32_t lanes) {
  const Frame frame = warp_.frames[group.frame];
  const FunctionCode& from = program_.functions[frame.function];
  hand_over(warp_, lanes, frame.local, from.results, warp_.frames[frame.caller].local,
            program_.calls[frame.call].results);
  each_lane(lanes, [&](int l) {
    warp_.frame[l] = frame.caller;
    warp_.pc[l] = frame.return_pc;
  });
}

// What bar.red gives each lane: over the lanes of all warps that met.
void reduce(Block& block, uint64_t warps) {
  uint32_t count = 0;
  bool all = true;
  const auto votes = [](Warp& warp, const Instruction& i) {
    return (warp.predicate(i.c) ^ (i.bytes ? ~0u : 0)) & warp.parked;
  };
  for (const auto& warp : block.warps) {
    const Instruction& i = warp->program->code[warp->barrier_pc];
    if (!(warps >> warp->index & 1) || i.kind != kBarrierRed) continue;
    warp->enter(warp->frame[std::countr_zero(warp->parked)]);
    count += static_cast<uint32_t>(std::popcount(votes(*warp, i)));
    all = all && votes(*warp, i) == warp->parked;
  }
  for (const auto& warp : block.warps) {
    const Instruction& i = warp->program->code[warp->barrier_pc];
    if (!(warps >> warp->index & 1) || i.kind != kBarrierRed) continue;
    if (i.space == kReducePopc) {
      each_lane(warp->parked, [&](int l) { warp->at<uint32_t>(i.d)[l] = count; });
    } else {
      const bool result = i.space == kReduceAnd ? all : count != 0;
      uint32_t& d = warp->predicate(i.d);
      d = (d & ~warp->parked) | (result ? warp->parked : 0);
    }
  }
}

}  // namespace

void run_warp(Warp& warp, uint64_t limit) {
  warp.yields = false;
  Flowing(warp).run(limit);
}

bool complete_barriers(Block& block) {
  uint64_t waiting[16] = {}, live = 0;
  for (const auto& warp : block.warps) {
    if (!warp->live) continue;
    live |= uint64_t{1} << warp->index;
    if (warp->parked == warp->live) waiting[warp->barrier] |= uint64_t{1} << warp->index;
  }
  bool completed = false;
  for (int id = 0; id < 16; ++id) {
    Barrier& barrier = block.barriers[id];
    const uint64_t here = barrier.arrived | waiting[id];
    if (!waiting[id]) continue;
    const bool is_whole = barrier.expected ? static_cast<uint32_t>(std::popcount(here)) >= barrier.expected
                                           : (live & ~here) == 0;
    if (!is_whole) continue;
    if (block.is_checked) Checker::instance().block_barrier(here);
    reduce(block, waiting[id]);
    for (const auto& warp : block.warps) {
      if (!(waiting[id] >> warp->index & 1)) continue;
      warp->blocked &= ~warp->parked;
      warp->parked = 0;
    }
    barrier = {};
    completed = true;
  }
  return completed;
}

void Warp::fault(const char* kind, const Instruction& instruction, const std::string& what, int lane) {
  has_stopped = true;
  const Dim3& at = block->index;
  std::string text = what + " at " + block->kernel->describe(pc_of(instruction)) + ", block (" +
                     std::to_string(at.x) + "," + std::to_string(at.y) + "," + std::to_string(at.z) + "), ";
  text += lane < 0 ? "warp " + std::to_string(index) : "thread " + std::to_string(index * kLanes + lane);
  report({kind, block->kernel->name, text});
}

}  // namespace quern::emulator
