// The device that a test runs on.
#pragma once
#include <memory>

#include "backend/cpu/cpu_device.h"

namespace quern::test {

inline std::unique_ptr<Device> make_device(int threads = 1) {
  return create_cpu_device({threads, "auto"});
}

}  // namespace quern::test
