#include "backend/cuda/cuda_memory.h"

#include <string>

#include "core/bytes_text.h"
#include "core/error.h"

namespace quern::cuda {

void* OnDevice::take(const Context& context, size_t bytes) {
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw no_memory("expected " + bytes_text(bytes) + " more of the GPU's memory");
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
    throw Error("out_of_memory", "expected " + bytes_text(bytes) +
                                     " of the host's memory that the GPU can copy from, got none: end what "
                                     "else uses it, or allow more locked memory (ulimit -l)");
  }
  context.check(status, "cudaMallocHost");
  return data;
}

void Pinned::give_back(void* data) {
  cudaFreeHost(data);
}

}  // namespace quern::cuda
