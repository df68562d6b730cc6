// The host's part of kernels/launch.h.
#include <map>
#include <mutex>
#include <utility>

#include "backend/cuda/cuda_context.h"
#include "backend/cuda/kernels/launch.h"

namespace quern::cuda {

bool can_wait(const void* kernel) {
  constexpr int kFirstWithWait = 90;
  // Never destroyed: a process may end while a thread still launches.
  static std::mutex& lock = *new std::mutex();
  static std::map<std::pair<const void*, int>, bool>& known =
      *new std::map<std::pair<const void*, int>, bool>();
  int device = 0;
  if (cudaGetDevice(&device) != cudaSuccess) return false;
  const std::lock_guard guard(lock);
  const auto found = known.find({kernel, device});
  if (found != known.end()) return found->second;
  cudaFuncAttributes attributes = {};
  // What keeps it from being loaded the launch will say.
  if (cudaFuncGetAttributes(&attributes, kernel) != cudaSuccess) {
    cudaGetLastError();
    return false;
  }
  return known[{kernel, device}] = attributes.ptxVersion >= kFirstWithWait;
}

}  // namespace quern::cuda
