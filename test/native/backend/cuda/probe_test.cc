// What can be known of GPUs without opening them: on the computed GPU, which remembers who was opened.
#include <cuda_runtime_api.h>

#include <string>
#include <thread>
#include <vector>

#include "backend/cuda/code_of.h"
#include "backend/cuda/cuda_probe.h"
#include "check.h"
#include "emulator/runtime.h"
#include "environment.h"

namespace quern::cuda {
namespace {

const test::Environment three("QUERN_EMULATOR_DEVICES", "3");

std::vector<int> opened() {
  const std::vector<emulator::Device>& devices = emulator::Runtime::instance().devices;
  std::vector<int> indices;
  for (size_t index = 0; index < devices.size(); ++index)
    if (devices[index].is_open) indices.push_back(static_cast<int>(index));
  return indices;
}

// On a thread of its own, as the process asks: what a GPU is, or is not, to one thread is nothing to another.
template <typename Ask>
void aside(const Ask& ask) {
  std::thread(ask).join();
}

TEST(probing_opens_no_gpu_and_asking_for_memory_that_one) {
  aside([] {
    const DeviceProbe probe = probe_cuda();
    CHECK(!probe.problem);
    CHECK_EQ(probe.devices.size(), size_t{3});
    for (const ProbedDevice& device : probe.devices) {
      CHECK(!device.problem);
      CHECK(device.memory_bytes > 0);
    }
  });
  CHECK(opened().empty());
  aside([] { CHECK(free_memory(1) > 0); });
  CHECK(opened() == std::vector{1});
  aside([] { CHECK_EQ(probe_cuda().devices.size(), size_t{3}); });
  CHECK(opened() == std::vector{1});
  aside([] { CHECK_EQ(code_of([] { free_memory(3); }), std::string("no_device")); });
  CHECK(opened() == std::vector{1});
}

TEST(a_gpu_that_another_process_has_for_itself) {
  emulator::Runtime::instance().devices[2].fault = cudaErrorDevicesUnavailable;
  aside([] { CHECK(!probe_cuda().devices[2].problem); });
  aside([] { CHECK_EQ(code_of([] { free_memory(2); }), std::string("no_device")); });
  aside([] { CHECK(free_memory(0) > 0); });
  CHECK(opened() == (std::vector{0, 1}));
}

TEST(a_gpu_whose_memory_others_have) {
  emulator::Runtime::instance().devices[2].fault = cudaErrorMemoryAllocation;
  std::string message;
  aside([&] { CHECK_EQ(code_of([] { free_memory(2); }, &message), std::string("out_of_memory")); });
  CHECK_EQ(message, std::string("device: GPU 2 has no memory left for this process: end what else uses it, "
                                "or take another GPU"));
}

}  // namespace
}  // namespace quern::cuda
