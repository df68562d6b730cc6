// What nvcc puts into an object for the device: a "fat binary", of which the PTX is read here.
#pragma once
#include <string>

namespace quern::emulator {

// Which GPU is computed: 80 or 90 …; `is_exact` is the "a" of 90a. From QUERN_EMULATOR_ARCH, else 80.
struct Architecture {
  int number = 80;
  bool is_exact = false;
};
Architecture architecture();

// The PTX of the highest architecture that this GPU has. `wrapper` is what the host code of nvcc registers.
// Throws std::runtime_error: none, compressed, not a fat binary.
std::string ptx_of(const void* wrapper);

}  // namespace quern::emulator
