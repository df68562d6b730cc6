#include "backend/cuda/cuda_memory.h"

#include <string>

#include "core/error.h"

namespace quern::cuda {

void* OnDevice::take(const Context& context, size_t bytes) {
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw Error("out_of_memory",
                "expected " + std::to_string(bytes) + " more bytes of the GPU's memory, got " +
                    std::to_string(context.memory_left()) + " that are free of " +
                    std::to_string(context.properties().totalGlobalMem) +
                    ": take a smaller model, dtype 'int8' or 'int4', or a smaller kvCache.maxBytes");
  }
  context.check(status, "cudaMalloc");
  return data;
}

void OnDevice::give_back(void* data) {
  cudaFree(data);
}

void OnDevice::clear(const Context& context, void* data, size_t bytes) {
  context.enter();
  context.check(cudaMemset(data, 0, bytes), "cudaMemset");
  context.wait_for_all();
}

void* Pinned::take(const Context& context, size_t bytes) {
  void* data = nullptr;
  const cudaError_t status = cudaMallocHost(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw Error("out_of_memory", "expected " + std::to_string(bytes) +
                                     " bytes of the host's memory that the GPU can copy from, got none");
  }
  context.check(status, "cudaMallocHost");
  return data;
}

void Pinned::give_back(void* data) {
  cudaFreeHost(data);
}

}  // namespace quern::cuda
