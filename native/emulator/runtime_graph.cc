// Streams captured into graphs, and graphs that run.
#include <algorithm>

#include "emulator/asked.h"
#include "emulator/runtime_stream.h"

using namespace quern::emulator;

namespace quern::emulator {

cudaError_t refuse_in_capture(Runtime& runtime) {
  const std::thread::id here = std::this_thread::get_id();
  for (const auto& capture : runtime.captures) {
    const bool forbids = capture->mode == cudaStreamCaptureModeGlobal ||
                         (capture->mode == cudaStreamCaptureModeThreadLocal && capture->thread == here);
    if (!forbids) continue;
    capture->is_broken = true;
    return cudaErrorStreamCaptureUnsupported;
  }
  return cudaSuccess;
}

}  // namespace quern::emulator

namespace {

// Whether all that was captured comes before the end of the stream that the capture began in.
bool is_joined(const CUstream_st& origin, const GraphNodes& nodes) {
  std::vector<bool> is_reached(nodes.operations.size(), false);
  std::vector<size_t> open = origin.after;
  while (!open.empty()) {
    const size_t node = open.back();
    open.pop_back();
    if (is_reached[node]) continue;
    is_reached[node] = true;
    open.insert(open.end(), nodes.after[node].begin(), nodes.after[node].end());
  }
  return std::find(is_reached.begin(), is_reached.end(), false) == is_reached.end();
}

// Whether a graph that runs can go on with this operation in place of that.
bool can_replace(const Operation& old, const Operation& fresh) {
  if (old.what.index() != fresh.what.index()) return false;
  const auto* kernel = std::get_if<KernelLaunch>(&old.what);
  return !kernel || kernel->function == std::get<KernelLaunch>(fresh.what).function;
}

}  // namespace

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  return api_call([&](Runtime& runtime) {
    CUstream_st* stream = runtime.stream_of(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (stream->is_default) return cudaErrorStreamCaptureUnsupported;
    if (stream->capture) return cudaErrorIllegalState;
    stream->capture = std::make_shared<Capture>(Capture{stream, mode, std::this_thread::get_id(), false, {}});
    stream->after.clear();
    runtime.captures.push_back(stream->capture);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  return api_call([&](Runtime& runtime) {
    *graph = nullptr;
    CUstream_st* stream = runtime.stream_of(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    const std::shared_ptr<Capture> capture = stream->capture;
    if (!capture) return cudaErrorIllegalState;
    if (capture->origin != stream) return cudaErrorStreamCaptureUnmatched;
    if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id()) {
      return cudaErrorStreamCaptureWrongThread;
    }
    const bool joined = is_joined(*stream, capture->nodes);
    capture->origin = nullptr;  // it is over for events too
    std::erase(runtime.captures, capture);
    for (CUstream_st* other : runtime.streams) {
      if (other->capture == capture) other->capture = nullptr;
    }
    if (capture->is_broken) return cudaErrorStreamCaptureInvalidated;
    if (!joined) return cudaErrorStreamCaptureUnjoined;
    *graph = new CUgraph_st{std::move(capture->nodes)};
    runtime.graphs.insert(*graph);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  return api_call([&](Runtime& runtime) {
    const CUstream_st* stream = runtime.stream_of(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    *status = !stream->capture             ? cudaStreamCaptureStatusNone
              : stream->capture->is_broken ? cudaStreamCaptureStatusInvalidated
                                           : cudaStreamCaptureStatusActive;
    return cudaSuccess;
  });
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  *mode = cudaStreamCaptureModeGlobal;
  return cudaSuccess;
}

// ---- graphs

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  return api_call([&](Runtime& runtime) {
    if (!runtime.graphs.contains(graph)) return cudaErrorInvalidValue;
    const size_t all = graph->nodes.operations.size();
    if (nodes) {
      if (graph->handles.empty()) {
        for (size_t index = 0; index < all; index++) graph->handles.push_back({graph, index});
      }
      for (size_t index = 0; index < std::min(*count, all); index++) nodes[index] = &graph->handles[index];
      std::fill(nodes + std::min(*count, all), nodes + *count, nullptr);
    }
    *count = nodes ? std::min(*count, all) : all;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
  return api_call([&](Runtime&) {
    const Operation& operation = node->graph->nodes.operations[node->index];
    *type = std::holds_alternative<KernelLaunch>(operation.what) ? cudaGraphNodeTypeKernel
            : std::holds_alternative<Copy>(operation.what)       ? cudaGraphNodeTypeMemcpy
            : std::holds_alternative<Fill>(operation.what)       ? cudaGraphNodeTypeMemset
                                                                 : cudaGraphNodeTypeHost;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return api_call([&](Runtime& runtime) {
    if (runtime.graphs.erase(graph) == 0) return cudaErrorInvalidValue;
    delete graph;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  return api_call([&](Runtime& runtime) {
    if (!runtime.graphs.contains(graph)) return cudaErrorInvalidValue;
    if (asked_of_graphs() == "no-memory") return cudaErrorMemoryAllocation;
    *exec = new CUgraphExec_st{std::make_shared<const GraphNodes>(graph->nodes)};
    runtime.graph_execs.insert(*exec);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* exec, cudaGraph_t graph,
                                          unsigned long long flags) {
  return cudaGraphInstantiate(exec, graph, flags);
}

cudaError_t cudaGraphExecUpdate(cudaGraphExec_t exec, cudaGraph_t graph,
                                cudaGraphExecUpdateResultInfo* result) {
  return api_call([&](Runtime& runtime) {
    if (!runtime.graph_execs.contains(exec) || !runtime.graphs.contains(graph)) return cudaErrorInvalidValue;
    const std::vector<Operation>& fresh = graph->nodes.operations;
    const std::vector<Operation>& old = exec->nodes->operations;
    const bool fits = std::equal(old.begin(), old.end(), fresh.begin(), fresh.end(), can_replace);
    if (result) {
      *result = {};
      result->result = fits ? cudaGraphExecUpdateSuccess : cudaGraphExecUpdateErrorTopologyChanged;
    }
    if (!fits) return cudaErrorGraphExecUpdateFailure;
    exec->nodes = std::make_shared<const GraphNodes>(graph->nodes);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t) {
  return api_call([&](Runtime& runtime) {
    return runtime.graph_execs.contains(exec) ? cudaSuccess : cudaErrorInvalidValue;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t handle) {
  return api_call([&](Runtime& runtime) {
    CUstream_st* stream = runtime.stream_of(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (!runtime.graph_execs.contains(exec)) return cudaErrorInvalidValue;
    return enqueue(runtime, stream, {GraphRun{exec->nodes}});
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  return api_call([&](Runtime& runtime) {
    if (runtime.graph_execs.erase(exec) == 0) return cudaErrorInvalidValue;
    delete exec;
    return cudaSuccess;
  });
}

}  // extern "C"
