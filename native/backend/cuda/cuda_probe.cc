#include "backend/cuda/cuda_probe.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include <cuda_runtime_api.h>

#include "backend/cuda/compiled_code.h"
#include "backend/cuda/cuda_context.h"
#include "core/error.h"

namespace quern::cuda {

namespace {

constexpr int kLeastDriver = 13000;  // of CUDA 13.0: the drivers from 580 on
constexpr int kLeastMajor = 8;

std::string version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

// What a count that failed means, and what to do.
std::string cure(cudaError_t status, int driver) {
  switch (status) {
    case cudaErrorInsufficientDriver:
      if (driver == 0) {
        return "got no driver (libcuda.so.1): install NVIDIA's, version 580 or newer; in a container, start "
               "it with the "
               "NVIDIA runtime (docker run --gpus all)";
      }
      return "got one for CUDA " + version(driver) + ", expected " + version(kLeastDriver) +
             ": install version 580 or newer";
    case cudaErrorNoDevice:
      return "got a driver that shows none: look at nvidia-smi and CUDA_VISIBLE_DEVICES; in a container, "
             "start it with "
             "the NVIDIA runtime (docker run --gpus all)";
    case cudaErrorOperatingSystem:
    case cudaErrorNotPermitted:
      return "the system refused it: this user may not open /dev/nvidia*: join the group that may (often "
             "`video` or "
             "`render`)";
    case cudaErrorSystemDriverMismatch:
      return "the driver in the kernel and its libraries are of different versions: restart the machine "
             "after the "
             "driver's update";
    case cudaErrorSystemNotReady:
      return "the system is not ready: start nvidia-fabricmanager and nvidia-persistenced";
    default:
      return std::string("got ") + cudaGetErrorName(status) + ", " + cudaGetErrorString(status);
  }
}

Failure not_usable(const std::string& why) {
  return {"no_device", "device: expected an NVIDIA GPU, " + why};
}

int driver_version() {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess) driver = 0;
  cudaGetLastError();
  return driver;
}

// A driver that cannot begin says that it does not know why; that is no GPU that failed.
Failure problem_of(cudaError_t status) {
  const bool has_failed = ends_device(status) && status != cudaErrorUnknown;
  return has_failed ? not_given_back("the GPU", status) : not_usable(cure(status, driver_version()));
}

ProbedDevice probe_device(int index) {
  ProbedDevice device;
  device.index = index;
  cudaDeviceProp properties{};
  const cudaError_t status = properties_of(index, properties);
  if (status == cudaSuccess) {
    device.name = properties.name;
    device.isa = code_for(properties.major, properties.minor);
    device.capability_major = properties.major;
    device.capability_minor = properties.minor;
    device.multiprocessors = properties.multiProcessorCount;
    device.memory_bytes = properties.totalGlobalMem;
    device.problem = too_old(properties.major, properties.minor);
    if (!device.problem) device.problem = problem_of_lost(index);
  } else {
    cudaGetLastError();
    device.problem = problem_of(status);
  }
  return device;
}

}  // namespace

std::string code_for(int major, int minor) {
  return code_for(major, minor, compiled_code());
}

std::optional<Failure> too_old(int major, int minor) {
  const std::string got = ", got " + std::to_string(major) + "." + std::to_string(minor);
  if (major < kLeastMajor)
    return not_usable("of compute capability " + std::to_string(kLeastMajor) + ".0 or newer" + got);
  if (!code_for(major, minor).empty()) return {};
  return not_usable("that this library was compiled for (" + std::string(compiled_code().architectures) +
                    ")" + got + ": take the library of the package");
}

// How many there are and what they are is the same as long as the process lives. It is asked once: when one
// of them has failed, the runtime may answer that instead.

int count_devices() {
  static std::atomic<int> counted{0};
  if (counted > 0) return counted;
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess) return counted = count;
  cudaGetLastError();
  const Failure failure = problem_of(status);
  throw Error(failure.code, failure.message);
}

cudaError_t properties_of(int index, cudaDeviceProp& properties) {
  static std::mutex mutex;
  static std::map<int, cudaDeviceProp> known;
  const std::lock_guard lock(mutex);
  if (const auto found = known.find(index); found != known.end()) {
    properties = found->second;
    return cudaSuccess;
  }
  const cudaError_t status = cudaGetDeviceProperties(&properties, index);
  if (status == cudaSuccess) known[index] = properties;
  return status;
}

DeviceProbe probe_cuda() {
  reset_lost_devices();
  DeviceProbe probe;
  probe.kind = "cuda";
  probe.driver_version = driver_version();
  cudaRuntimeGetVersion(&probe.runtime_version);
  try {
    const int count = count_devices();
    for (int index = 0; index < count; ++index) probe.devices.push_back(probe_device(index));
  } catch (const Error& error) {
    probe.problem = {error.code(), error.what()};
  }
  return probe;
}

uint64_t free_memory(int index) {
  return Context::open(index)->memory_left();
}

}  // namespace quern::cuda
