// Streams, events and the graphs that streams are captured into.
#pragma once
#include <deque>
#include <thread>

#include "emulator/runtime.h"

namespace quern::emulator {

// From cudaStreamBeginCapture to cudaStreamEndCapture; streams join it by waiting for its events.
struct Capture {
  CUstream_st* origin = nullptr;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id thread;
  bool is_broken = false;  // by a call that must not be captured
  GraphNodes nodes;
};

// What the captures under way say of a call that must not happen beside them; a capture that forbids it is
// broken by it.
cudaError_t refuse_in_capture(Runtime& runtime);

// Appends an operation to a stream: into its capture, or it runs at once, or (late) when someone waits.
cudaError_t enqueue(Runtime& runtime, CUstream_st* stream, Operation operation);
// Runs what a stream has before it; answers the fault that came.
cudaError_t drain(Runtime& runtime, CUstream_st* stream);
cudaError_t drain_device(Runtime& runtime, int device);

}  // namespace quern::emulator

// What the handles of cudart point at.
struct CUstream_st {
  int device = 0;
  bool is_default = false, is_blocking = true;          // blocking: ordered with the default stream
  std::deque<quern::emulator::Operation> waiting = {};  // late: not yet run
  quern::emulator::Chain chain = {};                    // of what it did last
  std::shared_ptr<quern::emulator::Capture> capture = {};
  std::vector<size_t> after = {};  // of the capture: what its next operation comes after
};
struct CUevent_st {
  int device = 0;
  bool is_timed = true;
  std::shared_ptr<quern::emulator::Recording> newest = {};
};
struct CUgraphNode_st {
  CUgraph_st* graph = nullptr;
  size_t index = 0;
};
struct CUgraph_st {
  quern::emulator::GraphNodes nodes;
  std::vector<CUgraphNode_st> handles = {};
};
struct CUgraphExec_st {
  std::shared_ptr<const quern::emulator::GraphNodes> nodes;
};
