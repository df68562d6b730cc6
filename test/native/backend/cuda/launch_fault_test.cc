// A GPU that fails while a step is launched.
#include <algorithm>
#include <atomic>
#include <span>
#include <string>
#include <vector>

#include "backend/cuda/code_of.h"
#include "backend/cuda/cuda_device.h"
#include "check.h"
#include "environment.h"

namespace quern::cuda {
namespace {

TEST(a_gpu_that_fails_in_the_middle_of_a_launch_is_there_for_the_next_model) {
  {
    const auto device = create_cuda_device(0, 1);
    const std::vector<float> table(64, 1.0f);
    const auto weight = device->prepare_weight(
        {&format_of(Dtype::f32), 2, 32, false, false, [&](int64_t first, int64_t count, std::byte* into) {
           const auto bytes = std::as_bytes(std::span(table).subspan(size_t(32 * first), size_t(32 * count)));
           std::copy(bytes.begin(), bytes.end(), into);
         }});
    const auto x = device->allocate(32 * sizeof(float));
    const auto stream = device->create_stream({1, 1, 32, 1, 1, 32, 32, 2, 64});
    const int32_t token = 1, page = 0;
    const int32_t* const pages = &page;
    const SequenceRows sequence{0, 1, 0, {&pages, 1}};
    const std::atomic<bool> abort{false};
    const test::Environment fault("QUERN_EMULATOR_FAULT_AFTER", "1");
    const Ticket step = stream->begin({{&token, 1}, {}, {&sequence, 1}, &abort});
    stream->embed(*weight, {x->address(), Dtype::f32, 1, 32});
    CHECK_EQ(code_of([&] { stream->launch(step); }), std::string("device_failed"));
  }
  CHECK_EQ(code_of([] { create_cuda_device(0, 1)->allocate(64); }), std::string("none"));
}

}  // namespace
}  // namespace quern::cuda
