#pragma once
#include <memory>
#include <string>

#include "backend/backend.h"

namespace quern {

// The device of a library: a file that has the function which abi.h tells of. It stays in the process, since
// threads may be in its code. Throws Error missing_file, device_mismatch, and what the library says.
std::unique_ptr<Device> create_library_device(const std::string& path, int threads, const std::string& isa);

}  // namespace quern
