// What a stream does, one after the other, or a graph remembers.
#pragma once
#include <cuda_runtime_api.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <variant>
#include <vector>

#include "emulator/launch.h"

namespace quern::emulator {

class Runtime;
struct Function;
struct Operation;
struct Capture;

struct KernelLaunch {
  Function* function = nullptr;
  LaunchShape shape;
  std::vector<std::byte> parameters;
  // cudaLaunchAttributeProgrammaticStreamSerialization: where a kernel is in front, it need not have ended.
  bool may_begin_early = false;
};

struct Copy {
  void* to = nullptr;
  const void* from = nullptr;
  size_t width = 0, height = 1, to_pitch = 0, from_pitch = 0;
  // The source, taken when the copy was asked for: as it is done for memory of the host that is not pinned.
  std::shared_ptr<const std::vector<std::byte>> staged = {};
};

struct Fill {
  void* to = nullptr;
  int value = 0;
  size_t bytes = 0;
};

struct HostCall {
  cudaHostFn_t function = nullptr;
  void* data = nullptr;
};

struct Release {  // cudaFreeAsync
  void* address = nullptr;
};

// One cudaEventRecord. An event shows its newest.
struct Recording {
  CUstream_st* stream = nullptr;
  bool is_done = false;
  std::chrono::steady_clock::time_point time = {};
  // While a graph is captured: what the stream had captured so far.
  std::shared_ptr<Capture> capture = {};
  std::vector<size_t> after = {};
};
struct Record {
  std::shared_ptr<Recording> recording;
};
struct Wait {
  std::shared_ptr<Recording> recording;
};

// Of a graph that runs as one operation; shared with the cudaGraphExec, which may be changed or destroyed.
struct GraphNodes;
struct GraphRun {
  std::shared_ptr<const GraphNodes> nodes;
};

struct Operation {
  std::variant<KernelLaunch, Copy, Fill, HostCall, Release, Record, Wait, GraphRun> what;
};

// A graph: its operations in an order in which they may run, and which of them each comes after.
struct GraphNodes {
  std::vector<Operation> operations;
  std::vector<std::vector<size_t>> after;
};

// Does it, on that device, where no fault came before. A Wait is for the stream to obey. The lock of the
// runtime is held; it is given up around a HostCall. `chain`: of the operations in front of it.
void perform(Runtime& runtime, int device, const Operation& operation, Chain& chain);

}  // namespace quern::emulator
