#pragma once
#include <memory>

#include "backend/backend.h"
#include "backend/library/abi.h"

namespace quern {

// A weight of a library's device.
class LibraryWeight final : public Weight {
 public:
  LibraryWeight(const QuernLibrary& library, QuernDevice* device, const WeightView& view);
  ~LibraryWeight() override { library_.destroy_weight(weight_); }
  uint64_t bytes() const override { return bytes_; }
  const QuernWeight* get() const { return weight_; }

 private:
  const QuernLibrary& library_;
  QuernWeight* weight_ = nullptr;
  uint64_t bytes_ = 0;
};

// A stream of a library's device, whose weights are LibraryWeights.
std::unique_ptr<Stream> create_library_stream(const QuernLibrary& library, QuernDevice* device,
                                              const StreamLimits& limits);

// What a device may be asked of these options, which live longer; `biases` is where it points to.
QuernSampling library_sampling(const SamplingOptions& options, std::vector<QuernLogitBias>& biases);

}  // namespace quern
