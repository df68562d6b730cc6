// What Stream::upload and download copy, in all sizes.
#include <cuda_runtime_api.h>

#include <string>
#include <thread>

#include "backend/cuda/code_of.h"
#include "backend/cuda/copied_pages.h"
#include "backend/cuda/cuda_context.h"
#include "backend/cuda/cuda_device.h"
#include "check.h"

namespace quern::test {
namespace {

bool come_and_go(Stream& stream, CopiedPages& pages) {
  stream.upload(pages.with(pages.bytes));
  std::vector<uint8_t> back(pages.bytes.size(), 0xff);
  stream.download(pages.with(back));
  return back == pages.bytes && pages.are_there(stream);
}

TEST(every_byte_comes_to_its_place_and_back) {
  constexpr size_t kMega = size_t{1} << 20;
  const std::vector<size_t> sizes[] = {{},
                                       {1},
                                       {kMega},
                                       {kMega - 1, 2, kMega, kMega + 1},
                                       {3 * kMega + 17},
                                       {100, 5 * kMega, 3, 2 * kMega, 1},
                                       std::vector<size_t>(72, 32768),
                                       std::vector<size_t>(300, 12289)};
  const auto device = cuda::create_cuda_device(0, 1);
  const auto stream = small_stream(*device);
  uint64_t seed = 1;
  for (const std::vector<size_t>& some : sizes) {
    CopiedPages pages(*device, some, ++seed);
    CHECK_FOR(come_and_go(*stream, pages), std::to_string(some.size()));
  }
  Random random(9);
  for (int round = 0; round < 5; ++round) {
    std::vector<size_t> some(static_cast<size_t>(random.between(1, 20)));
    for (size_t& bytes : some) bytes = static_cast<size_t>(random.between(1, 1 << random.between(1, 21)));
    CopiedPages pages(*device, some, ++seed);
    CHECK_FOR(come_and_go(*stream, pages), std::to_string(round));
  }
}

TEST(beside_another_thread_that_records) {
  const auto context = cuda::Context::open(0);
  const auto device = cuda::create_cuda_device(0, 1);
  const auto stream = small_stream(*device);
  CopiedPages pages(*device, std::vector<size_t>(72, 32768), 1);
  CHECK(come_and_go(*stream, pages));
  context->enter();
  cudaStream_t recorded = nullptr;
  CHECK_EQ(cudaStreamCreateWithFlags(&recorded, cudaStreamNonBlocking), cudaSuccess);
  auto turn = context->take_turn();
  CHECK_EQ(cudaStreamBeginCapture(recorded, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  bool are_same = false;
  std::string code;
  std::thread other([&] { code = cuda::code_of([&] { are_same = come_and_go(*stream, pages); }); });
  other.join();
  cudaGraph_t graph = nullptr;
  CHECK_EQ(cudaStreamEndCapture(recorded, &graph), cudaSuccess);
  turn.unlock();
  CHECK_EQ(code, std::string("none"));
  CHECK(are_same);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(recorded);
}

}  // namespace
}  // namespace quern::test
