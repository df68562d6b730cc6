#include "backend/devices.h"

#include <map>

#include "backend/cpu/cpu_device.h"
#include "backend/cpu/cpu_weight.h"
#include "backend/cpu/isa.h"
#include "backend/cpu/machine_limits.h"
#include "backend/cpu/sampling/sampler.h"
#include "backend/library/device.h"
#include "core/machine.h"

namespace quern {

namespace {

int threads_of(int threads) {
  return threads > 0 ? threads : usable_processors();
}

}  // namespace

std::unique_ptr<Device> create_device(const DeviceOptions& options) {
  if (!options.library.empty())
    return create_library_device(options.library, options.index, options.threads, options.isa);
  return create_cpu_device({options.threads, options.isa});
}

DeviceProbe probe_library(const std::string& path) {
  return probe_library_devices(path);
}

uint64_t free_device_memory(const std::string& path, int index) {
  return library_device_memory(path, index);
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
  const cpu::MachineLimits limits = cpu::measure_machine(*cpu::choose_isa(isa).kernels, threads_of(threads));
  return {limits.read_bytes_per_second, limits.multiply_adds_per_second};
}

CpuProduct cpu_product(const std::string& isa, const Format& format, bool exact) {
  const cpu::MatmulKernel& kernel = cpu::choose_matmul(cpu::choose_isa(isa), format, exact);
  return {kernel.isa, kernel.activations == cpu::Activations::int8};
}

std::vector<double> measure_cpu_products(const std::string& isa, int threads,
                                         std::span<const CpuProductWanted> products) {
  std::map<const void*, double> measured;  // many products share their instructions
  std::vector<double> rates;
  for (const auto& [format, exact] : products) {
    const cpu::MatmulKernel& kernel = cpu::choose_matmul(cpu::choose_isa(isa), *format, exact);
    const auto [found, is_new] = measured.try_emplace(reinterpret_cast<const void*>(kernel.multiply_adds), 0);
    if (is_new) found->second = cpu::measure_multiply_adds(kernel, threads_of(threads));
    rates.push_back(found->second);
  }
  return rates;
}

uint64_t cpu_weight_bytes(const Format& format, int64_t rows, int64_t cols, bool is_vector) {
  return cpu::weight_bytes(is_vector ? nullptr : &cpu::choose_matmul(cpu::choose_isa("auto"), format, false),
                           rows, cols);
}

void sampling_distribution(std::span<const float> logits, const SampleParams& params, std::span<float> out) {
  cpu::Sampler sampler;
  sampler.reserve(static_cast<int>(logits.size()), 1);
  sampler.distribution(*cpu::choose_isa("auto").kernels, logits, params, out);
}

}  // namespace quern
