#include "backend/cuda/cuda_context.h"

#include <iterator>
#include <map>
#include <mutex>

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
  return {"device_failed",
          what + ": the GPU failed (" + text_of(status) +
              "); what was on it is lost: close every model that ran on it, then load again"};
}

constexpr char kMoreMemory[] = ": expected more of the GPU's memory";

// How a GPU was lost, and what became of its reset.
struct Loss {
  cudaError_t cause;
  bool is_refused = false;
};
// The last Context of every index, and the GPUs that must be reset before anything is asked of them again.
struct Opened {
  std::mutex mutex;
  std::map<int, std::weak_ptr<Context>> last;
  std::map<int, Loss> lost;
};
Opened& opened() {
  static auto* const all = new Opened;
  return *all;
}

// The driver may answer what ended the GPU although it did reset it.
bool reset(int index) {
  int current = -1;
  cudaSetDevice(index);
  cudaGetDevice(&current);
  if (current != index) return false;  // or another one would be reset
  cudaError_t status = cudaDeviceReset();
  size_t left = 0, total = 0;
  if (status != cudaSuccess) status = cudaMemGetInfo(&left, &total);
  cudaGetLastError();
  return status == cudaSuccess;
}

cudaError_t wake(int index, cudaDeviceProp& properties) {
  size_t left = 0, total = 0;
  cudaError_t status = cudaSetDevice(index);
  if (status == cudaSuccess) status = cudaMemGetInfo(&left, &total);  // no answer from a GPU that is lost
  if (status == cudaSuccess) status = properties_of(index, properties);
  if (status != cudaSuccess) cudaGetLastError();
  return status;
}

// What follows is asked with the lock held.

void reset_unheld(Opened& all) {
  for (auto one = all.lost.begin(); one != all.lost.end();) {
    auto& [index, loss] = *one;
    const bool is_held = !all.last[index].expired();
    if (!is_held) loss.is_refused = !reset(index);
    one = is_held || loss.is_refused ? std::next(one) : all.lost.erase(one);
  }
}

Failure problem_of(int index, const Loss& loss) {
  const std::string gpu = "GPU " + std::to_string(index);
  if (loss.is_refused) return not_given_back(gpu, loss.cause);
  return {"device_failed", "device: " + gpu + " failed (" + text_of(loss.cause) +
                               "): close every model that ran on it, then load again"};
}

[[noreturn]] void throw_failure(const Failure& problem) {
  throw Error(problem.code, problem.message);
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
    case cudaErrorTensorMemoryLeak:
    case cudaErrorMpsClientTerminated:
    case cudaErrorExternalDevice:
    case cudaErrorContextIsDestroyed:
    case cudaErrorUnknown:
      return true;
    default:
      return false;
  }
}

Failure not_given_back(const std::string& gpu, cudaError_t status) {
  return {"device_failed",
          "device: " + gpu + " failed (" + text_of(status) +
              "), and the driver does not give it back to this process: restart the process"};
}

Error no_memory(const std::string& wanted) {
  size_t left = 0, total = 0;
  const bool is_known = cudaMemGetInfo(&left, &total) == cudaSuccess;
  cudaGetLastError();
  const std::string got = is_known ? bytes_text(left) + " that are free of " + bytes_text(total) : "none";
  return {"out_of_memory", wanted + ", got " + got +
                               ": end what else uses it, or take a smaller model, dtype 'int8' or 'int4', "
                               "or a smaller kvCache.maxBytes (--kv-cache)"};
}

void reset_lost_devices() {
  Opened& all = opened();
  const std::lock_guard lock(all.mutex);
  reset_unheld(all);
}

std::optional<Failure> problem_of_lost(int index) {
  Opened& all = opened();
  const std::lock_guard lock(all.mutex);
  const auto found = all.lost.find(index);
  if (found == all.lost.end()) return {};
  return problem_of(index, found->second);
}

std::shared_ptr<Context> Context::open(int index) {
  const int count = count_devices();
  if (index < 0 || index >= count) {
    throw Error("no_device", "device: expected the index of one of " + std::to_string(count) +
                                 " GPUs, counted from 0, got " + std::to_string(index));
  }
  Opened& all = opened();
  const std::lock_guard lock(all.mutex);
  reset_unheld(all);
  if (const auto lost = all.lost.find(index); lost != all.lost.end())
    throw_failure(problem_of(index, lost->second));
  if (auto last = all.last[index].lock()) return last;
  const std::string gpu = "GPU " + std::to_string(index);
  cudaDeviceProp properties{};
  cudaError_t status = wake(index, properties);
  if (ends_device(status) && reset(index)) status = wake(index, properties);
  if (ends_device(status)) throw_failure(not_given_back(gpu, status));
  if (status == cudaErrorMemoryAllocation) {
    throw Error("out_of_memory", "device: " + gpu +
                                     " has no memory left for this process: end what else uses it, or take "
                                     "another GPU");
  }
  if (status != cudaSuccess)
    throw Error("no_device", "device: " + gpu + " cannot be used: " + text_of(status));
  if (const auto problem = too_old(properties.major, properties.minor)) throw_failure(*problem);
  std::shared_ptr<Context> context(new Context(index, properties));
  all.last[index] = context;
  return context;
}

void Context::enter() const {
  if (is_lost()) throw failed("device", cause_);
  check(cudaSetDevice(index_), "cudaSetDevice");
  cudaGetLastError();  // what another GPU left on this thread is no failure of a launch here
}

void Context::note(cudaError_t status) const {
  if (!ends_device(status)) return;
  const std::lock_guard lock(opened().mutex);
  if (is_lost()) return;
  cause_ = status;
  opened().lost[index_] = {status};
}

void Context::check(cudaError_t status, const char* what) const {
  if (status == cudaSuccess) return;
  cudaGetLastError();
  note(status);
  if (ends_device(status)) throw failed(what, status);
  if (status == cudaErrorMemoryAllocation) throw no_memory(std::string(what) + kMoreMemory);
  throw Error("internal", std::string(what) + ": " + text_of(status));
}

bool Context::enter_to_release() const noexcept {
  return !is_lost() && cudaSetDevice(index_) == cudaSuccess;
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
  // It was loaded at its first launch.
  if (status == cudaErrorMemoryAllocation) throw no_memory(std::string("kernel ") + kernel + kMoreMemory);
  throw Error("internal", std::string("kernel ") + kernel + ": " + text_of(status));
}

}  // namespace quern::cuda
