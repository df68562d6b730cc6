#pragma once
#include <optional>
#include <string>

#include <cuda_runtime_api.h>

#include "backend/device_probe.h"

namespace quern::cuda {

// The GPUs of this machine as this process may use them, and what is wrong with the cure. None of them is
// opened, so what only that shows (memory, a GPU that another process has for itself) is not known. Does not
// throw.
DeviceProbe probe_cuda();

// Free bytes of one of them. A GPU that was opened is so until the process ends, and has some hundred
// megabytes of it. Throws as Context::open().
uint64_t free_memory(int index);

// The compiled code that a GPU of this compute capability runs.
std::string code_for(int major, int minor);

// Why kernels cannot run on such a GPU, and the cure.
std::optional<Failure> too_old(int major, int minor);

// Throws Error no_device where the driver, the system or the machine has no GPU for this process; else their
// number.
int count_devices();

// What one of them is.
cudaError_t properties_of(int index, cudaDeviceProp& properties);

}  // namespace quern::cuda
