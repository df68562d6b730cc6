// What a kernel does to begin before the one in front of it has ended: launch.h has the rules.
#pragma once

namespace quern::cuda {

// Waits until all kernels in front have ended and what they wrote is there; then the next one may begin, so
// that two are under way at most. All threads call it, once.
__device__ __forceinline__ void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

}  // namespace quern::cuda
