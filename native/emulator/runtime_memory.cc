// Memory of the device and pinned memory of the host: given, copied, filled.
#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "emulator/arena.h"
#include "emulator/counters.h"
#include "emulator/runtime_stream.h"

using namespace quern::emulator;

namespace {

enum class Place { device, pinned, pageable };

// Where these bytes lie; none: not all in one living allocation of a device.
std::optional<Place> place_of(const void* address, size_t bytes) {
  const Arena& arena = Arena::instance();
  if (!arena.holds(address)) return Place::pageable;
  if (arena.is_constant(address, bytes)) return Place::device;
  const Arena::Allocation* found = arena.find(address);
  if (!found || found->is_freed || !found->holds(address, bytes)) return std::nullopt;
  return found->device == Arena::kHost ? Place::pinned : Place::device;
}

bool fits(cudaMemcpyKind kind, Place to, Place from) {
  const bool to_device = to == Place::device, from_device = from == Place::device;
  switch (kind) {
    case cudaMemcpyHostToHost:
      return !to_device && !from_device;
    case cudaMemcpyHostToDevice:
      return to_device && !from_device;
    case cudaMemcpyDeviceToHost:
      return !to_device && from_device;
    case cudaMemcpyDeviceToDevice:
      return to_device && from_device;
    default:
      return true;
  }
}

cudaError_t copy(Runtime& runtime, cudaStream_t handle, Copy asked, cudaMemcpyKind kind, bool is_async) {
  CUstream_st* stream = runtime.stream_of(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  if (asked.width == 0 || asked.height == 0) return cudaSuccess;
  if (!asked.to || !asked.from || asked.width > asked.to_pitch || asked.width > asked.from_pitch) {
    return cudaErrorInvalidValue;
  }
  const auto to = place_of(asked.to, (asked.height - 1) * asked.to_pitch + asked.width);
  const auto from = place_of(asked.from, (asked.height - 1) * asked.from_pitch + asked.width);
  if (!to || !from) return cudaErrorInvalidValue;
  if (!fits(kind, *to, *from)) return cudaErrorInvalidMemcpyDirection;
  if (!is_async) {
    const cudaError_t refused = refuse_in_capture(runtime);
    if (refused != cudaSuccess) return refused;
  }
  const bool is_captured = stream->capture != nullptr;
  if (is_async && !is_captured && *from == Place::pageable && runtime.is_late) {
    auto staged = std::make_shared<std::vector<std::byte>>(asked.width * asked.height);
    for (size_t row = 0; row < asked.height; row++) {
      std::memcpy(staged->data() + row * asked.width,
                  static_cast<const std::byte*>(asked.from) + row * asked.from_pitch, asked.width);
    }
    asked.staged = std::move(staged);
  }
  ++counted().copies;
  counted().waits += !is_captured && (!is_async || *to == Place::pageable || *from == Place::pageable);
  const cudaError_t error = enqueue(runtime, stream, {std::move(asked)});
  if (error != cudaSuccess || is_captured) return error;
  return is_async && *to != Place::pageable ? cudaSuccess : drain(runtime, stream);
}

cudaError_t fill(Runtime& runtime, cudaStream_t handle, const Fill& asked, bool is_async) {
  CUstream_st* stream = runtime.stream_of(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  if (asked.bytes == 0) return cudaSuccess;
  const auto to = place_of(asked.to, asked.bytes);
  if (to != Place::device) return cudaErrorInvalidValue;
  if (!is_async) {
    const cudaError_t refused = refuse_in_capture(runtime);
    if (refused != cudaSuccess) return refused;
  }
  return enqueue(runtime, stream, {asked});  // cudaMemset does not wait either
}

cudaError_t allocate(Runtime& runtime, void** address, size_t bytes, int device) {
  *address = nullptr;
  const cudaError_t refused = refuse_in_capture(runtime);
  if (refused != cudaSuccess) return refused;
  if (bytes == 0) return cudaSuccess;
  Arena& arena = Arena::instance();
  *address = device == Arena::kHost ? arena.allocate_pinned(bytes, Runtime::current_device())
                                    : arena.allocate(bytes, device);
  return *address ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t release(Runtime& runtime, void* address, bool is_host) {
  if (!address) return cudaSuccess;
  const Arena::Allocation* found = Arena::instance().find(address);
  if (!found || found->begin != address || found->is_freed) return cudaErrorInvalidValue;
  const cudaError_t refused = refuse_in_capture(runtime);
  if (refused != cudaSuccess) return refused;
  for (size_t device = 0; device < runtime.devices.size(); device++) {
    if (!is_host && int(device) != found->device) continue;
    const cudaError_t error = drain_device(runtime, int(device));
    if (error != cudaSuccess) return error;
  }
  return Arena::instance().release(address, is_host) ? cudaSuccess : cudaErrorInvalidValue;
}

// Where a __device__ or __constant__ variable lies on the current device.
cudaError_t find_symbol(Runtime& runtime, const void* symbol, std::byte** address, size_t* bytes) {
  const auto found = runtime.variables.find(symbol);
  if (found == runtime.variables.end()) return cudaErrorInvalidSymbol;
  try {
    Module& module = runtime.module_of(*found->second.binary, Runtime::current_device());
    *address = static_cast<std::byte*>(find_variable(module, found->second.name, bytes));
    return *address ? cudaSuccess : cudaErrorInvalidSymbol;
  } catch (const std::exception&) {
    return cudaErrorInvalidKernelImage;
  }
}

// Where the `bytes` from `offset` on of such a variable lie.
cudaError_t find_in_symbol(Runtime& runtime, const void* symbol, size_t offset, size_t bytes,
                           std::byte** address) {
  size_t all = 0;
  const cudaError_t error = find_symbol(runtime, symbol, address, &all);
  if (error != cudaSuccess) return error;
  if (offset > all || bytes > all - offset) return cudaErrorInvalidValue;
  *address += offset;
  return cudaSuccess;
}

}  // namespace

extern "C" {

cudaError_t cudaMalloc(void** address, size_t bytes) {
  return api_call(
      [&](Runtime& runtime) { return allocate(runtime, address, bytes, Runtime::current_device()); });
}

cudaError_t cudaFree(void* address) {
  return api_call([&](Runtime& runtime) { return release(runtime, address, false); });
}

cudaError_t cudaMallocHost(void** address, size_t bytes) {
  return cudaHostAlloc(address, bytes, cudaHostAllocDefault);
}

cudaError_t cudaHostAlloc(void** address, size_t bytes, unsigned) {
  return api_call([&](Runtime& runtime) {
    const cudaError_t error = allocate(runtime, address, bytes, Arena::kHost);
    if (*address) Arena::instance().touch(*address, bytes);  // the host does not say when it writes
    return error;
  });
}

cudaError_t cudaFreeHost(void* address) {
  return api_call([&](Runtime& runtime) { return release(runtime, address, true); });
}

cudaError_t cudaMallocAsync(void** address, size_t bytes, cudaStream_t handle) {
  return api_call([&](Runtime& runtime) {
    const CUstream_st* stream = runtime.stream_of(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    return allocate(runtime, address, bytes, stream->device);
  });
}

cudaError_t cudaFreeAsync(void* address, cudaStream_t handle) {
  return api_call([&](Runtime& runtime) {
    CUstream_st* stream = runtime.stream_of(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (stream->capture) return cudaErrorStreamCaptureUnsupported;
    const Arena::Allocation* found = Arena::instance().find(address);
    if (!found || found->begin != address || found->is_freed) return cudaErrorInvalidValue;
    return enqueue(runtime, stream, {Release{address}});
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  return api_call([&](Runtime& runtime) {
    return copy(runtime, nullptr, {to, from, bytes, 1, bytes, bytes}, kind, false);
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return api_call([&](Runtime& runtime) {
    return copy(runtime, stream, {to, from, bytes, 1, bytes, bytes}, kind, true);
  });
}

cudaError_t cudaMemcpy2D(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                         size_t height, cudaMemcpyKind kind) {
  return api_call([&](Runtime& runtime) {
    return copy(runtime, nullptr, {to, from, width, height, to_pitch, from_pitch}, kind, false);
  });
}

cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                              size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  return api_call([&](Runtime& runtime) {
    return copy(runtime, stream, {to, from, width, height, to_pitch, from_pitch}, kind, true);
  });
}

cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  return api_call([&](Runtime& runtime) { return fill(runtime, nullptr, {to, value, bytes}, false); });
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  return api_call([&](Runtime& runtime) { return fill(runtime, stream, {to, value, bytes}, true); });
}

cudaError_t cudaGetSymbolAddress(void** address, const void* symbol) {
  return api_call([&](Runtime& runtime) {
    size_t bytes = 0;
    std::byte* at = nullptr;
    const cudaError_t error = find_symbol(runtime, symbol, &at, &bytes);
    *address = at;
    return error;
  });
}

cudaError_t cudaMemcpyToSymbol(const void* symbol, const void* from, size_t bytes, size_t offset,
                               cudaMemcpyKind kind) {
  return api_call([&](Runtime& runtime) {
    std::byte* at = nullptr;
    const cudaError_t error = find_in_symbol(runtime, symbol, offset, bytes, &at);
    if (error != cudaSuccess) return error;
    return copy(runtime, nullptr, {at, from, bytes, 1, bytes, bytes}, kind, false);
  });
}

cudaError_t cudaMemcpyFromSymbol(void* to, const void* symbol, size_t bytes, size_t offset,
                                 cudaMemcpyKind kind) {
  return api_call([&](Runtime& runtime) {
    std::byte* at = nullptr;
    const cudaError_t error = find_in_symbol(runtime, symbol, offset, bytes, &at);
    if (error != cudaSuccess) return error;
    return copy(runtime, nullptr, {to, at, bytes, 1, bytes, bytes}, kind, false);
  });
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  return api_call([&](Runtime&) {
    const Arena& arena = Arena::instance();
    *total = arena.limit();
    *free = arena.limit() - arena.used(Runtime::current_device());
    return cudaSuccess;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* address) {
  return api_call([&](Runtime&) {
    *attributes = {};
    const auto place = place_of(address, 1);
    if (!place || place == Place::pageable) {
      attributes->type = cudaMemoryTypeUnregistered;
      return cudaSuccess;
    }
    const Arena::Allocation* found = Arena::instance().find(address);
    attributes->type = place == Place::pinned ? cudaMemoryTypeHost : cudaMemoryTypeDevice;
    attributes->device = found && found->device >= 0 ? found->device : Runtime::current_device();
    attributes->devicePointer = const_cast<void*>(address);
    if (place == Place::pinned) attributes->hostPointer = const_cast<void*>(address);
    return cudaSuccess;
  });
}

}  // extern "C"
