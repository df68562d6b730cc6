// One GPU and several who use it at once: what one does must not be the end of what another does.
#include <cuda_runtime_api.h>

#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "backend/cuda/code_of.h"
#include "backend/cuda/cuda_context.h"
#include "backend/cuda/cuda_memory.h"
#include "backend/cuda/cuda_probe.h"
#include "backend/cuda/graph_cache.h"
#include "backend/cuda/kernels/launch.h"
#include "check.h"
#include "core/error.h"

namespace quern::cuda {
namespace {

// Some small operations, which another `eps` makes others.
std::vector<Operation> norms(const DeviceBuffer& numbers, float eps) {
  constexpr int kCols = 32;
  const Norm norm{numbers.as<float>(), nullptr, numbers.as<float>(), eps, 1, kCols,
                  numbers.as<float>(), false};
  return std::vector<Operation>(200, norm);
}

class TestStream {
 public:
  explicit TestStream(const Context& context) {
    context.enter();
    context.check(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  ~TestStream() { cudaStreamDestroy(handle); }
  cudaStream_t handle = nullptr;
};

void wait_a_little() {
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
}

TEST(memory_is_taken_and_given_back_when_nobody_records) {
  const auto context = Context::open(0);
  const TestStream stream(*context);
  std::string of_others;
  auto turn = context->take_turn();
  context->check(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal), "recording");
  std::thread others([&] {
    of_others = code_of([&] {
      DeviceBuffer(context, 64).clear();
      const PinnedBuffer pinned(context, 64);
    });
  });
  wait_a_little();
  cudaGraph_t graph = nullptr;
  CHECK_EQ(cudaStreamEndCapture(stream.handle, &graph), cudaSuccess);
  turn.unlock();
  others.join();
  CHECK_EQ(of_others, std::string("none"));
  cudaGraphDestroy(graph);
}

TEST(steps_are_recorded_when_nobody_asks_for_the_whole_gpu) {
  const auto context = Context::open(0);
  const TestStream stream(*context);
  const DeviceBuffer numbers(context, 32 * sizeof(float));
  numbers.clear();
  GraphCache graphs(context);
  for (int list = 1; list <= 5; ++list) {
    const std::vector<Operation> operations = norms(numbers, static_cast<float>(list));
    graphs.launch(operations, stream.handle);
    std::string recording;
    auto turn = context->take_turn();
    std::thread recorder([&] {
      recording = code_of([&] {
        context->enter();
        graphs.launch(operations, stream.handle);
      });
    });
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    while (std::chrono::steady_clock::now() < end) {
      CHECK_EQ(cudaDeviceSynchronize(), cudaSuccess);
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    turn.unlock();
    recorder.join();
    CHECK_EQ(recording, std::string("none"));
  }
  context->wait_for_all();
}

TEST(a_gpu_that_failed_is_reset_when_nobody_holds_anything_on_it_any_more) {
  auto lost = Context::open(0);
  PinnedBuffer pinned(lost, 64);
  const auto fail = [&] { return code_of([&] { lost->check(cudaErrorIllegalAddress, "a kernel"); }); };
  CHECK_EQ(fail(), std::string("device_failed"));
  CHECK(lost->is_lost());
  CHECK_EQ(code_of([&] { lost->enter(); }), std::string("device_failed"));
  CHECK_EQ(code_of([] { Context::open(0); }), std::string("device_failed"));
  const DeviceProbe probe = probe_cuda();
  CHECK(!probe.problem);
  const ProbedDevice& device = probe.devices.at(0);
  CHECK_EQ(device.name, std::string(lost->properties().name));
  CHECK(device.problem.has_value());
  if (device.problem) {
    CHECK_EQ(device.problem->code, std::string("device_failed"));
    CHECK(device.problem->message.find("close every model that ran on it") != std::string::npos);
  }
  std::memset(pinned.as<void>(), 1, pinned.bytes());  // it is there as long as its owner
  lost.reset();
  CHECK_EQ(code_of([] { Context::open(0); }), std::string("device_failed"));
  pinned = PinnedBuffer();
  CHECK(!probe_cuda().devices.at(0).problem);
  CHECK_EQ(code_of([] { DeviceBuffer(Context::open(0), 64).clear(); }), std::string("none"));
}

TEST(a_kernel_that_the_gpu_has_no_memory_for_is_out_of_memory) {
  const auto context = Context::open(0);
  context->enter();
  std::string message;
  void* data = nullptr;
  CHECK_EQ(cudaMalloc(&data, size_t{1} << 50), cudaErrorMemoryAllocation);
  CHECK_EQ(code_of([] { check_launch("embed"); }, &message), std::string("out_of_memory"));
  CHECK(message.starts_with("kernel embed: expected more of the GPU's memory, got "));
  CHECK(message.find(" that are free of ") != std::string::npos);
  CHECK_EQ(code_of([&] { context->check(cudaErrorMemoryAllocation, "launching a step"); }, &message),
           std::string("out_of_memory"));
  CHECK(message.find(" that are free of ") != std::string::npos);
}

TEST(what_takes_the_gpu_from_this_process_is_the_gpus_end) {
  for (const cudaError_t status :
       {cudaErrorMpsClientTerminated, cudaErrorTensorMemoryLeak, cudaErrorExternalDevice})
    CHECK(ends_device(status));
}

}  // namespace
}  // namespace quern::cuda
