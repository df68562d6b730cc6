// Launches, and what a program asks of a kernel.
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "emulator/fat_binary.h"
#include "emulator/report.h"
#include "emulator/runtime_stream.h"

using namespace quern::emulator;

namespace {

int shared_limit(Function& function, int device) {
  const auto set = function.most_dynamic_shared.find(device);
  return set == function.most_dynamic_shared.end() ? limits().shared_bytes : set->second;
}

cudaError_t check_shape(Function& function, int device, const KernelTraits& traits,
                        const LaunchShape& shape) {
  const auto& [grid, block, shared] = shape;
  const uint64_t threads = uint64_t(block.x) * block.y * block.z;
  if (threads == 0 || block.x > 1024 || block.y > 1024 || block.z > 64 || threads > 1024) {
    return cudaErrorInvalidConfiguration;
  }
  if (threads > uint64_t(traits.max_threads)) return cudaErrorLaunchOutOfResources;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7fffffff || grid.y > 65535 || grid.z > 65535) {
    return cudaErrorInvalidConfiguration;
  }
  const uint64_t all_shared = uint64_t(traits.static_shared_bytes) + shared;
  // What a kernel may have was checked against its own when it asked for more than any kernel gets.
  const bool has_asked = function.most_dynamic_shared.contains(device);
  const uint64_t most = uint64_t(has_asked ? limits().shared_bytes_opted_in : limits().shared_bytes);
  const bool fits = shared <= uint64_t(shared_limit(function, device)) && all_shared <= most;
  return fits ? cudaSuccess : cudaErrorInvalidValue;
}

// Finds a kernel's code; where it cannot be read, says so and answers the error.
template <typename Body>
cudaError_t with_kernel(Runtime& runtime, const void* host, Body body) {
  Function* function = runtime.find_function(host);
  if (!function) return cudaErrorInvalidDeviceFunction;
  try {
    return body(*function, traits_of(runtime.kernel_of(*function, Runtime::current_device())));
  } catch (const std::exception& error) {
    report({"unsupported", function->name, error.what()});
    return cudaErrorInvalidKernelImage;
  }
}

// The attributes of a launch that are known here.
cudaError_t read_attributes(const cudaLaunchConfig_t& config, bool& may_begin_early) {
  for (unsigned i = 0; i < config.numAttrs; i++) {
    const cudaLaunchAttribute& attribute = config.attrs[i];
    if (attribute.id == cudaLaunchAttributeIgnore) continue;
    if (attribute.id != cudaLaunchAttributeProgrammaticStreamSerialization) return cudaErrorNotSupported;
    may_begin_early = attribute.val.programmaticStreamSerializationAllowed != 0;
    // NVIDIA has it from compute capability 9.0 on, and does not say what it does before.
    if (may_begin_early && architecture().number < 90) return cudaErrorNotSupported;
  }
  return cudaSuccess;
}

}  // namespace

extern "C" {

cudaError_t cudaLaunchKernel(const void* host, dim3 grid, dim3 block, void** arguments, size_t shared,
                             cudaStream_t stream) {
  const cudaLaunchConfig_t config{grid, block, shared, stream, nullptr, 0};
  return cudaLaunchKernelExC(&config, host, arguments);
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* host, void** arguments) {
  return api_call([&](Runtime& runtime) {
    const dim3 &grid = config->gridDim, &block = config->blockDim;
    CUstream_st* on = runtime.stream_of(config->stream);
    if (!on) return cudaErrorInvalidResourceHandle;
    if (on->device != Runtime::current_device()) return cudaErrorInvalidResourceHandle;
    bool may_begin_early = false;
    const cudaError_t refused = read_attributes(*config, may_begin_early);
    if (refused != cudaSuccess) return refused;
    return with_kernel(runtime, host, [&](Function& function, const KernelTraits& traits) {
      const LaunchShape shape{
          {grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, uint32_t(config->dynamicSmemBytes)};
      const cudaError_t error = check_shape(function, on->device, traits, shape);
      if (error != cudaSuccess) return error;
      KernelLaunch launch{&function, shape, std::vector<std::byte>(traits.parameter_bytes), may_begin_early};
      for (size_t i = 0; i < traits.parameter_offsets.size(); i++) {
        std::memcpy(launch.parameters.data() + traits.parameter_offsets[i], arguments[i],
                    traits.parameter_sizes[i]);
      }
      return enqueue(runtime, on, {std::move(launch)});
    });
  });
}

cudaError_t cudaFuncSetAttribute(const void* host, cudaFuncAttribute attribute, int value) {
  return api_call([&](Runtime& runtime) {
    return with_kernel(runtime, host, [&](Function& function, const KernelTraits& traits) {
      if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) return cudaSuccess;
      if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaErrorInvalidValue;
      if (value < 0 || value + int(traits.static_shared_bytes) > limits().shared_bytes_opted_in) {
        return cudaErrorInvalidValue;
      }
      function.most_dynamic_shared[Runtime::current_device()] = value;
      return cudaSuccess;
    });
  });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* host) {
  return api_call([&](Runtime& runtime) {
    return with_kernel(runtime, host, [&](Function& function, const KernelTraits& traits) {
      *attributes = {};
      attributes->sharedSizeBytes = traits.static_shared_bytes;
      attributes->localSizeBytes = traits.local_bytes;
      attributes->maxThreadsPerBlock = traits.max_threads;
      attributes->numRegs = traits.registers;
      attributes->ptxVersion = traits.target;
      attributes->binaryVersion = architecture().number;
      attributes->maxDynamicSharedSizeBytes = shared_limit(function, Runtime::current_device());
      return cudaSuccess;
    });
  });
}

// By threads and shared memory alone: PTX does not say how many registers a thread takes.
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* host, int threads,
                                                          size_t shared) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, host, threads, shared, 0);
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void* host, int threads,
                                                                   size_t shared, unsigned) {
  return api_call([&](Runtime& runtime) {
    return with_kernel(runtime, host, [&](Function&, const KernelTraits& traits) {
      if (threads < 1) return cudaErrorInvalidValue;
      const size_t of_block = traits.static_shared_bytes + shared + 1024;
      const size_t by_shared = size_t(limits().shared_bytes_of_multiprocessor) / of_block;
      *blocks =
          threads > traits.max_threads ? 0 : int(std::min<size_t>({by_shared, size_t(2048 / threads), 32}));
      return cudaSuccess;
    });
  });
}

}  // extern "C"
