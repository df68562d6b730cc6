// Kernels that may begin before the one in front has ended: what they must not do then is reported at its
// line, wherever they are launched, and what they may do is not.
#include <cstdlib>
#include <functional>

#include "check.h"
#include "emulator/counters.h"
#include "emulator/device_floats.h"
#include "emulator/kernels/early.h"
#include "emulator/marked_place.h"
#include "environment.h"

using namespace quern::emulator;

namespace {

const int is_set = setenv("QUERN_EMULATOR_ARCH", "90a", 1);

struct Launched {
  std::vector<Report> reports;
  std::vector<float> out;  // none after a fault
  Counters counters;
};

// Runs `work` with 4096 numbers that it reads and 4096 that it writes.
using Work = std::function<void(const float* in, float* out, cudaStream_t stream)>;
Launched run(const Work& work) {
  print_reports(false);
  take_reports();
  take_counters();
  Launched launched;
  {
    const DeviceFloats in(counted(4096)), out(4096);
    cudaStream_t stream = nullptr;
    must(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    work(in.data(), out.data(), stream);
    if (cudaDeviceSynchronize() == cudaSuccess) launched.out = out.read();
  }
  launched.reports = take_reports();
  launched.counters = take_counters();
  cudaDeviceReset();
  print_reports(true);
  return launched;
}

// What is wrong with a kernel that reads out[64 ..] early, behind `work`.
bool is_too_early(const Work& work) {
  const Launched launched = run([&](const float* in, float* out, cudaStream_t stream) {
    work(in, out, stream);
    must(early::hurry(out, true, stream));
  });
  std::string got;
  const bool is_found = is_reported(launched.reports, "early", marked_place("early.cu", "hurry"), got);
  CHECK_FOR(launched.reports.size() == (is_found ? 1 : 0), got);
  return is_found;
}

}  // namespace

TEST(what_a_kernel_does_too_early_is_reported_at_its_line) {
  CHECK_EQ(is_set, 0);
  for (const early::Case& one : early::cases()) {
    const std::string place = marked_place("early.cu", one.name);
    const Launched launched =
        run([&](const float* in, float* out, cudaStream_t stream) { one.launch(false, in, out, stream); });
    std::string got;
    CHECK_FOR(is_reported(launched.reports, "early", place, got), one.name + " at " + place + ", got" + got);
    CHECK_FOR(launched.out.empty(), one.name);
  }
}

TEST(mended_twins_are_not_reported) {
  for (const early::Case& one : early::cases()) {
    const Launched launched =
        run([&](const float* in, float* out, cudaStream_t stream) { one.launch(true, in, out, stream); });
    CHECK_FOR(launched.reports.empty() && !launched.out.empty(), one.name);
    CHECK_FOR(launched.counters.early_launches == launched.counters.launches - 1, one.name);
  }
}

TEST(a_report_names_the_kernel_that_wrote_and_the_one_that_read) {
  const Launched launched = run([](const float* in, float* out, cudaStream_t stream) {
    must(early::fill(in, out, false, stream));
    must(early::hurry(out, true, stream));
  });
  CHECK_EQ(launched.reports.size(), size_t{1});
  CHECK(launched.reports[0].kernel.ends_with("hurry_kernel"));
  CHECK(launched.reports[0].text.find("::fill_kernel wrote") != std::string::npos);
}

TEST(a_kernel_may_read_early_what_was_there_before_those_that_it_follows) {
  const Launched launched = run([](const float* in, float* out, cudaStream_t stream) {
    must(early::fill(in, out, false, stream));
    must(early::follow(in, out, true, stream));
    must(early::follow(out + 128, out, true, stream));
  });
  CHECK(launched.reports.empty());
  CHECK_EQ(launched.counters.early_launches, uint64_t{2});
  CHECK(!is_too_early([](const float* in, float* out, cudaStream_t stream) {
    must(early::fill(in, out, false, stream));
    must(early::follow(in, out, false, stream));  // waits for the whole of fill by itself
  }));
}

TEST(kernels_that_follow_each_other_do_so_until_something_else_comes_between) {
  const auto behind = [](const std::function<void(const float*, float*, cudaStream_t)>& between) {
    return is_too_early([&](const float* in, float* out, cudaStream_t stream) {
      must(early::fill(in, out, false, stream));
      between(in, out, stream);
    });
  };
  CHECK(behind([](const float*, float*, cudaStream_t) {}));
  CHECK(behind(
      [](const float* in, float* out, cudaStream_t stream) { must(early::follow(in, out, true, stream)); }));
  CHECK(!behind([](const float* in, float* out, cudaStream_t stream) {
    must(cudaMemcpyAsync(out, in, 4, cudaMemcpyDeviceToDevice, stream));
  }));
  CHECK(!behind(
      [](const float*, float* out, cudaStream_t stream) { must(cudaMemsetAsync(out, 0, 4, stream)); }));
  CHECK(!behind([](const float*, float*, cudaStream_t stream) { must(cudaStreamSynchronize(stream)); }));
  CHECK(!behind([](const float*, float*, cudaStream_t) { must(cudaDeviceSynchronize()); }));
  const auto event = [](cudaStream_t stream, bool is_waited_for) {
    cudaEvent_t recorded = nullptr;
    must(cudaEventCreateWithFlags(&recorded, cudaEventDisableTiming));
    must(cudaEventRecord(recorded, stream));
    if (is_waited_for) must(cudaStreamWaitEvent(stream, recorded, 0));
    must(cudaEventDestroy(recorded));
  };
  CHECK(behind([&](const float*, float*, cudaStream_t stream) { event(stream, false); }));
  CHECK(!behind([&](const float*, float*, cudaStream_t stream) { event(stream, true); }));
}

TEST(a_graph_keeps_what_may_begin_early) {
  const auto graph_of = [](cudaStream_t stream, const auto& work) {
    must(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    work();
    cudaGraph_t graph = nullptr;
    must(cudaStreamEndCapture(stream, &graph));
    cudaGraphExec_t exec = nullptr;
    must(cudaGraphInstantiate(&exec, graph, 0));
    must(cudaGraphDestroy(graph));
    for (int run = 0; run < 2; run++) cudaGraphLaunch(exec, stream);
    cudaGraphExecDestroy(exec);
  };
  std::string got;
  const Launched wrong = run([&](const float* in, float* out, cudaStream_t stream) {
    graph_of(stream, [&] {
      must(early::fill(in, out, false, stream));
      must(early::hurry(out, true, stream));
    });
  });
  CHECK_FOR(is_reported(wrong.reports, "early", marked_place("early.cu", "hurry"), got), got);
  // A copy is waited for in a graph too, and so is all that was launched before it.
  const Launched right = run([&](const float* in, float* out, cudaStream_t stream) {
    must(early::fill(in, out, false, stream));
    graph_of(stream, [&] {
      must(early::hurry(out, true, stream));
      must(early::fill(in, out, true, stream));
      must(cudaMemcpyAsync(out, in, 4, cudaMemcpyDeviceToDevice, stream));
      must(early::hurry(out, true, stream));
      must(early::follow(in, out, true, stream));
    });
    must(early::hurry(out, true, stream));
  });
  CHECK(right.reports.empty());
  CHECK_EQ(right.counters.launches, uint64_t{1 + 2 * 4 + 1});
  CHECK_EQ(right.counters.early_launches, uint64_t{2 * 2});
}

// The runtime tells by it whether a kernel can wait; PTX for sm_80 has no instruction for that.
TEST(a_kernel_is_asked_for_the_architecture_that_its_ptx_is_for) {
  CHECK_EQ(early::attributes_of_follow().ptxVersion, 90);
  CHECK_EQ(early::attributes_of_follow().binaryVersion, 90);
  cudaDeviceReset();
  const quern::test::Environment newer("QUERN_EMULATOR_ARCH", "100");
  CHECK_EQ(early::attributes_of_follow().ptxVersion, 80);
  const Launched launched = run([](const float* in, float* out, cudaStream_t stream) {
    must(early::fill(in, out, false, stream));
    must(early::follow(in, out + 1024, true, stream));
  });
  CHECK_EQ(launched.reports.size(), size_t{2});  // it writes, and ends
  for (const Report& report : launched.reports) CHECK_EQ(report.kind, std::string("early"));
}

TEST(gpus_before_compute_capability_90_refuse_it) {
  const quern::test::Environment older("QUERN_EMULATOR_ARCH", "89");
  const Launched launched = run([](const float* in, float* out, cudaStream_t stream) {
    must(early::fill(in, out, false, stream));
    CHECK_EQ(early::follow(in, out, true, stream), cudaErrorNotSupported);
    cudaGetLastError();
  });
  CHECK(launched.reports.empty());
}
