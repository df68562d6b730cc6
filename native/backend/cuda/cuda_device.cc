#include "backend/cuda/cuda_device.h"

#include <algorithm>
#include <mutex>
#include <string>

#include "backend/cuda/cuda_memory.h"
#include "backend/cuda/cuda_probe.h"
#include "backend/cuda/cuda_stream.h"
#include "backend/cuda/cuda_weight.h"
#include "backend/cuda/device_sampler.h"
#include "core/machine.h"

namespace quern::cuda {

namespace {

// What a decoder takes beside weights, keys and values: scratch for its largest step, kernels, graphs.
constexpr uint64_t kScratchBytes = uint64_t{384} << 20;
constexpr int kContexts = 8;  // full ones that keys and values get room for, where there is room

class CudaMemory final : public Memory {
 public:
  CudaMemory(std::shared_ptr<const Context> context, size_t bytes) : buffer_(std::move(context), bytes) {
    buffer_.clear();
  }
  void* address() const override { return buffer_.as<void>(); }

 private:
  const DeviceBuffer buffer_;
};

class CudaDevice final : public Device {
 public:
  CudaDevice(int index, int threads)
      : context_(Context::open(index)),
        threads_(threads > 0 ? threads : usable_processors()),
        uploader_(context_, threads_) {}

  DeviceDescription describe() const override {
    const cudaDeviceProp& properties = context_->properties();
    return {"cuda", code_for(properties.major, properties.minor), properties.name, threads_};
  }
  std::unique_ptr<Weight> prepare_weight(const WeightView& view) override {
    const std::lock_guard lock(uploading_);
    return uploader_.upload(view);
  }
  std::unique_ptr<Memory> allocate(size_t bytes) override {
    return std::make_unique<CudaMemory>(context_, bytes);
  }
  std::unique_ptr<Stream> create_stream(const StreamLimits& limits) override {
    return create_cuda_stream(context_, limits);
  }
  KvBudget kv_budget() const override {
    const uint64_t left = context_->memory_left(),
                   held_back = std::max(left / 10, std::min(kScratchBytes, left / 2));
    return {left - held_back, kContexts};
  }
  Dtype kv_dtype(bool exact) const override { return exact ? Dtype::f32 : Dtype::bf16; }
  Dtype activation_dtype(bool exact) const override { return exact ? Dtype::f32 : Dtype::bf16; }
  bool samples(const SamplingOptions& options) const override { return DeviceSampler::knows(options); }

 private:
  const std::shared_ptr<const Context> context_;
  const int threads_;
  std::mutex uploading_;
  Uploader uploader_;
};

}  // namespace

std::unique_ptr<Device> create_cuda_device(int index, int threads) {
  return std::make_unique<CudaDevice>(index, threads);
}

}  // namespace quern::cuda
