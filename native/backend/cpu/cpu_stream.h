#pragma once
#include <memory>

#include "backend/backend.h"
#include "backend/cpu/kernels/kernels.h"

namespace quern::cpu {

// Operations composed of kernels, cut into work items for the process's compute threads.
std::unique_ptr<Stream> create_cpu_stream(const Kernels& kernels, int threads, const StreamLimits& limits);

}  // namespace quern::cpu
