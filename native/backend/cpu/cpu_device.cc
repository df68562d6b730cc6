#include "backend/cpu/cpu_device.h"

#include "backend/cpu/cpu_stream.h"
#include "backend/cpu/cpu_weight.h"
#include "backend/cpu/isa.h"
#include "core/machine.h"
#include "core/memory.h"

namespace quern {

namespace cpu {
namespace {

class CpuMemory final : public Memory {
 public:
  explicit CpuMemory(size_t bytes) : buffer_(bytes) {}
  void* address() const override { return buffer_.as<void>(); }

 private:
  Buffer buffer_;
};

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(const CpuOptions& options)
      : isa_(choose_isa(options.isa)),
        threads_(options.threads > 0 ? options.threads : usable_processors()) {}

  DeviceDescription describe() const override { return {"cpu", isa_.name, {}, threads_}; }
  std::unique_ptr<Weight> prepare_weight(const WeightView& view) override {
    return prepare_cpu_weight(view, isa_, threads_);
  }
  std::unique_ptr<Memory> allocate(size_t bytes) override { return std::make_unique<CpuMemory>(bytes); }
  std::unique_ptr<Stream> create_stream(const StreamLimits& limits) override {
    return create_cpu_stream(*isa_.kernels, threads_, limits);
  }
  // Pages are committed when they are used: what nobody uses costs nothing.
  KvBudget kv_budget() const override { return {available_memory() / 2, 1}; }
  Dtype kv_dtype(bool exact) const override { return exact ? Dtype::f32 : Dtype::f16; }
  Dtype activation_dtype(bool) const override { return Dtype::f32; }
  bool samples(const SamplingOptions&) const override { return true; }

 private:
  const Isa& isa_;
  const int threads_;
};

}  // namespace
}  // namespace cpu

std::unique_ptr<Device> create_cpu_device(const CpuOptions& options) {
  return std::make_unique<cpu::CpuDevice>(options);
}

}  // namespace quern
