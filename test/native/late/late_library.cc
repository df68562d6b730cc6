#include <chrono>
#include <cstdlib>
#include <thread>

#include "backend/cpu/cpu_device.h"
#include "backend/library/entry/entry.h"
#include "core/machine.h"
#include "late/late_device.h"

namespace {

std::unique_ptr<quern::Device> create(int index, int threads, const std::string& isa) {
  if (index != 0)
    throw quern::Error("no_device", "late: it has device 0 alone, got " + std::to_string(index));
  const auto knobs = quern::late::Knobs::from_environment();
  quern::host().log(("late: up to " + std::to_string(knobs.depth + 1) + " steps in flight").c_str());
  return quern::late::create_late_device(quern::create_cpu_device({threads, isa}), knobs);
}

// What a test wants a machine to have: QUERN_LATE_PROBLEM says what is wrong with the library as a whole,
// QUERN_LATE_DEVICE_PROBLEM with its device, QUERN_LATE_FREE how many bytes are free there,
// QUERN_LATE_WAKES after how many milliseconds it answers.
quern::DeviceProbe probe() {
  const auto problem = [](const char* name) -> std::optional<quern::Failure> {
    const char* const text = std::getenv(name);
    if (!text || !*text) return std::nullopt;
    return quern::Failure{"no_device", text};
  };
  if (const char* const wakes = std::getenv("QUERN_LATE_WAKES"))
    std::this_thread::sleep_for(std::chrono::milliseconds(std::atoi(wakes)));
  const uint64_t memory = quern::available_memory();
  const char* const free = std::getenv("QUERN_LATE_FREE");
  const std::string isa = create(0, 1, "auto")->describe().isa;
  quern::DeviceProbe found{"late", 13000, 13000, {}, problem("QUERN_LATE_PROBLEM")};
  if (found.problem) return found;
  found.devices.push_back({0, "late device", isa, 8, 6, 2, memory,
                           free ? std::strtoull(free, nullptr, 10) : memory,
                           problem("QUERN_LATE_DEVICE_PROBLEM")});
  return found;
}

}  // namespace

extern "C" QUERN_EXPORT void quern_backend(uint32_t abi, const QuernHost* host, QuernLibrary* library) {
  quern::export_device(create, probe, abi, *host, *library);
}
