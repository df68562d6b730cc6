#include "backend/host_sampler.h"

#include "backend/cpu/isa.h"
#include "backend/cpu/sampling/sampler.h"
#include "core/thread_pool.h"

namespace quern {

namespace cpu {
namespace {

class CpuHostSampler final : public HostSampler {
 public:
  CpuHostSampler(int vocab, int threads)
      : kernels_(*choose_isa("auto").kernels), vocab_(static_cast<size_t>(vocab)), threads_(threads) {
    sampler_.reserve(vocab, threads);
  }

  void sample(std::span<float> logits, std::span<const SampleParams> params,
              std::span<Sampled> chosen) override {
    const std::atomic<bool> never{false};
    ThreadPool::instance().run(static_cast<int>(params.size()), threads_, never, [&](int row, int thread) {
      const auto at = static_cast<size_t>(row);
      chosen[at] = sampler_.sample(kernels_, thread, logits.subspan(at * vocab_, vocab_), params[at]);
    });
  }

 private:
  const Kernels& kernels_;
  const size_t vocab_;
  const int threads_;
  Sampler sampler_;
};

}  // namespace
}  // namespace cpu

std::unique_ptr<HostSampler> create_host_sampler(int vocab, int threads) {
  return std::make_unique<cpu::CpuHostSampler>(vocab, threads);
}

}  // namespace quern
