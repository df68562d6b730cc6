// Decoding asks for the same operations step after step: those of an equal list, seen for the second time,
// are recorded as a CUDA graph, which is launched at once instead of kernel by kernel. Lists are equal where
// all structs are, addresses included; numbers that differ lie in the step's tables. A list that could not be
// recorded is tried again later, since memory may have been short for a moment.
#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "backend/cuda/cuda_context.h"
#include "backend/cuda/operation.h"

namespace quern::cuda {

class GraphCache {
 public:
  static constexpr int kLaunchesBetweenTries = 256;

  explicit GraphCache(std::shared_ptr<const Context> context) : context_(std::move(context)) {}
  ~GraphCache();
  GraphCache(const GraphCache&) = delete;
  GraphCache& operator=(const GraphCache&) = delete;

  void launch(std::span<const Operation> operations, cudaStream_t stream);

 private:
  static constexpr size_t kMost = 64;
  struct Entry {
    std::vector<Operation> operations;
    cudaGraphExec_t graph = nullptr;  // null: seen once, or could not be recorded
    int launches_before_try = 0;      // to record it
  };
  // Null: the GPU has no memory for it, or its driver does not record what is in it. Throws where the GPU is
  // lost.
  cudaGraphExec_t record(std::span<const Operation> operations, cudaStream_t stream) const;
  bool goes_well(cudaError_t status) const;
  void destroy(const Entry& entry) const;

  const std::shared_ptr<const Context> context_;
  std::list<Entry> entries_;  // the last used first
};

}  // namespace quern::cuda
