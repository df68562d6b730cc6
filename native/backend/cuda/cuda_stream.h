#pragma once
#include <memory>

#include "backend/backend.h"
#include "backend/cuda/cuda_context.h"

namespace quern::cuda {

// Records operations and hands them to the GPU when the step is launched; one step may be launched before the
// last one is read.
std::unique_ptr<Stream> create_cuda_stream(std::shared_ptr<const Context> context,
                                           const StreamLimits& limits);

}  // namespace quern::cuda
