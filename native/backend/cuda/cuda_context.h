// One GPU as this process uses it, and whether it still can be. An illegal access, a fault of memory or a
// hang that the driver ends takes everything that the process has on that GPU: all its calls fail from then
// on. NVIDIA promises the GPU to a new process only; a reset may give it back to this one. That takes with it
// all streams, events and pinned memory, whoever uses them. So whoever holds something there holds the
// Context too; once it is lost nothing more is asked of the GPU, and what was there is not given back, for it
// is gone. When nobody holds it any more the next Context resets the GPU first.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <cuda_runtime_api.h>

#include "core/error.h"

namespace quern::cuda {

class Context {
 public:
  // The GPU of this index. Throws Error no_device; device_failed where it is lost and still held, or was not
  // given back to this process.
  static std::shared_ptr<Context> open(int index);

  int index() const { return index_; }
  const cudaDeviceProp& properties() const { return properties_; }

  // Makes this GPU the one that the calling thread's calls go to. Throws Error device_failed where it is
  // lost.
  void enter() const;
  // Throws where a call failed: out_of_memory, device_failed (and then it is lost), else internal.
  void check(cudaError_t status, const char* what) const;
  // Where a call ended the GPU it is lost from now on.
  void note(cudaError_t status) const;
  // For those who give back: false where there is nothing to be given to. Does not throw.
  bool enter_to_release() const noexcept;
  bool is_lost() const { return cause_ != cudaSuccess; }
  // Free bytes.
  uint64_t memory_left() const;
  // Waits for all that was asked of this GPU, by whomever.
  void wait_for_all() const;
  // For those who record a stream, and those who ask for what concerns the GPU as a whole: waiting for all of
  // it, taking its memory, giving that back. In the middle of a recording the runtime refuses that, to any
  // thread, and the recording is broken too. So they take turns.
  [[nodiscard]] std::unique_lock<std::mutex> take_turn() const { return std::unique_lock(turn_); }

 private:
  Context(int index, const cudaDeviceProp& properties) : index_(index), properties_(properties) {}

  const int index_;
  const cudaDeviceProp properties_;
  mutable std::atomic<cudaError_t> cause_{cudaSuccess};  // of its loss
  mutable std::mutex turn_;
};

// Resets the GPUs whose Context is lost and held by nobody: until then every call to the runtime fails.
void reset_lost_devices();

// What is wrong with a GPU that is to be asked nothing, for its Context is lost and it was not reset.
std::optional<Failure> problem_of_lost(int index);

// Whether a failure is the GPU's end and not only the call's.
bool ends_device(cudaError_t status);
// What such a failure means where this process holds nothing on the GPU: nothing but a new one helps.
Failure not_given_back(const std::string& gpu, cudaError_t status);

// Error out_of_memory: what was wanted, and what is free of the GPU that the calling thread is on.
Error no_memory(const std::string& wanted);

}  // namespace quern::cuda
