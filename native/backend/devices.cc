#include "backend/devices.h"

#include "backend/cpu/cpu_device.h"
#include "backend/cpu/isa.h"
#include "backend/cpu/machine_limits.h"
#include "backend/cpu/sampling/sampler.h"
#include "backend/library/device.h"
#include "core/machine.h"

namespace quern {

std::unique_ptr<Device> create_device(const DeviceOptions& options) {
  if (!options.library.empty()) return create_library_device(options.library, options.threads, options.isa);
  return create_cpu_device({options.threads, options.isa});
}

std::vector<std::string> cpu_isas() {
  std::vector<std::string> names;
  for (const cpu::Isa* isa : cpu::runnable_isas()) names.emplace_back(isa->name);
  return names;
}

void check_cpu_isa(const std::string& isa) {
  cpu::choose_isa(isa);
}

MachineLimits measure_cpu(const std::string& isa, int threads) {
  const cpu::MachineLimits limits =
      cpu::measure_machine(*cpu::choose_isa(isa).kernels, threads > 0 ? threads : usable_processors());
  return {limits.read_bytes_per_second, limits.multiply_adds_per_second};
}

void sampling_distribution(std::span<const float> logits, const SampleParams& params, std::span<float> out) {
  cpu::Sampler sampler;
  sampler.reserve(static_cast<int>(logits.size()), 1);
  sampler.distribution(*cpu::choose_isa("auto").kernels, logits, params, out);
}

}  // namespace quern
