#include "emulator/operation.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "emulator/arena.h"
#include "emulator/asked.h"
#include "emulator/checker.h"
#include "emulator/counters.h"
#include "emulator/report.h"
#include "emulator/runtime.h"

namespace quern::emulator {
namespace {

// QUERN_EMULATOR_FAULT_AFTER=<n>: the n-th launch from when this was set faults.
bool is_launch_to_fault() {
  static auto& set_to = *new std::string();
  static uint64_t launches = 0;
  static uint64_t number = 0;
  const std::string_view text = asked_text("QUERN_EMULATOR_FAULT_AFTER");
  if (set_to != text) {
    set_to = text;
    number = asked_number("QUERN_EMULATOR_FAULT_AFTER", 0, 1);
    launches = 0;
  }
  return !set_to.empty() && ++launches == number;
}

// A kernel that waits for all before it begins a chain; another one joins that in front of it.
cudaError_t launch(Runtime& runtime, int device, const KernelLaunch& launch, Chain& chain) {
  const bool joins = launch.may_begin_early && chain.first_block > 0;
  if (!joins) chain.first_block = Checker::instance().next_block();
  if (is_launch_to_fault()) {
    std::fprintf(stderr,
                 "computed GPU: this launch of %s faults because QUERN_EMULATOR_FAULT_AFTER says so\n",
                 launch.function->name.c_str());
    return cudaErrorIllegalAddress;
  }
  try {
    const Kernel& kernel = runtime.kernel_of(*launch.function, device);
    Checker::instance().set_device(device);
    const bool is_fine = run(kernel, launch.shape, launch.parameters.data(), joins ? &chain : nullptr);
    return is_fine ? cudaSuccess : cudaErrorIllegalAddress;
  } catch (const std::exception& error) {
    report({"unsupported", launch.function->name, error.what()});
    return cudaErrorInvalidPtx;
  }
}

void copy(const Copy& copy) {
  Arena& arena = Arena::instance();
  for (size_t row = 0; row < copy.height; row++) {
    auto* to = static_cast<std::byte*>(copy.to) + row * copy.to_pitch;
    const auto* from = copy.staged ? copy.staged->data() + row * copy.width
                                   : static_cast<const std::byte*>(copy.from) + row * copy.from_pitch;
    if (arena.holds(from)) arena.touch(from, copy.width);
    if (arena.holds(to)) arena.touch_to_overwrite(to, copy.width);
    std::memmove(to, from, copy.width);
  }
}

void fill(const Fill& fill) {
  Arena& arena = Arena::instance();
  if (fill.value == 0) return arena.clear(fill.to, fill.bytes);
  arena.touch_to_overwrite(fill.to, fill.bytes);
  std::memset(fill.to, fill.value, fill.bytes);
}

// Of the program, not of the device.
void call_host(const HostCall& call) {
  const Arena::Closed closed;
  call.function(call.data);
}

void run_graph(Runtime& runtime, int device, const GraphNodes& nodes);

}  // namespace

void perform(Runtime& runtime, int device, const Operation& operation, Chain& chain) {
  if (runtime.devices[size_t(device)].fault != cudaSuccess) {
    // What waits for an event goes on, and finds the fault.
    if (const auto* record = std::get_if<Record>(&operation.what)) record->recording->is_done = true;
    return;
  }
  if (const auto* kernel = std::get_if<KernelLaunch>(&operation.what)) {
    runtime.devices[size_t(device)].fault = launch(runtime, device, *kernel, chain);
    return;
  }
  if (!std::holds_alternative<Record>(operation.what)) chain = {};
  if (const auto* moved = std::get_if<Copy>(&operation.what)) {
    copy(*moved);
  } else if (const auto* filled = std::get_if<Fill>(&operation.what)) {
    fill(*filled);
  } else if (const auto* call = std::get_if<HostCall>(&operation.what)) {
    runtime.lock.unlock();
    call_host(*call);
    runtime.lock.lock();
  } else if (const auto* release = std::get_if<Release>(&operation.what)) {
    Arena::instance().release(release->address, false);
  } else if (const auto* record = std::get_if<Record>(&operation.what)) {
    record->recording->is_done = true;
    record->recording->time = std::chrono::steady_clock::now();
  } else if (const auto* graph = std::get_if<GraphRun>(&operation.what)) {
    const auto nodes = graph->nodes;
    ++counted().graph_launches;
    run_graph(runtime, device, *nodes);
  }
}

namespace {

// Between two kernels that were captured one after the other lies a programmatic edge, where the second has
// the attribute; all others wait for the whole of what is in front.
void run_graph(Runtime& runtime, int device, const GraphNodes& nodes) {
  std::vector<Chain> chains(nodes.operations.size());  // that each node leaves behind
  for (size_t node = 0; node < chains.size(); node++) {
    for (const size_t before : nodes.after[node]) {
      const uint32_t first = chains[before].first_block;
      Chain& chain = chains[node];
      if (first > 0) chain.first_block = chain.first_block > 0 ? std::min(chain.first_block, first) : first;
    }
    perform(runtime, device, nodes.operations[node], chains[node]);
  }
}

}  // namespace

}  // namespace quern::emulator
