// The device that a test runs on: QUERN_TEST_DEVICE says `cpu`, which is the default, `late`, the device of
// test/native/late in a library of its own, or names a device library. Tests of the engine run on the first
// two.
#pragma once
#include <cstdlib>
#include <memory>
#include <string>

#include "backend/devices.h"

namespace quern::test {

inline std::unique_ptr<Device> make_late_device(int threads = 1) {
  return create_device({threads, "auto", QUERN_LATE_LIBRARY});
}

inline std::unique_ptr<Device> make_device(int threads = 1) {
  const char* const given = std::getenv("QUERN_TEST_DEVICE");
  const std::string name = given ? given : "cpu";
  if (name == "late") return make_late_device(threads);
  return create_device({threads, "auto", name == "cpu" ? std::string() : name});
}

}  // namespace quern::test
