// The state behind the computed GPU's cudart: devices, their streams and faults, and what nvcc's host code
// registered. One lock guards all of it; kernels run under it.
#pragma once
#include <cuda_runtime_api.h>

#include <atomic>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "emulator/arena.h"
#include "emulator/launch.h"
#include "emulator/operation.h"

namespace quern::emulator {

// The code of one object file, for each device it was used on.
struct Binary {
  const void* wrapper = nullptr;
  std::map<int, std::shared_ptr<Module>> modules;
};

struct Function {
  std::shared_ptr<Binary> binary;
  std::string name;
  std::map<int, int> most_dynamic_shared;  // by device, where cudaFuncSetAttribute set it
};

struct Variable {
  std::shared_ptr<Binary> binary;
  std::string name;
};

struct Device {
  bool is_open = false;             // cudaSetDevice() has taken it, which since CUDA 12 takes its memory too
  cudaError_t fault = cudaSuccess;  // sticky until cudaDeviceReset
  CUstream_st* default_stream = nullptr;
};

class Runtime {
 public:
  // Made when host code registers itself, before main(). What the environment says is read by open(), when
  // the first call of the API comes.
  static Runtime& instance();
  void open();

  std::mutex lock;
  std::vector<Device> devices;
  std::map<const void*, Function> functions;  // by the host's address of the kernel
  std::map<const void*, Variable> variables;
  std::set<CUstream_st*> streams;
  std::set<CUevent_st*> events;
  std::vector<std::shared_ptr<Capture>> captures;  // under way
  std::set<CUgraph_st*> graphs;
  std::set<CUgraphExec_st*> graph_execs;
  bool is_late = false;  // QUERN_EMULATOR_STREAMS=late
  // A process that ends takes NVIDIA's runtime down; who calls it then does what NVIDIA calls undefined.
  static std::atomic<bool> has_ended;

  // Of the calling thread.
  static int& current_device();
  static cudaError_t& last_error();

  Device& device() { return devices[size_t(current_device())]; }
  // Null: not registered. `function` may be a handle of __cudaGetKernel too.
  Function* find_function(const void* function);
  // Throws std::runtime_error.
  const Kernel& kernel_of(Function& function, int device);
  Module& module_of(Binary& binary, int device);

  // The stream of a handle: null is the default stream of the current device. Null: no such stream.
  CUstream_st* stream_of(cudaStream_t handle);

 private:
  bool is_open_ = false;
};

// What every call of the API does: takes the lock, gives a fault back, keeps an error for cudaGetLastError.
template <typename Body>
cudaError_t api_call(Body body) {
  Runtime& runtime = Runtime::instance();
  if (Runtime::has_ended) std::fputs("computed GPU: called while the process ends\n", stderr);
  const std::lock_guard guard(runtime.lock);
  runtime.open();
  cudaError_t error = runtime.devices.empty() ? cudaErrorNoDevice : runtime.device().fault;
  if (error == cudaSuccess) {
    const Arena::Open open;
    error = body(runtime);
  }
  if (error != cudaSuccess) Runtime::last_error() = error;
  return error;
}

// ---- limits of the GPU that is computed
struct Limits {
  int shared_bytes = 49152, shared_bytes_opted_in = 0, shared_bytes_of_multiprocessor = 0;
  int multiprocessors = 4;
};
Limits limits();

}  // namespace quern::emulator
