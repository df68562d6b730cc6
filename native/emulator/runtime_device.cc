// Devices: how many, what they can do, their faults; and the names of errors.
#include <cstdio>
#include <cstring>

#include "emulator/arena.h"
#include "emulator/asked.h"
#include "emulator/counters.h"
#include "emulator/fat_binary.h"
#include "emulator/runtime_stream.h"

using namespace quern::emulator;

namespace {

constexpr int kVersion = 13000;  // of the driver and of the runtime

struct ErrorName {
  cudaError_t error;
  const char *name, *text;
};
#define NAMED(error, text) \
  { error, #error, text }
constexpr ErrorName kErrorNames[] = {
    NAMED(cudaSuccess, "no error"),
    NAMED(cudaErrorInvalidValue, "invalid argument"),
    NAMED(cudaErrorMemoryAllocation, "out of memory"),
    NAMED(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    NAMED(cudaErrorInvalidSymbol, "invalid device symbol"),
    NAMED(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    NAMED(cudaErrorMissingConfiguration, "__global__ function call is not configured"),
    NAMED(cudaErrorInvalidDeviceFunction, "invalid device function"),
    NAMED(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    NAMED(cudaErrorInvalidDevice, "invalid device ordinal"),
    NAMED(cudaErrorInvalidKernelImage, "device kernel image is invalid"),
    NAMED(cudaErrorInvalidPtx, "a PTX JIT compilation failed"),
    NAMED(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    NAMED(cudaErrorIllegalState, "the operation cannot be performed in the present state"),
    NAMED(cudaErrorNotReady, "device not ready"),
    NAMED(cudaErrorNotSupported, "operation not supported"),
    NAMED(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    NAMED(cudaErrorMisalignedAddress, "misaligned address"),
    NAMED(cudaErrorContextIsDestroyed, "context is destroyed"),
    NAMED(cudaErrorLaunchOutOfResources, "too many resources requested for launch"),
    NAMED(cudaErrorLaunchFailure, "unspecified launch failure"),
    NAMED(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
    NAMED(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture"),
    NAMED(cudaErrorStreamCaptureMerge, "operation would result in a merge of separate capture sequences"),
    NAMED(cudaErrorStreamCaptureUnmatched, "capture was not ended in the same stream as it began"),
    NAMED(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work"),
    NAMED(cudaErrorStreamCaptureIsolation, "dependency created on uncaptured work in another stream"),
    NAMED(cudaErrorStreamCaptureImplicit, "operation would make the legacy stream depend on a capturing one"),
    NAMED(cudaErrorCapturedEvent, "operation not permitted on an event last recorded in a capturing stream"),
    NAMED(cudaErrorStreamCaptureWrongThread,
          "attempt to terminate a thread-local capture from another thread"),
    NAMED(cudaErrorGraphExecUpdateFailure, "the graph update was not performed"),
};
#undef NAMED

const ErrorName* name_of(cudaError_t error) {
  for (const ErrorName& one : kErrorNames) {
    if (one.error == error) return &one;
  }
  return nullptr;
}

int compute_major() {
  return architecture().number / 10;
}
int compute_minor() {
  return architecture().number % 10;
}

cudaError_t attribute_of(int* value, cudaDeviceAttr attribute) {
  const Limits most = limits();
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = 1024;
      break;
    case cudaDevAttrMaxBlockDimX:
    case cudaDevAttrMaxBlockDimY:
      *value = 1024;
      break;
    case cudaDevAttrMaxBlockDimZ:
      *value = 64;
      break;
    case cudaDevAttrMaxGridDimX:
      *value = 0x7fffffff;
      break;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ:
      *value = 65535;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = most.shared_bytes;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = most.shared_bytes_opted_in;
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = most.shared_bytes_of_multiprocessor;
      break;
    case cudaDevAttrReservedSharedMemoryPerBlock:
      *value = 1024;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = 2048;
      break;
    case cudaDevAttrMaxBlocksPerMultiprocessor:
      *value = 32;
      break;
    case cudaDevAttrMaxRegistersPerBlock:
    case cudaDevAttrMaxRegistersPerMultiprocessor:
      *value = 65536;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = most.multiprocessors;
      break;
    case cudaDevAttrWarpSize:
      *value = 32;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = compute_major();
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = compute_minor();
      break;
    case cudaDevAttrL2CacheSize:
      *value = 40 << 20;
      break;
    case cudaDevAttrClockRate:
      *value = 1410000;
      break;
    case cudaDevAttrMemoryClockRate:
      *value = 1215000;
      break;
    case cudaDevAttrGlobalMemoryBusWidth:
      *value = 5120;
      break;
    case cudaDevAttrUnifiedAddressing:
    case cudaDevAttrCanMapHostMemory:
    case cudaDevAttrConcurrentKernels:
    case cudaDevAttrMemoryPoolsSupported:
      *value = 1;
      break;
    case cudaDevAttrAsyncEngineCount:
      *value = 2;
      break;
    case cudaDevAttrIntegrated:
    case cudaDevAttrCooperativeLaunch:
    case cudaDevAttrComputeMode:
    case cudaDevAttrManagedMemory:
    case cudaDevAttrConcurrentManagedAccess:
    case cudaDevAttrPageableMemoryAccess:
    case cudaDevAttrTccDriver:
    case cudaDevAttrPciBusId:
    case cudaDevAttrPciDeviceId:
    case cudaDevAttrPciDomainId:
      *value = 0;
      break;
    default:
      return cudaErrorInvalidValue;
  }
  return cudaSuccess;
}

// What is under way on a device is given up.
void abandon(Runtime& runtime, int device) {
  Device& reset = runtime.devices[size_t(device)];
  reset.fault = cudaErrorLaunchFailure;  // nothing that still waits is done
  for (CUstream_st* stream : runtime.streams) {
    if (stream->device == device) stream->capture = nullptr;
  }
  drain_device(runtime, device);
  std::erase_if(runtime.streams, [&](CUstream_st* stream) {
    if (stream->device != device) return false;
    std::erase_if(runtime.captures, [&](const auto& capture) { return capture->origin == stream; });
    delete stream;
    return true;
  });
  std::erase_if(runtime.events, [&](CUevent_st* event) {
    if (event->device != device) return false;
    delete event;
    return true;
  });
  for (auto& [host, function] : runtime.functions) {
    function.most_dynamic_shared.erase(device);
    function.binary->modules.erase(device);
  }
  Arena::instance().release_all(device);
  reset.fault = cudaSuccess;
  reset.is_open = false;
}

// As drivers may: after a fault NVIDIA promises nothing to this process.
bool refuses_reset() {
  return asked_word("QUERN_EMULATOR_RESET", {"given", "refused"}) == "refused";
}

}  // namespace

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  Runtime& runtime = Runtime::instance();
  const std::lock_guard guard(runtime.lock);
  runtime.open();
  *count = int(runtime.devices.size());
  return *count > 0 ? cudaSuccess : Runtime::last_error() = cudaErrorNoDevice;
}

cudaError_t cudaGetDevice(int* device) {
  *device = Runtime::current_device();
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  Runtime& runtime = Runtime::instance();
  const std::lock_guard guard(runtime.lock);
  runtime.open();
  if (device < 0 || size_t(device) >= runtime.devices.size()) {
    return Runtime::last_error() = runtime.devices.empty() ? cudaErrorNoDevice : cudaErrorInvalidDevice;
  }
  Runtime::current_device() = device;
  if (runtime.device().fault == cudaSuccess) runtime.device().is_open = true;
  return runtime.device().fault;
}

cudaError_t cudaDeviceSynchronize() {
  return api_call([](Runtime& runtime) {
    const cudaError_t refused = refuse_in_capture(runtime);
    ++counted().waits;
    return refused != cudaSuccess ? refused : drain_device(runtime, Runtime::current_device());
  });
}

cudaError_t cudaDeviceReset() {
  Runtime& runtime = Runtime::instance();
  const std::lock_guard guard(runtime.lock);
  runtime.open();
  if (runtime.devices.empty()) return Runtime::last_error() = cudaErrorNoDevice;
  const cudaError_t fault = runtime.device().fault;
  if (fault != cudaSuccess && refuses_reset()) return Runtime::last_error() = fault;
  abandon(runtime, Runtime::current_device());
  Runtime::last_error() = cudaSuccess;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return api_call([&](Runtime& runtime) {
    if (device < 0 || size_t(device) >= runtime.devices.size()) return cudaErrorInvalidDevice;
    return attribute_of(value, attribute);
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return api_call([&](Runtime& runtime) {
    if (device < 0 || size_t(device) >= runtime.devices.size()) return cudaErrorInvalidDevice;
    const Limits most = limits();
    *properties = {};
    std::snprintf(properties->name, sizeof properties->name, "computed GPU");
    for (int i = 0; i < 16; i++) properties->uuid.bytes[i] = char(i == 15 ? device : 'q');
    properties->totalGlobalMem = Arena::instance().limit();
    properties->sharedMemPerBlock = size_t(most.shared_bytes);
    properties->sharedMemPerBlockOptin = size_t(most.shared_bytes_opted_in);
    properties->sharedMemPerMultiprocessor = size_t(most.shared_bytes_of_multiprocessor);
    properties->reservedSharedMemPerBlock = 1024;
    properties->regsPerBlock = properties->regsPerMultiprocessor = 65536;
    properties->warpSize = 32;
    properties->maxThreadsPerBlock = 1024;
    properties->maxThreadsPerMultiProcessor = 2048;
    properties->maxBlocksPerMultiProcessor = 32;
    const int block[] = {1024, 1024, 64}, grid[] = {0x7fffffff, 65535, 65535};
    std::memcpy(properties->maxThreadsDim, block, sizeof block);
    std::memcpy(properties->maxGridSize, grid, sizeof grid);
    properties->totalConstMem = 65536;
    properties->major = compute_major();
    properties->minor = compute_minor();
    properties->multiProcessorCount = most.multiprocessors;
    properties->l2CacheSize = 40 << 20;
    properties->memoryBusWidth = 5120;
    properties->canMapHostMemory = properties->unifiedAddressing = properties->concurrentKernels = 1;
    properties->asyncEngineCount = 2;
    return cudaSuccess;
  });
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = kVersion;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = kVersion;
  return cudaSuccess;
}

// ---- errors

cudaError_t cudaPeekAtLastError() {
  return Runtime::last_error();
}

// What ended a device is not forgotten by asking.
cudaError_t cudaGetLastError() {
  Runtime& runtime = Runtime::instance();
  const std::lock_guard guard(runtime.lock);
  const cudaError_t error = Runtime::last_error();
  const bool is_lost = !runtime.devices.empty() && runtime.device().fault != cudaSuccess;
  if (!is_lost) Runtime::last_error() = cudaSuccess;
  return error;
}

const char* cudaGetErrorName(cudaError_t error) {
  const ErrorName* found = name_of(error);
  return found ? found->name : "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  const ErrorName* found = name_of(error);
  return found ? found->text : "unrecognized error code";
}

}  // extern "C"
