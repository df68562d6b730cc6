// What the host code that nvcc makes calls: it registers its kernels before main(), and launches them.
#include <algorithm>

#include "emulator/runtime.h"

using namespace quern::emulator;

namespace {

struct Configuration {  // between the <<< >>> and the call
  dim3 grid, block;
  size_t shared = 0;
  void* stream = nullptr;
};

std::vector<Configuration>& configurations() {
  thread_local std::vector<Configuration> pushed;
  return pushed;
}

// What a handle of a fat binary points at.
using BinaryHandle = std::shared_ptr<Binary>;

const BinaryHandle& binary_of(void** handle) {
  return *reinterpret_cast<BinaryHandle*>(handle);
}

}  // namespace

extern "C" {

void** __cudaRegisterFatBinary(void* wrapper) {
  auto* handle = new BinaryHandle(std::make_shared<Binary>(Binary{wrapper, {}}));
  return reinterpret_cast<void**>(handle);
}

void __cudaRegisterFatBinaryEnd(void**) {}

char __cudaInitModule(void**) {
  return 1;
}

// Called when the process exits, while a thread may still launch: no library with kernels is unloaded before.
void __cudaUnregisterFatBinary(void**) {}

void __cudaRegisterFunction(void** handle, const char* host, char*, const char* name, int, uint3*, uint3*,
                            dim3*, dim3*, int*) {
  Runtime& runtime = Runtime::instance();
  const std::lock_guard guard(runtime.lock);
  runtime.functions[host] = {binary_of(handle), name, {}};
}

void __cudaRegisterVar(void** handle, char* host, char*, const char* name, int, size_t, int, int) {
  Runtime& runtime = Runtime::instance();
  const std::lock_guard guard(runtime.lock);
  runtime.variables[host] = {binary_of(handle), name};
}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, CUstream_st* stream) {
  configurations().push_back({grid, block, shared, stream});
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared, void* stream) {
  if (configurations().empty()) return cudaErrorMissingConfiguration;
  const Configuration popped = configurations().back();
  configurations().pop_back();
  *grid = popped.grid;
  *block = popped.block;
  *shared = popped.shared;
  *static_cast<void**>(stream) = popped.stream;
  return cudaSuccess;
}

// Also while a device has failed: callers ask once and keep the answer.
cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* host) {
  Runtime& runtime = Runtime::instance();
  const std::lock_guard guard(runtime.lock);
  *kernel = reinterpret_cast<cudaKernel_t>(runtime.find_function(host));
  return *kernel ? cudaSuccess : cudaErrorInvalidDeviceFunction;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments, size_t shared,
                               cudaStream_t stream) {
  return cudaLaunchKernel(kernel, grid, block, arguments, shared, stream);
}

}  // extern "C"
