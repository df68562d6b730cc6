// QUERN_EMULATOR_STREAMS=late: what streams have to do is done when someone waits for it, so that who does
// not wait reads what was there before.
#include <cstdlib>

#include "check.h"
#include "emulator/device_floats.h"
#include "emulator/kernels/planted.h"

namespace {

// The runtime reads it when its first call comes, which is in a test.
const int is_set = setenv("QUERN_EMULATOR_STREAMS", "late", 1);

struct Late {
  Late() {
    for (cudaStream_t& stream : streams) must(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    must(cudaMallocHost(reinterpret_cast<void**>(&pinned), 64 * sizeof(float)));
    must(cudaEventCreate(&event));
  }
  ~Late() {
    for (cudaStream_t stream : streams) cudaStreamDestroy(stream);
    cudaFreeHost(pinned);
    cudaEventDestroy(event);
  }
  cudaStream_t streams[2] = {};
  cudaEvent_t event = nullptr;
  float* pinned = nullptr;
  DeviceFloats in{counted(64)}, middle{64}, out{64};
};

}  // namespace

TEST(a_result_is_there_when_its_stream_was_waited_for) {
  CHECK_EQ(is_set, 0);
  const Late late;
  late.pinned[63] = -1;
  planted::copy(late.in.data(), late.out.data(), 64, late.streams[0]);
  must(cudaMemcpyAsync(late.pinned, late.out.data(), 256, cudaMemcpyDeviceToHost, late.streams[0]));
  CHECK_EQ(late.pinned[63], -1.0f);
  must(cudaStreamSynchronize(late.streams[0]));
  CHECK_EQ(late.pinned[63], 64.0f);
}

TEST(a_pinned_buffer_that_is_changed_too_early_is_copied_as_it_is_then) {
  const Late late;
  late.pinned[0] = 1;
  must(cudaMemcpyAsync(late.out.data(), late.pinned, 256, cudaMemcpyHostToDevice, late.streams[0]));
  late.pinned[0] = 2;
  must(cudaStreamSynchronize(late.streams[0]));
  CHECK_EQ(late.out.read()[0], 2.0f);
  // Memory that is not pinned may be changed at once.
  std::vector<float> plain(64, 3.0f);
  must(cudaMemcpyAsync(late.out.data(), plain.data(), 256, cudaMemcpyHostToDevice, late.streams[0]));
  plain[0] = 4;
  must(cudaStreamSynchronize(late.streams[0]));
  CHECK_EQ(late.out.read()[0], 3.0f);
}

TEST(a_stream_waits_for_another_by_an_event_alone) {
  for (const bool waits : {false, true}) {
    const Late late;
    planted::copy(late.in.data(), late.middle.data(), 64, late.streams[0]);
    must(cudaEventRecord(late.event, late.streams[0]));
    if (waits) must(cudaStreamWaitEvent(late.streams[1], late.event, 0));
    planted::copy(late.middle.data(), late.out.data(), 64, late.streams[1]);
    must(cudaStreamSynchronize(late.streams[1]));
    std::vector<float> got(64);
    must(cudaMemcpyAsync(got.data(), late.out.data(), 256, cudaMemcpyDeviceToHost, late.streams[1]));
    CHECK_EQ(got[63], waits ? 64.0f : 0.0f);
    CHECK_EQ(cudaEventQuery(late.event), waits ? cudaSuccess : cudaErrorNotReady);
    cudaGetLastError();
    must(cudaEventSynchronize(late.event));
    must(cudaEventQuery(late.event));
  }
}

TEST(who_polls_comes_to_an_end) {
  const Late late;
  for (int i = 0; i < 3; i++) planted::copy(late.in.data(), late.out.data(), 64, late.streams[0]);
  int polls = 0;
  while (cudaStreamQuery(late.streams[0]) == cudaErrorNotReady) polls++;
  CHECK_EQ(polls, 3);
  cudaGetLastError();
}

TEST(the_default_stream_waits_for_blocking_streams_and_they_for_it) {
  const Late late;
  cudaStream_t blocking = nullptr;
  must(cudaStreamCreate(&blocking));
  planted::copy(late.in.data(), late.middle.data(), 64, blocking);
  planted::copy(late.middle.data(), late.out.data(), 64, nullptr);
  must(cudaMemsetAsync(late.middle.data(), 0, 256, blocking));
  must(cudaStreamSynchronize(blocking));
  CHECK_EQ(late.out.read()[63], 64.0f);
  CHECK_EQ(late.middle.read()[63], 0.0f);
  must(cudaStreamDestroy(blocking));
}

TEST(a_graph_runs_late_with_what_it_had_when_it_was_launched) {
  const Late late;
  cudaGraph_t graph = nullptr;
  must(cudaStreamBeginCapture(late.streams[0], cudaStreamCaptureModeThreadLocal));
  planted::copy(late.in.data(), late.out.data(), 64, late.streams[0]);
  must(cudaStreamEndCapture(late.streams[0], &graph));
  cudaGraphExec_t exec = nullptr;
  must(cudaGraphInstantiate(&exec, graph, 0));
  must(cudaGraphLaunch(exec, late.streams[0]));
  must(cudaGraphExecDestroy(exec));
  must(cudaGraphDestroy(graph));
  must(cudaStreamSynchronize(late.streams[0]));
  CHECK_EQ(late.out.read()[63], 64.0f);
}
