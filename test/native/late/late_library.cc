#include <atomic>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <sstream>
#include <thread>
#include <vector>

#include "backend/cpu/cpu_device.h"
#include "backend/library/entry/entry.h"
#include "core/machine.h"
#include "late/late_device.h"

namespace {

// How many bytes are free on each of its devices, or why it cannot be opened.
std::vector<std::string> memories() {
  const char* const text = std::getenv("QUERN_LATE_FREE");
  std::vector<std::string> all;
  std::istringstream list(text && *text ? text : std::to_string(quern::available_memory()));
  for (std::string one; std::getline(list, one, ',');) all.push_back(one);
  return all;
}

std::unique_ptr<quern::Device> create(int index, int threads, const std::string& isa) {
  if (index < 0 || index >= static_cast<int>(memories().size()))
    throw quern::Error("no_device", "late: it has no device " + std::to_string(index));
  const auto knobs = quern::late::Knobs::from_environment();
  quern::host().log(("late: up to " + std::to_string(knobs.depth + 1) + " steps in flight").c_str());
  return quern::late::create_late_device(quern::create_cpu_device({threads, isa}), knobs);
}

void wake() {
  if (const char* const wakes = std::getenv("QUERN_LATE_WAKES"))
    std::this_thread::sleep_for(std::chrono::milliseconds(std::atoi(wakes)));
}

// With QUERN_LATE_DEVICES as many in a process as it says; then there is nothing that can be done.
std::unique_ptr<quern::Device> create_counted(int index, int threads, const std::string& isa) {
  static std::atomic<int> created{0};
  const char* const most = std::getenv("QUERN_LATE_DEVICES");
  if (most && created++ >= std::atoi(most))
    throw quern::Error("device_failed", "late: it cannot be used any more: restart the process");
  return create(index, threads, isa);
}

// What a test wants a machine to have: QUERN_LATE_PROBLEM says what is wrong with the library as a whole,
// QUERN_LATE_DEVICE_PROBLEM with each device, QUERN_LATE_FREE how many bytes are free on each
// ("0,5000000000,busy": of three the last cannot be opened), QUERN_LATE_WAKES after how many milliseconds
// the library answers.
quern::DeviceProbe probe() {
  const auto problem = [](const char* name) -> std::optional<quern::Failure> {
    const char* const text = std::getenv(name);
    if (!text || !*text) return std::nullopt;
    return quern::Failure{"no_device", text};
  };
  wake();
  const std::string isa = create(0, 1, "auto")->describe().isa;
  quern::DeviceProbe found{"late", 13000, 13000, {}, problem("QUERN_LATE_PROBLEM")};
  if (found.problem) return found;
  const int count = static_cast<int>(memories().size());
  for (int index = 0; index < count; ++index) {
    found.devices.push_back({index, "late device", isa, 8, 6, 2, quern::available_memory(),
                             problem("QUERN_LATE_DEVICE_PROBLEM")});
  }
  return found;
}

uint64_t free_memory(int index) {
  wake();
  quern::host().log(("late: opened device " + std::to_string(index)).c_str());
  const std::string memory = memories().at(static_cast<size_t>(index));
  if (!std::isdigit(static_cast<unsigned char>(memory[0]))) throw quern::Error("no_device", memory);
  return std::strtoull(memory.c_str(), nullptr, 10);
}

constexpr quern::LibraryDevices kDevices{create_counted, probe, free_memory};

}  // namespace

extern "C" QUERN_EXPORT void quern_backend(uint32_t abi, const QuernHost* host, QuernLibrary* library) {
  quern::export_device(kDevices, abi, *host, *library);
}
