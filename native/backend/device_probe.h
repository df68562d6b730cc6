// What a library tells of its devices without opening one of them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"

namespace quern {

struct ProbedDevice {
  int index = 0;     // as create_device() takes it
  std::string name;  // the maker's
  std::string isa;   // of the code that the library would run on it; empty: it has none
  int capability_major = 0, capability_minor = 0;
  int multiprocessors = 0;
  uint64_t memory_bytes = 0;
  std::optional<Failure> problem;  // why it cannot be used, and the cure
};

struct DeviceProbe {
  std::string kind;  // as DeviceDescription's
  // As CUDA counts: 1000 * major + 10 * minor, of the newest that the driver serves and of what the library
  // was built with. 0: none, or unknown.
  int driver_version = 0, runtime_version = 0;
  std::vector<ProbedDevice> devices;
  std::optional<Failure> problem;  // why there are none, or none can be used, and the cure
};

}  // namespace quern
