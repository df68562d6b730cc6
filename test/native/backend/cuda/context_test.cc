// One GPU and several who use it at once: what one does must not be the end of what another does.
#include <cuda_runtime_api.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "backend/cuda/code_of.h"
#include "backend/cuda/cuda_context.h"
#include "backend/cuda/cuda_memory.h"
#include "backend/cuda/cuda_probe.h"
#include "backend/cuda/graph_cache.h"
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

TEST(who_notices_late_that_the_gpu_was_lost_does_not_take_it_from_its_next_users) {
  const auto lost = Context::open(0);
  CHECK_EQ(code_of([&] { lost->check(cudaErrorIllegalAddress, "a kernel"); }), std::string("device_failed"));
  CHECK(lost->is_lost());
  const auto next = Context::open(0);
  CHECK(next != lost);
  const DeviceBuffer buffer(next, 64);
  CHECK_EQ(code_of([&] { lost->check(cudaErrorContextIsDestroyed, "another thread"); }),
           std::string("device_failed"));
  CHECK(!probe_cuda().problem);
  CHECK_EQ(code_of([&] { buffer.clear(); }), std::string("none"));
}

}  // namespace
}  // namespace quern::cuda
