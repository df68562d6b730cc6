#include "late/late_device.h"

#include <algorithm>
#include <cstdlib>

#include "late/address_map.h"
#include "late/late_stream.h"

namespace quern::late {

namespace {

class LateDevice final : public Device {
 public:
  LateDevice(std::unique_ptr<Device> inner, const Knobs& knobs) : inner_(std::move(inner)), knobs_(knobs) {}

  DeviceDescription describe() const override {
    DeviceDescription description = inner_->describe();
    description.kind = "late";
    description.name = "late device";
    return description;
  }
  std::unique_ptr<Weight> prepare_weight(const WeightView& view) override {
    return inner_->prepare_weight(view);
  }
  std::unique_ptr<Memory> allocate(size_t bytes) override {
    return std::make_unique<HiddenMemory>(inner_->allocate(bytes), bytes, memory_);
  }
  std::unique_ptr<Stream> create_stream(const StreamLimits& limits) override {
    return create_late_stream(inner_->create_stream(limits), memory_, knobs_);
  }
  KvBudget kv_budget() const override { return inner_->kv_budget(); }
  Dtype kv_dtype(bool exact) const override { return inner_->kv_dtype(exact); }
  Dtype activation_dtype(bool exact) const override { return inner_->activation_dtype(exact); }

  // The temperature and the filters that everybody uses, in their usual order.
  bool samples(const SamplingOptions& options) const override {
    SamplingOptions plain;
    plain.temperature = options.temperature;
    plain.top_k = options.top_k;
    plain.top_p = options.top_p;
    plain.min_p = options.min_p;
    return options.typical_p == plain.typical_p && options.top_n_sigma == plain.top_n_sigma &&
           options.repetition_penalty == plain.repetition_penalty &&
           options.frequency_penalty == plain.frequency_penalty &&
           options.presence_penalty == plain.presence_penalty && options.logit_bias.empty() &&
           options.steps.empty();
  }

 private:
  const std::unique_ptr<Device> inner_;
  const Knobs knobs_;
  const std::shared_ptr<AddressMap> memory_ = std::make_shared<AddressMap>();
};

int from_environment(const char* name, int otherwise) {
  const char* const text = std::getenv(name);
  return text ? std::atoi(text) : otherwise;
}

}  // namespace

Knobs Knobs::from_environment() {
  return {late::from_environment("QUERN_LATE_DEPTH", 1), late::from_environment("QUERN_LATE_DELAY", 0),
          late::from_environment("QUERN_LATE_PACE", 0), late::from_environment("QUERN_LATE_FAILS", 0),
          late::from_environment("QUERN_LATE_LOST", 0)};
}

std::unique_ptr<Device> create_late_device(std::unique_ptr<Device> inner, const Knobs& knobs) {
  return std::make_unique<LateDevice>(std::move(inner), knobs);
}

}  // namespace quern::late
