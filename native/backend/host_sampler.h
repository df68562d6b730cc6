#pragma once
#include <memory>
#include <span>

#include "backend/sampling.h"

namespace quern {

// Samples rows of logits that lie in the host's memory, whatever the options: what a device does not know how
// to sample, this does.
class HostSampler {
 public:
  virtual ~HostSampler() = default;
  // logits: [params.size(), vocab], worthless afterwards; chosen: [params.size()]
  virtual void sample(std::span<float> logits, std::span<const SampleParams> params,
                      std::span<Sampled> chosen) = 0;
};

// Works on `threads` threads of the process's pool.
std::unique_ptr<HostSampler> create_host_sampler(int vocab, int threads);

}  // namespace quern
