// The devices that there are, and what can be asked of them without a model. Whoever uses devices includes
// this alone.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/device_probe.h"

namespace quern {

struct DeviceOptions {
  int threads = 0;           // of the host; 0: as many as the process may use
  std::string isa = "auto";  // of the CPU: or the name of an instruction set
  std::string library;       // the path of a device library; empty: the CPU
  int index = 0;             // which of the library's devices
};

// Throws Error invalid_option where this machine has no such thing; as create_library_device() where there is
// a library.
std::unique_ptr<Device> create_device(const DeviceOptions& options);

// What a device library finds, without opening one of its devices. What is wrong with them stands in the
// probe; throws Error missing_file, device_mismatch where it is no library that this process can use. The
// first probe of a process may take seconds.
DeviceProbe probe_library(const std::string& path);

// Bytes that are free on one of its devices. That opens it: it may take seconds too, and from then on this
// process may have some of its memory until it ends. Throws as probe_library(), and Error no_device,
// device_failed.
uint64_t free_device_memory(const std::string& path, int index);

// The instruction sets of the CPU that this machine can run, the best last.
std::vector<std::string> cpu_isas();
// Throws Error invalid_option where `isa` is neither one of them nor "auto".
void check_cpu_isa(const std::string& isa);

// What `threads` threads of this machine reach together, the median of some runs.
struct MachineLimits {
  double read_bytes_per_second = 0;     // of memory, far beyond every cache
  double multiply_adds_per_second = 0;  // float32; a floating-point operation count is twice that
};
// threads: 0: as many as the process may use. Takes about a second and 256 MiB. Throws as check_cpu_isa().
MachineLimits measure_cpu(const std::string& isa, int threads);

// How the CPU multiplies with a matrix of some format.
struct CpuProduct {
  std::string isa;        // what its kernel is compiled for
  bool int8_activations;  // it rounds activations to 8 bits
};
// exact: see WeightView. Throws as check_cpu_isa(), and Error unsupported_format.
CpuProduct cpu_product(const std::string& isa, const Format& format, bool exact);
// Multiply-adds that `threads` threads reach with each of these products' instructions, per second.
struct CpuProductWanted {
  const Format* format = nullptr;
  bool exact = false;
};
std::vector<double> measure_cpu_products(const std::string& isa, int threads,
                                         std::span<const CpuProductWanted> products);

// Bytes that a weight takes in the CPU's memory.
uint64_t cpu_weight_bytes(const Format& format, int64_t rows, int64_t cols, bool is_vector);

// The probabilities that a token is drawn with; where xtc takes part by chance, those of both cases together.
// The draws of `params` are not looked at.  logits, out: [vocab]
void sampling_distribution(std::span<const float> logits, const SampleParams& params, std::span<float> out);

}  // namespace quern
