// Where a step cannot be recorded, it is launched kernel by kernel: graphs are for speed alone.
#include "backend/cuda/graph_cache.h"

#include <cuda_runtime_api.h>

#include <string>
#include <vector>

#include "backend/cuda/code_of.h"
#include "backend/cuda/cuda_memory.h"
#include "check.h"
#include "emulator/counters.h"
#include "environment.h"

namespace quern::test {
namespace {

constexpr int kCols = 32, kKernels = 3;

// Launches the same step again and again.
class Steps {
 public:
  Steps() : context_(cuda::Context::open(0)), numbers_(context_, kCols * sizeof(float)), cache_(context_) {
    context_->enter();
    CHECK_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess);
    numbers_.clear();
    const cuda::Norm norm{numbers_.as<float>(), nullptr, numbers_.as<float>(), 1e-6f, 1, kCols,
                          numbers_.as<float>(), false};
    operations_.assign(kKernels, norm);
  }
  ~Steps() { CHECK_EQ(cudaStreamDestroy(stream_), cudaSuccess); }
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;

  // How many graphs that was.
  uint64_t launch() {
    emulator::take_counters();
    CHECK(cuda::code_of([&] { cache_.launch(operations_, stream_); }) == "none");
    CHECK_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    const emulator::Counters counters = emulator::take_counters();
    CHECK_EQ(counters.launches, uint64_t{kKernels});
    CHECK_EQ(cudaGetLastError(), cudaSuccess);
    return counters.graph_launches;
  }

 private:
  const std::shared_ptr<const cuda::Context> context_;
  const cuda::DeviceBuffer numbers_;
  cuda::GraphCache cache_;
  cudaStream_t stream_ = nullptr;
  std::vector<cuda::Operation> operations_;
};

TEST(a_step_that_is_seen_again_is_a_graph) {
  Steps steps;
  CHECK_EQ(steps.launch(), uint64_t{0});
  for (int times = 0; times < 3; ++times) CHECK_EQ(steps.launch(), uint64_t{1});
}

TEST(a_step_that_cannot_be_recorded_is_launched_all_the_same_and_tried_again_later) {
  for (const char* graphs : {"refused", "no-memory"}) {
    Steps steps;
    CHECK_EQ(steps.launch(), uint64_t{0});
    {
      const Environment asked("QUERN_EMULATOR_GRAPHS", graphs);
      CHECK_FOR(steps.launch() == 0, graphs);
    }
    for (int times = 0; times < cuda::GraphCache::kLaunchesBetweenTries; ++times)
      CHECK_FOR(steps.launch() == 0, graphs);
    for (int times = 0; times < 3; ++times) CHECK_FOR(steps.launch() == 1, graphs);
  }
}

TEST(as_often_as_it_takes) {
  Steps steps;
  {
    const Environment asked("QUERN_EMULATOR_GRAPHS", "no-memory");
    for (int times = 0; times < 2 + cuda::GraphCache::kLaunchesBetweenTries + 1; ++times)
      CHECK_EQ(steps.launch(), uint64_t{0});
  }
  for (int times = 0; times < cuda::GraphCache::kLaunchesBetweenTries; ++times)
    CHECK_EQ(steps.launch(), uint64_t{0});
  CHECK_EQ(steps.launch(), uint64_t{1});
}

}  // namespace
}  // namespace quern::test
