#include "backend/cuda/cuda_context.h"

#include <map>
#include <mutex>
#include <set>

#include "backend/cuda/cuda_probe.h"
#include "backend/cuda/kernels/launch.h"
#include "core/bytes_text.h"
#include "core/error.h"

namespace quern::cuda {

namespace {

std::string text_of(cudaError_t status) {
  return std::string(cudaGetErrorName(status)) + ", " + cudaGetErrorString(status);
}

Error failed(const std::string& what, cudaError_t status) {
  return {"device_failed", what + ": the GPU failed (" + text_of(status) +
                               "); what was on it is lost: close the model and load it again"};
}

// The last of every index, and those that must be reset before anything is asked of the runtime again.
struct Opened {
  std::mutex mutex;
  std::map<int, std::weak_ptr<Context>> last;
  std::set<int> lost;
};
Opened& opened() {
  static auto* const all = new Opened;
  return *all;
}

}  // namespace

bool ends_device(cudaError_t status) {
  switch (status) {
    case cudaErrorIllegalAddress:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorIllegalInstruction:
    case cudaErrorHardwareStackError:
    case cudaErrorLaunchTimeout:
    case cudaErrorLaunchFailure:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContained:
    case cudaErrorContextIsDestroyed:
    case cudaErrorUnknown:
      return true;
    default:
      return false;
  }
}

void reset_lost_devices() {
  Opened& all = opened();
  const std::lock_guard lock(all.mutex);
  std::erase_if(all.lost, [&](int index) {
    // It is used again although its reset failed: another one would take what is there now.
    if (const auto last = all.last[index].lock(); last && !last->is_lost()) return true;
    cudaSetDevice(index);
    const cudaError_t status = cudaDeviceReset();
    cudaGetLastError();
    return status == cudaSuccess;
  });
}

std::shared_ptr<Context> Context::open(int index) {
  reset_lost_devices();
  const int count = count_devices();
  if (index < 0 || index >= count) {
    throw Error("no_device", "device: expected the index of one of " + std::to_string(count) +
                                 " GPUs, counted from 0, got " + std::to_string(index));
  }
  Opened& all = opened();
  const std::lock_guard lock(all.mutex);
  if (const auto last = all.last[index].lock(); last && !last->is_lost()) return last;
  if (const cudaError_t status = cudaSetDevice(index); status != cudaSuccess) {
    cudaGetLastError();
    throw Error("no_device", "device: GPU " + std::to_string(index) + " cannot be used: " + text_of(status));
  }
  cudaDeviceProp properties{};
  if (const cudaError_t status = cudaGetDeviceProperties(&properties, index); status != cudaSuccess)
    throw failed("device: GPU " + std::to_string(index), status);
  if (const auto problem = too_old(properties.major, properties.minor))
    throw Error(problem->code, problem->message);
  std::shared_ptr<Context> context(new Context(index, properties));
  all.last[index] = context;
  return context;
}

void Context::enter() const {
  if (lost_) throw failed("device", cudaErrorContextIsDestroyed);
  check(cudaSetDevice(index_), "cudaSetDevice");
}

void Context::check(cudaError_t status, const char* what) const {
  if (status == cudaSuccess) return;
  cudaGetLastError();
  if (ends_device(status)) {
    const std::lock_guard lock(opened().mutex);
    // Once: who comes late must not have the GPU reset that the next Context uses by then.
    if (!lost_.exchange(true)) opened().lost.insert(index_);
    throw failed(what, status);
  }
  if (status == cudaErrorMemoryAllocation) {
    throw Error("out_of_memory", std::string(what) + ": the GPU has no memory left, of " +
                                     bytes_text(properties_.totalGlobalMem) +
                                     ": end what else uses it, or load the model with a smaller dtype or a "
                                     "smaller kvCache.maxBytes (--kv-cache)");
  }
  throw Error("internal", std::string(what) + ": " + text_of(status));
}

bool Context::enter_to_release() const noexcept {
  return !lost_ && cudaSetDevice(index_) == cudaSuccess;
}

uint64_t Context::memory_left() const {
  enter();
  size_t left = 0, total = 0;
  check(cudaMemGetInfo(&left, &total), "cudaMemGetInfo");
  return left;
}

void Context::wait_for_all() const {
  enter();
  const auto turn = take_turn();
  check(cudaDeviceSynchronize(), "waiting for the GPU");
}

void check_launch(const char* kernel) {
  const cudaError_t status = cudaGetLastError();
  if (status == cudaSuccess) return;
  if (ends_device(status)) throw failed(kernel, status);
  throw Error("internal", std::string("kernel ") + kernel + ": " + text_of(status));
}

}  // namespace quern::cuda
