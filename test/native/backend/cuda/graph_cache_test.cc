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

TEST(a_step_that_cannot_be_recorded_is_launched_all_the_same) {
  const auto context = cuda::Context::open(0);
  context->enter();
  cudaStream_t stream = nullptr;
  CHECK_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  const cuda::DeviceBuffer numbers(context, kCols * sizeof(float));
  numbers.clear();
  const cuda::Norm norm{numbers.as<float>(), nullptr, numbers.as<float>(), 1e-6f, 1, kCols,
                        numbers.as<float>(), false};
  const std::vector<cuda::Operation> operations(kKernels, norm);
  for (const char* graphs : {"given", "refused", "no-memory"}) {
    const Environment asked("QUERN_EMULATOR_GRAPHS", graphs);
    cuda::GraphCache cache(context);
    for (int times = 0; times < 4; ++times) {
      emulator::take_counters();
      CHECK_FOR(cuda::code_of([&] { cache.launch(operations, stream); }) == "none", graphs);
      CHECK_EQ(cudaStreamSynchronize(stream), cudaSuccess);
      CHECK_EQ(emulator::take_counters().launches, uint64_t{kKernels});
    }
    CHECK_EQ(cudaGetLastError(), cudaSuccess);
  }
  CHECK_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

}  // namespace
}  // namespace quern::test
