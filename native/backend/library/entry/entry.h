#pragma once
#include <memory>
#include <string>

#include "backend/backend.h"
#include "backend/device_probe.h"
#include "backend/library/abi.h"

namespace quern {

// `index`: which of the library's devices.
using CreateDevice = std::unique_ptr<Device> (*)(int index, int threads, const std::string& isa);
using ProbeDevices = DeviceProbe (*)();
using FreeMemory = uint64_t (*)(int index);

// What a library does of its own. It stays as long as the process lives.
struct LibraryDevices {
  CreateDevice create;
  ProbeDevices probe;      // opens none of them
  FreeMemory free_memory;  // bytes, of one, which it may open
};

// What quern_backend does in a library whose device is a C++ Device: the whole of it is
//   extern "C" QUERN_EXPORT void quern_backend(uint32_t abi, const QuernHost* host, QuernLibrary* library) {
//     quern::export_device(kDevices, abi, *host, *library);
//   }
// One kind of device a library; no exception gets out. Compiled into the library, entry.cc and host_pool.cc
// beside it.
void export_device(const LibraryDevices& devices, uint32_t abi, const QuernHost& host, QuernLibrary& library);

// The process that the library was loaded by.
const QuernHost& host();

}  // namespace quern

#define QUERN_EXPORT __attribute__((visibility("default")))
