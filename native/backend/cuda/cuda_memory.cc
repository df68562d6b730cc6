#include "backend/cuda/cuda_memory.h"

#include <string>

#include "core/error.h"

namespace quern::cuda {

DeviceBuffer::DeviceBuffer(std::shared_ptr<const Context> context, size_t bytes)
    : context_(std::move(context)), bytes_(bytes) {
  if (bytes == 0) return;
  context_->enter();
  const auto turn = context_->take_turn();
  const cudaError_t status = cudaMalloc(&data_, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw Error("out_of_memory",
                "expected " + std::to_string(bytes) + " more bytes of the GPU's memory, got " +
                    std::to_string(context_->memory_left()) + " that are free of " +
                    std::to_string(context_->properties().totalGlobalMem) +
                    ": take a smaller model, dtype 'int8' or 'int4', or a smaller kvCache.maxBytes");
  }
  context_->check(status, "cudaMalloc");
}

DeviceBuffer::~DeviceBuffer() {
  if (!data_ || !context_->enter_to_release()) return;
  const auto turn = context_->take_turn();
  cudaFree(data_);
}

void DeviceBuffer::clear() const {
  if (bytes_ == 0) return;
  context_->enter();
  context_->check(cudaMemset(data_, 0, bytes_), "cudaMemset");
  context_->wait_for_all();
}

PinnedBuffer::PinnedBuffer(std::shared_ptr<const Context> context, size_t bytes)
    : context_(std::move(context)), bytes_(bytes) {
  if (bytes == 0) return;
  context_->enter();
  const auto turn = context_->take_turn();
  const cudaError_t status = cudaMallocHost(&data_, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw Error("out_of_memory", "expected " + std::to_string(bytes) +
                                     " bytes of the host's memory that the GPU can copy from, got none");
  }
  context_->check(status, "cudaMallocHost");
}

PinnedBuffer::~PinnedBuffer() {
  if (!data_ || !context_->enter_to_release()) return;
  const auto turn = context_->take_turn();
  cudaFreeHost(data_);
}

}  // namespace quern::cuda
