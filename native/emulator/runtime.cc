#include "emulator/runtime.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "emulator/asked.h"
#include "emulator/fat_binary.h"
#include "emulator/runtime_stream.h"

namespace quern::emulator {
namespace {

constexpr uint64_t kMostDevices = 64;

}  // namespace

std::atomic<bool> Runtime::has_ended = false;

// Never destroyed: host code unregisters itself when the process exits, in any order.
Runtime& Runtime::instance() {
  static Runtime& runtime = *new Runtime();
  return runtime;
}

void Runtime::open() {
  if (is_open_) return;
  is_open_ = true;
  std::atexit([] {
    has_ended = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(30));  // for those who call it all the same
  });
  Arena::instance().guard();
  is_late = asked_word("QUERN_EMULATOR_STREAMS", {"early", "late"}) == "late";
  devices.resize(asked_number("QUERN_EMULATOR_DEVICES", 1, 0, kMostDevices));
  for (size_t device = 0; device < devices.size(); device++) {
    devices[device].default_stream = new CUstream_st{.device = int(device), .is_default = true};
  }
}

int& Runtime::current_device() {
  thread_local int device = 0;
  return device;
}

cudaError_t& Runtime::last_error() {
  thread_local cudaError_t error = cudaSuccess;
  return error;
}

Function* Runtime::find_function(const void* function) {
  const auto found = functions.find(function);
  if (found != functions.end()) return &found->second;
  const auto by_handle = std::find_if(functions.begin(), functions.end(),
                                      [&](const auto& registered) { return &registered.second == function; });
  return by_handle == functions.end() ? nullptr : &by_handle->second;
}

Module& Runtime::module_of(Binary& binary, int device) {
  std::shared_ptr<Module>& module = binary.modules[device];
  if (!module) module = load_module(ptx_of(binary.wrapper));
  return *module;
}

const Kernel& Runtime::kernel_of(Function& function, int device) {
  const Kernel* kernel = find_kernel(module_of(*function.binary, device), function.name);
  if (!kernel) throw std::runtime_error("the PTX has no kernel " + function.name);
  return *kernel;
}

CUstream_st* Runtime::stream_of(cudaStream_t handle) {
  if (!handle || handle == cudaStreamLegacy) return device().default_stream;
  return streams.contains(handle) ? handle : nullptr;
}

Limits limits() {
  const int arch = architecture().number;
  Limits found;
  const bool is_large = arch >= 90 && arch < 120;  // of 12.0 a processor has as little as of 8.6
  found.shared_bytes_opted_in = (is_large ? 227 : arch == 80 || arch == 87 ? 163 : 99) * 1024;
  found.shared_bytes_of_multiprocessor = found.shared_bytes_opted_in + 1024;
  found.multiprocessors =
      int(asked_number("QUERN_EMULATOR_MULTIPROCESSORS", uint64_t(found.multiprocessors), 1, 1024));
  return found;
}

}  // namespace quern::emulator
