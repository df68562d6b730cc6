// Streams and events of a GPU, given back by their owners. Of a GPU that is lost nothing is given back.
#pragma once
#include <memory>
#include <utility>

#include "backend/cuda/cuda_context.h"

namespace quern::cuda {

// Not ordered with the default stream. Before it is given back all that it does is waited for: where it is
// declared behind memory, that memory outlives it.
class OwnedStream {
 public:
  explicit OwnedStream(std::shared_ptr<const Context> context) : context_(std::move(context)) {
    context_->enter();
    context_->check(cudaStreamCreateWithFlags(&handle_, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  ~OwnedStream() {
    if (!context_->enter_to_release()) return;
    context_->note(cudaStreamSynchronize(handle_));
    cudaStreamDestroy(handle_);
  }
  OwnedStream(const OwnedStream&) = delete;
  OwnedStream& operator=(const OwnedStream&) = delete;
  operator cudaStream_t() const { return handle_; }

 private:
  const std::shared_ptr<const Context> context_;
  cudaStream_t handle_ = nullptr;
};

// Who waits for one sleeps, where CUDA's own default takes a whole core to ask again and again. Waking up
// takes longer so; the GPU does not feel it, for it has its next work by then.
class OwnedEvent {
 public:
  explicit OwnedEvent(std::shared_ptr<const Context> context, unsigned flags = cudaEventDefault)
      : context_(std::move(context)) {
    context_->enter();
    context_->check(cudaEventCreateWithFlags(&handle_, cudaEventBlockingSync | flags), "cudaEventCreate");
  }
  ~OwnedEvent() {
    if (context_->enter_to_release()) cudaEventDestroy(handle_);
  }
  OwnedEvent(const OwnedEvent&) = delete;
  OwnedEvent& operator=(const OwnedEvent&) = delete;
  operator cudaEvent_t() const { return handle_; }

 private:
  const std::shared_ptr<const Context> context_;
  cudaEvent_t handle_ = nullptr;
};

}  // namespace quern::cuda
