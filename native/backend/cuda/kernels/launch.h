// How every kernel is launched, and what lets one begin before the one in front of it has ended (programmatic
// dependent launch, sm_90 and newer): its blocks take the places of those that end, and gemv's first weights
// are on their way by then.
//
// What makes that right:
// - A kernel may touch nothing before wait_for_previous() (previous.cuh) but its parameters and memory that
//   no kernel of a step writes, as weights; it writes nothing.
// - Every thread of every block comes to wait_for_previous(), of those too that have nothing to do: when a
//   kernel has ended, so have all in front of it, and the next may rely on it alone.
// - What a kernel in front may have written is never read by ld.global.nc (__ldg), which is for memory that
//   nobody writes from the kernel's beginning on.
// - A kernel behind a copy or an event waits for the whole of what is in front, as kernels do.
// - So does one whose code has no instruction to wait with: that of compute_80, compiled for a newer GPU.
// The computed GPU holds kernels to all of that (`early`, docs/internals/computed-gpu.md).
#pragma once
#include <cuda_runtime.h>

#include "backend/cuda/kernels/step.h"

namespace quern::cuda {

// Whether a kernel can wait for the one in front, on the GPU that the calling thread is on.
bool can_wait(const void* kernel);

// Throws Error where the kernel that was just launched could not be: its name, and what the runtime says.
void check_launch(const char* name);

template <typename... Parameters, typename... Arguments>
void launch_kernel(const char* name, void (*kernel)(Parameters...), dim3 grid, int threads, int shared_bytes,
                   StreamEnd at, const Arguments&... arguments) {
  cudaLaunchAttribute early = {};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = static_cast<size_t>(shared_bytes);
  config.stream = at.stream;
  config.attrs = &early;
  config.numAttrs = at.is_kernel && can_wait(reinterpret_cast<const void*>(kernel)) ? 1 : 0;
  cudaLaunchKernelEx(&config, kernel, arguments...);
  check_launch(name);
}

}  // namespace quern::cuda
