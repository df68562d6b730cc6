#pragma once
#include <memory>
#include <string>

#include "backend/backend.h"
#include "backend/device_probe.h"

namespace quern {

// The device of a library: a file that has the function which abi.h tells of. It stays in the process, since
// threads may be in its code. `index`: which of its devices. Throws Error missing_file, device_mismatch, and
// what the library says.
std::unique_ptr<Device> create_library_device(const std::string& path, int index, int threads,
                                              const std::string& isa);

// Throws as create_library_device(); what is wrong with the devices stands in the probe.
DeviceProbe probe_library_devices(const std::string& path);

// Free bytes of one of them. Throws as create_library_device().
uint64_t library_device_memory(const std::string& path, int index);

}  // namespace quern
