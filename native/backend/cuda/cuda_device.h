#pragma once
#include <memory>

#include "backend/backend.h"

namespace quern::cuda {

// The GPU of an index. threads: of the host, that read weights; 0: as many as the process may use. Throws
// Error no_device or device_failed.
std::unique_ptr<Device> create_cuda_device(int index, int threads);

}  // namespace quern::cuda
