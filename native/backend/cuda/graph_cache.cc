#include "backend/cuda/graph_cache.h"

#include <algorithm>

namespace quern::cuda {

namespace {

// Behind what is no kernel: a step's copies.
void launch_all(std::span<const Operation> operations, cudaStream_t stream) {
  StreamEnd end = stream;
  for (const Operation& operation : operations) {
    cuda::launch(operation, end);
    end = end.behind_kernel();
  }
}

}  // namespace

GraphCache::~GraphCache() {
  if (!context_->enter_to_release()) return;
  for (const Entry& entry : entries_) destroy(entry);
}

void GraphCache::destroy(const Entry& entry) const {
  if (entry.graph) cudaGraphExecDestroy(entry.graph);
}

void GraphCache::launch(std::span<const Operation> operations, cudaStream_t stream) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return std::equal(entry.operations.begin(), entry.operations.end(), operations.begin(), operations.end());
  });
  if (found == entries_.end()) {
    if (entries_.size() == kMost) {
      destroy(entries_.back());
      entries_.pop_back();
    }
    entries_.push_front({{operations.begin(), operations.end()}});
    return launch_all(operations, stream);
  }
  entries_.splice(entries_.begin(), entries_, found);
  if (!found->graph) found->graph = record(operations, stream);
  if (found->graph) return context_->check(cudaGraphLaunch(found->graph, stream), "launching a step");
  launch_all(operations, stream);
}

cudaGraphExec_t GraphCache::record(std::span<const Operation> operations, cudaStream_t stream) const {
  const auto turn = context_->take_turn();
  context_->check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "recording a step");
  cudaGraph_t graph = nullptr;
  try {
    launch_all(operations, stream);
  } catch (...) {
    cudaStreamEndCapture(stream, &graph);
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError();  // or the next launch would be taken for what failed here
    throw;
  }
  context_->check(cudaStreamEndCapture(stream, &graph), "recording a step");
  cudaGraphExec_t made = nullptr;
  cudaError_t status = cudaGraphInstantiate(&made, graph, 0);
  cudaGraphDestroy(graph);
  if (status == cudaSuccess) {
    // Else its first launch would take the memory, and there the step cannot do without it any more.
    status = cudaGraphUpload(made, stream);
    if (status == cudaSuccess) return made;
    cudaGraphExecDestroy(made);
  }
  if (status != cudaErrorMemoryAllocation) context_->check(status, "recording a step");
  cudaGetLastError();
  return nullptr;
}

}  // namespace quern::cuda
