// Branches, calls, ends, barriers of the block, fences.
#include "emulator/decoder.h"
#include "emulator/memory.h"
#include "emulator/warp.h"

namespace quern::emulator {

namespace {

void decode_bra(Form& form) {
  form.take("uni");
  form.out.flow = Flow::branch;
  form.out.target = static_cast<uint32_t>(form.operand(0).index);
}

void decode_brx(Form& form) {
  form.take("idx");
  form.take("uni");
  const auto found = form.decoder.function().branch_targets.find(form.operand(1).text);
  if (found == form.decoder.function().branch_targets.end()) form.unsupported("no list of targets");
  form.out.flow = Flow::table;
  form.out.a = form.read(0, 32);
  form.out.bytes = static_cast<uint32_t>(found->second.size());
  auto& lists = form.decoder.program.lists;
  form.out.list = static_cast<uint32_t>(lists.size());
  lists.insert(lists.end(), found->second.begin(), found->second.end());
}

void decode_ret(Form& form) {
  form.take("uni");
  form.out.flow = form.name() == "ret" && !form.decoder.function().is_entry ? Flow::ret : Flow::exit;
}

void trap(Warp& warp, const Instruction& i, uint32_t lanes) {
  warp.fault("trap", i, i.kind ? "a breakpoint" : "a trap", std::countr_zero(lanes));
}

void decode_trap(Form& form) {
  form.out.flow = Flow::fallible;
  form.out.kind = form.name() == "brkpt";
  form.out.run = trap;
}

// call (results), function, (parameters);
void decode_call(Form& form) {
  form.take("uni");
  using Kind = ptx::Operand::Kind;
  CallSite site;
  const auto slots = [&](const ptx::Operand& list) {
    std::vector<FunctionCode::Slot> found;
    for (const ptx::Operand& part : list.parts) {
      if (part.kind != Kind::variable) form.unsupported("a parameter that is not a variable");
      found.push_back(form.decoder.slot(part.index));
    }
    return found;
  };
  size_t at = 0;
  if (form.operand(0).kind == Kind::list) site.results = slots(form.operand(at++));
  if (form.operand(at).kind != Kind::symbol) form.unsupported("a function that is not known by name");
  form.out.target = form.decoder.function_index(form.operand(at++).text);
  if (at < form.operands()) site.parameters = slots(form.operand(at++));
  if (at < form.operands()) form.unsupported();
  form.out.flow = Flow::call;
  form.out.list = static_cast<uint32_t>(form.decoder.program.calls.size());
  form.decoder.program.calls.push_back(site);
}

void warp_barrier(Warp& warp, const Instruction&, uint32_t) {
  if (warp.block->is_checked) Checker::instance().warp_barrier(warp.index);
}

// bar.sync a[, threads]; bar.arrive a, threads; bar.red.op d, a[, threads], predicate; bar.warp.sync mask.
void decode_bar(Form& form) {
  if (form.take("warp")) {
    form.take("sync");
    form.out.flow = Flow::collect;
    form.out.c = form.read(0, 32);
    form.out.run = warp_barrier;
    return;
  }
  form.take("cta");
  form.take("aligned");
  const std::string_view what = form.take_one({"sync", "arrive", "red"});
  form.out.flow = Flow::barrier;
  form.out.kind = what == "sync" ? kBarrierSync : what == "arrive" ? kBarrierArrive : kBarrierRed;
  if (what.empty()) form.unsupported();
  const size_t first = what == "red" ? 1 : 0;
  const size_t last = form.operands() - (what == "red" ? 1 : 0);
  form.out.a = form.read(first, 32);
  form.out.b = first + 1 < last ? form.read(first + 1, 32) : kNowhere;
  if (what != "red") return;
  const std::string_view operation = form.take_one({"popc", "and", "or"});
  form.out.space = static_cast<uint8_t>(operation == "popc"  ? kReducePopc
                                        : operation == "and" ? kReduceAnd
                                                             : kReduceOr);
  const Type type = form.type();
  form.out.d = form.write(0, type.bits);
  form.out.c = form.read(last, 1);
  form.out.bytes = form.operand(last).is_negated;
}

void fence(Warp& warp, const Instruction&, uint32_t lanes) {
  if (warp.block->is_checked) Checker::instance().fence(warp.index, lanes);
}

void nothing(Warp&, const Instruction&, uint32_t) {}

// A fence of the block alone orders nothing that its barriers do not: the checker is told of wider ones.
void decode_fence(Form& form) {
  if (form.take("proxy")) {
    while (!form.untaken().empty()) form.take(form.untaken());
    form.out.run = nothing;
    return;
  }
  form.take_one({"sc", "acq_rel", "acquire", "release"});
  const std::string_view scope = form.take_one({"cta", "gl", "gpu", "sys", "cluster"});
  form.out.run = scope == "cta" ? nothing : fence;
}

void wait_for_grids(Warp& warp, const Instruction&, uint32_t lanes) {
  warp.waited |= lanes;
}

// griddepcontrol.wait; griddepcontrol.launch_dependents: kernels run one after another here, so that what is
// left of the latter is that the assembler knows it.
void decode_griddepcontrol(Form& form) {
  if (form.decoder.kernel.module->text().target < 90) form.unsupported("it needs sm_90");
  const std::string_view what = form.take_one({"wait", "launch_dependents"});
  if (what.empty()) form.unsupported();
  form.out.run = what == "wait" ? wait_for_grids : nothing;
}

void yield(Warp& warp, const Instruction&, uint32_t) {
  warp.yields = true;
}

void decode_nanosleep(Form& form) {
  form.type();
  form.out.flow = Flow::fallible;
  form.out.run = yield;
}

}  // namespace

void add_control_forms(DecodeTable& table) {
  table["bra"] = decode_bra;
  table["brx"] = decode_brx;
  table["ret"] = decode_ret;
  table["exit"] = decode_ret;
  table["trap"] = decode_trap;
  table["brkpt"] = decode_trap;
  table["call"] = decode_call;
  table["bar"] = decode_bar;
  table["barrier"] = decode_bar;
  table["membar"] = decode_fence;
  table["fence"] = decode_fence;
  table["nanosleep"] = decode_nanosleep;
  table["griddepcontrol"] = decode_griddepcontrol;
}

}  // namespace quern::emulator
