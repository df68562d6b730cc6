#pragma once
#include <optional>
#include <string>

#include "backend/device_probe.h"

namespace quern::cuda {

// The GPUs of this machine as this process may use them, and what is wrong with the cure. Does not throw.
DeviceProbe probe_cuda();

// The compiled code that a GPU of this compute capability runs.
std::string code_for(int major, int minor);

// Why kernels cannot run on such a GPU, and the cure.
std::optional<Failure> too_old(int major, int minor);

// Throws Error no_device where the driver, the system or the machine has no GPU for this process; else their
// number.
int count_devices();

}  // namespace quern::cuda
