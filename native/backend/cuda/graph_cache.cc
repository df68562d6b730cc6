#include "backend/cuda/graph_cache.h"

#include <algorithm>
#include <exception>

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
  if (!found->graph && found->launches_before_try-- == 0) {
    found->graph = record(operations, stream);
    found->launches_before_try = kLaunchesBetweenTries;
  }
  if (found->graph) return context_->check(cudaGraphLaunch(found->graph, stream), "launching a step");
  launch_all(operations, stream);
}

cudaGraphExec_t GraphCache::record(std::span<const Operation> operations, cudaStream_t stream) const {
  const auto turn = context_->take_turn();
  if (!goes_well(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal))) return nullptr;
  bool is_whole = true;
  try {
    launch_all(operations, stream);
  } catch (const std::exception&) {
    is_whole = false;  // what is wrong with an operation itself is said when it is launched on its own
  }
  cudaGraph_t graph = nullptr;
  is_whole = goes_well(cudaStreamEndCapture(stream, &graph)) && is_whole;
  cudaGraphExec_t made = nullptr;
  const bool is_made = is_whole && goes_well(cudaGraphInstantiate(&made, graph, 0));
  if (graph) cudaGraphDestroy(graph);
  if (!is_made) return nullptr;
  // Else its first launch would take the memory, and there the step cannot do without it any more.
  if (goes_well(cudaGraphUpload(made, stream))) return made;
  cudaGraphExecDestroy(made);
  return nullptr;
}

// False where a call failed, of which nothing is left then. Throws where that was the GPU's end.
bool GraphCache::goes_well(cudaError_t status) const {
  if (status == cudaSuccess) return true;
  if (ends_device(status)) context_->check(status, "recording a step");
  cudaGetLastError();  // or the next launch would be taken for what failed here
  return false;
}

}  // namespace quern::cuda
