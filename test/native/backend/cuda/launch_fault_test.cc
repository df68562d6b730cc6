// A GPU that fails while a step is launched, and what becomes of those who hold something on it.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/cuda/code_of.h"
#include "backend/cuda/cuda_device.h"
#include "backend/cuda/cuda_probe.h"
#include "check.h"
#include "environment.h"

namespace quern::cuda {
namespace {

const int is_set = setenv("QUERN_EMULATOR_DEVICES", "2", 1);

// As much of a model as a step takes.
class OneWeight {
 public:
  explicit OneWeight(int index) : device_(create_cuda_device(index, 1)) {
    const std::vector<float> table(64, 1.0f);
    weight_ = device_->prepare_weight(
        {&format_of(Dtype::f32), 2, 32, false, false, [&](int64_t first, int64_t count, std::byte* into) {
           const auto bytes = std::as_bytes(std::span(table).subspan(size_t(32 * first), size_t(32 * count)));
           std::copy(bytes.begin(), bytes.end(), into);
         }});
    x_ = device_->allocate(32 * sizeof(float));
    stream_ = device_->create_stream({1, 1, 32, 1, 1, 32, 32, 2, 64});
  }

  void step() {
    const int32_t token = 1, page = 0;
    const int32_t* const pages = &page;
    const SequenceRows sequence{0, 1, 0, {&pages, 1}};
    const std::atomic<bool> abort{false};
    const Ticket step = stream_->begin({{&token, 1}, {}, {&sequence, 1}, &abort});
    stream_->embed(*weight_, {x_->address(), Dtype::f32, 1, 32});
    stream_->launch(step);
    StepResult result;
    stream_->collect(step, result);
  }

  // The GPU's end.
  void fault() {
    const test::Environment after("QUERN_EMULATOR_FAULT_AFTER", "1");
    CHECK_EQ(code_of([&] { step(); }), std::string("device_failed"));
  }

 private:
  std::unique_ptr<Device> device_;
  std::unique_ptr<Weight> weight_;
  std::unique_ptr<Memory> x_;
  std::unique_ptr<Stream> stream_;
};

std::string problem_of(int index) {
  const DeviceProbe probe = probe_cuda();
  CHECK(!probe.problem);
  CHECK_EQ(probe.devices.size(), size_t{2});
  const std::optional<Failure> problem = probe.devices.at(size_t(index)).problem;
  return problem ? problem->code + ": " + problem->message : "none";
}

TEST(a_gpu_that_fails_in_the_middle_of_a_launch_is_there_for_the_next_model) {
  CHECK_EQ(is_set, 0);
  OneWeight(0).fault();
  CHECK_EQ(problem_of(0), std::string("none"));
  CHECK_EQ(code_of([] { OneWeight(0).step(); }), std::string("none"));
}

TEST(who_still_holds_a_gpu_that_failed_is_told_so_whoever_asks_for_it_meanwhile) {
  std::string message;
  {
    OneWeight one(0), two(0);
    one.fault();
    CHECK(problem_of(0).starts_with("device_failed: device: GPU 0 failed (cudaErrorIllegalAddress, "));
    CHECK_EQ(code_of([] { OneWeight(0); }, &message), std::string("device_failed"));
    CHECK_EQ("device_failed: " + message, problem_of(0));
    CHECK(message.ends_with("close every model that ran on it, then load again"));
    CHECK_EQ(code_of([&] { two.step(); }), std::string("device_failed"));
    CHECK_EQ(code_of([&] { one.step(); }), std::string("device_failed"));
  }
  CHECK_EQ(code_of([] { OneWeight(0).step(); }), std::string("none"));
}

TEST(other_gpus_go_on_when_one_fails) {
  OneWeight lost(0), other(1);
  lost.fault();
  CHECK_EQ(problem_of(1), std::string("none"));
  CHECK_EQ(code_of([&] { other.step(); }), std::string("none"));
  CHECK_EQ(code_of([] { OneWeight(1).step(); }), std::string("none"));
  CHECK_EQ(code_of([&] { lost.step(); }), std::string("device_failed"));
}

TEST(where_the_driver_does_not_give_it_back_the_process_has_to_be_restarted) {
  std::string message;
  {
    std::optional<OneWeight> one(0);
    const test::Environment refused("QUERN_EMULATOR_RESET", "refused");
    one->fault();
    one.reset();
    for (int again = 0; again < 2; ++again) {
      CHECK_EQ(code_of([] { OneWeight(0); }, &message), std::string("device_failed"));
      CHECK(message.ends_with("restart the process"));
      CHECK_EQ("device_failed: " + message, problem_of(0));
      CHECK_EQ(problem_of(1), std::string("none"));
    }
  }
  CHECK_EQ(code_of([] { OneWeight(0).step(); }), std::string("none"));
}

}  // namespace
}  // namespace quern::cuda
