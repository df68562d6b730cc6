#pragma once
#include <memory>
#include <string>

#include "backend/backend.h"
#include "backend/library/abi.h"

namespace quern {

using CreateDevice = std::unique_ptr<Device> (*)(int threads, const std::string& isa);

// What quern_backend does in a library whose device is a C++ Device: the whole of it is
//   extern "C" QUERN_EXPORT void quern_backend(uint32_t abi, const QuernHost* host, QuernLibrary* library) {
//     quern::export_device(create, abi, *host, *library);
//   }
// One device a library; no exception gets out. Compiled into the library, entry.cc and host_pool.cc beside
// it.
void export_device(CreateDevice create, uint32_t abi, const QuernHost& host, QuernLibrary& library);

// The process that the library was loaded by.
const QuernHost& host();

}  // namespace quern

#define QUERN_EXPORT __attribute__((visibility("default")))
