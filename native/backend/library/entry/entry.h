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

// What quern_backend does in a library whose device is a C++ Device: the whole of it is
//   extern "C" QUERN_EXPORT void quern_backend(uint32_t abi, const QuernHost* host, QuernLibrary* library) {
//     quern::export_device(create, probe, abi, *host, *library);
//   }
// One kind of device a library; no exception gets out. Compiled into the library, entry.cc and host_pool.cc
// beside it.
void export_device(CreateDevice create, ProbeDevices probe, uint32_t abi, const QuernHost& host,
                   QuernLibrary& library);

// The process that the library was loaded by.
const QuernHost& host();

}  // namespace quern

#define QUERN_EXPORT __attribute__((visibility("default")))
