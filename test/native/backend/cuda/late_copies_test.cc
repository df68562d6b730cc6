// Stream::upload and download where a stream does what it has to do when someone waits: how often they wait,
// and that they wait for all that they read.
#include <cstdlib>
#include <string>

#include "backend/cuda/code_of.h"
#include "backend/cuda/copied_pages.h"
#include "backend/cuda/cuda_device.h"
#include "check.h"
#include "emulator/counters.h"
#include "environment.h"

namespace quern::test {
namespace {

// The runtime reads it when its first call comes, which is in a test.
const int is_set = setenv("QUERN_EMULATOR_STREAMS", "late", 1);

// Five pages of Qwen3-4B: 11.25 MiB, which are twelve pieces.
constexpr size_t kCopies = 5 * 72, kBytes = 32768;
constexpr uint64_t kPieces = 12;

TEST(a_wait_for_every_piece) {
  CHECK_EQ(is_set, 0);
  const auto device = cuda::create_cuda_device(0, 1);
  const auto stream = small_stream(*device);
  CopiedPages pages(*device, std::vector<size_t>(kCopies, kBytes), 1);
  std::vector<uint8_t> back(pages.bytes.size(), 0xff);
  for (int round = 0; round < 2; ++round) {
    emulator::take_counters();
    stream->upload(pages.with(pages.bytes));
    const emulator::Counters up = emulator::take_counters();
    CHECK(up.waits <= kPieces + 1);
    CHECK(up.copies <= kCopies + kPieces);
    stream->download(pages.with(back));
    const emulator::Counters down = emulator::take_counters();
    CHECK(down.waits <= kPieces + 2);
    CHECK(down.copies <= kCopies + kPieces);
    CHECK(back == pages.bytes);
    CHECK(pages.are_there(*stream));
    std::fill(back.begin(), back.end(), 0xff);
  }
}

TEST(who_copies_from_a_gpu_that_failed_is_told) {
  for (const bool up : {false, true}) {
    const auto device = cuda::create_cuda_device(0, 1);
    const std::vector<float> table(64, 1.0f);
    const auto weight = device->prepare_weight(
        {&format_of(Dtype::f32), 2, 32, false, false, [&](int64_t first, int64_t count, std::byte* into) {
           const auto rows = std::as_bytes(std::span(table).subspan(size_t(32 * first), size_t(32 * count)));
           std::copy(rows.begin(), rows.end(), into);
         }});
    const auto x = device->allocate(32 * sizeof(float));
    const auto stream = small_stream(*device);
    CopiedPages pages(*device, std::vector<size_t>(kCopies, kBytes), 1);
    stream->upload(pages.with(pages.bytes));
    const int32_t token = 1, page = 0;
    const int32_t* const of_group = &page;
    const SequenceRows sequence{0, 1, 0, {&of_group, 1}};
    const std::atomic<bool> abort{false};
    const auto launch = [&] {
      const Ticket step = stream->begin({{&token, 1}, {}, {&sequence, 1}, &abort});
      stream->embed(*weight, {x->address(), Dtype::f32, 1, 32});
      stream->launch(step);
      return step;
    };
    StepResult result;
    CHECK(stream->collect(launch(), result));
    const Environment fault("QUERN_EMULATOR_FAULT_AFTER", "1");
    launch();
    const auto copies = pages.with(pages.bytes);
    CHECK_EQ(cuda::code_of([&] { up ? stream->upload(copies) : stream->download(copies); }),
             std::string("device_failed"));
  }
  const auto device = cuda::create_cuda_device(0, 1);
  const auto stream = small_stream(*device);
  CopiedPages pages(*device, {kBytes}, 2);
  stream->upload(pages.with(pages.bytes));
  CHECK(pages.are_there(*stream));
}

}  // namespace
}  // namespace quern::test
