// Streams captured into graphs, and graphs that run again and again.
#include "check.h"
#include "emulator/device_floats.h"
#include "emulator/kernels/planted.h"
#include "emulator/report.h"

namespace {

struct Stream {
  Stream() { must(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking)); }
  ~Stream() { cudaStreamDestroy(handle); }
  cudaStream_t handle = nullptr;
};

template <typename Body>
cudaGraph_t captured(const Stream& stream, Body body) {
  must(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal));
  body();
  cudaGraph_t graph = nullptr;
  must(cudaStreamEndCapture(stream.handle, &graph));
  return graph;
}

int read(const DeviceFloats& from) {
  int value = 0;
  must(cudaMemcpy(&value, from.data(), sizeof value, cudaMemcpyDeviceToHost));
  return value;
}

}  // namespace

TEST(a_graph_does_what_was_captured_each_time_it_runs) {
  const Stream stream;
  const DeviceFloats number(1), in(counted(64)), out(64);
  auto* at = reinterpret_cast<int*>(number.data());
  const cudaGraph_t graph = captured(stream, [&] {
    planted::increment(at, stream.handle);
    planted::increment(at, stream.handle);
    must(cudaMemcpyAsync(out.data(), in.data(), in.bytes(), cudaMemcpyDeviceToDevice, stream.handle));
    must(cudaMemsetAsync(out.data(), 0, 4, stream.handle));
  });
  CHECK_EQ(read(number), 0);
  size_t count = 0;
  must(cudaGraphGetNodes(graph, nullptr, &count));
  CHECK_EQ(count, size_t{4});
  std::vector<cudaGraphNode_t> nodes(count);
  must(cudaGraphGetNodes(graph, nodes.data(), &count));
  const cudaGraphNodeType want[] = {cudaGraphNodeTypeKernel, cudaGraphNodeTypeKernel, cudaGraphNodeTypeMemcpy,
                                    cudaGraphNodeTypeMemset};
  for (size_t i = 0; i < count; i++) {
    cudaGraphNodeType type{};
    must(cudaGraphNodeGetType(nodes[i], &type));
    CHECK_EQ(type, want[i]);
  }
  cudaGraphExec_t exec = nullptr;
  must(cudaGraphInstantiate(&exec, graph, 0));
  must(cudaGraphDestroy(graph));
  for (int run = 1; run <= 5; run++) {
    must(cudaGraphLaunch(exec, stream.handle));
    must(cudaStreamSynchronize(stream.handle));
    CHECK_EQ(read(number), 2 * run);
  }
  CHECK_EQ(out.read()[0], 0.0f);
  CHECK_EQ(out.read()[63], 64.0f);
  must(cudaGraphExecDestroy(exec));
  CHECK_EQ(cudaGraphLaunch(exec, stream.handle), cudaErrorInvalidValue);
  cudaGetLastError();
}

TEST(a_graph_that_runs_takes_the_parameters_of_another_of_its_shape) {
  const Stream stream;
  const DeviceFloats first(1), second(1), in(counted(64)), out(64);
  const auto incrementing = [&](const DeviceFloats& number) {
    return captured(stream,
                    [&] { planted::increment(reinterpret_cast<int*>(number.data()), stream.handle); });
  };
  const cudaGraph_t graph = incrementing(first), other = incrementing(second);
  const cudaGraph_t unlike =
      captured(stream, [&] { planted::copy(in.data(), out.data(), 64, stream.handle); });
  cudaGraphExec_t exec = nullptr;
  must(cudaGraphInstantiateWithFlags(&exec, graph, 0));
  must(cudaGraphLaunch(exec, stream.handle));
  cudaGraphExecUpdateResultInfo result{};
  must(cudaGraphExecUpdate(exec, other, &result));
  CHECK_EQ(result.result, cudaGraphExecUpdateSuccess);
  must(cudaGraphLaunch(exec, stream.handle));
  must(cudaGraphLaunch(exec, stream.handle));
  CHECK_EQ(cudaGraphExecUpdate(exec, unlike, &result), cudaErrorGraphExecUpdateFailure);
  must(cudaStreamSynchronize(stream.handle));
  CHECK_EQ(read(first), 1);
  CHECK_EQ(read(second), 2);
  for (const cudaGraph_t one : {graph, other, unlike}) must(cudaGraphDestroy(one));
  must(cudaGraphExecDestroy(exec));
  cudaGetLastError();
}

TEST(other_streams_join_a_capture_by_events) {
  const Stream stream, side;
  cudaEvent_t forked = nullptr, joined = nullptr;
  must(cudaEventCreateWithFlags(&forked, cudaEventDisableTiming));
  must(cudaEventCreateWithFlags(&joined, cudaEventDisableTiming));
  const DeviceFloats first(1), second(1);
  const auto fork = [&](bool is_joined) {
    must(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal));
    must(cudaEventRecord(forked, stream.handle));
    must(cudaStreamWaitEvent(side.handle, forked, 0));
    planted::increment(reinterpret_cast<int*>(second.data()), side.handle);
    planted::increment(reinterpret_cast<int*>(first.data()), stream.handle);
    must(cudaEventRecord(joined, side.handle));
    if (is_joined) must(cudaStreamWaitEvent(stream.handle, joined, 0));
    planted::increment(reinterpret_cast<int*>(first.data()), stream.handle);
  };
  cudaGraph_t graph = nullptr;
  fork(false);
  CHECK_EQ(cudaStreamEndCapture(stream.handle, &graph), cudaErrorStreamCaptureUnjoined);
  CHECK(graph == nullptr);
  cudaGetLastError();
  fork(true);
  must(cudaStreamEndCapture(stream.handle, &graph));
  cudaGraphExec_t exec = nullptr;
  must(cudaGraphInstantiate(&exec, graph, 0));
  must(cudaGraphLaunch(exec, stream.handle));
  must(cudaStreamSynchronize(stream.handle));
  CHECK_EQ(read(first), 2);
  CHECK_EQ(read(second), 1);
  CHECK_EQ(cudaStreamWaitEvent(stream.handle, joined, 0), cudaErrorCapturedEvent);
  cudaGetLastError();
  must(cudaGraphDestroy(graph));
  must(cudaGraphExecDestroy(exec));
  must(cudaEventDestroy(forked));
  must(cudaEventDestroy(joined));
}

TEST(what_must_not_be_captured_breaks_the_capture) {
  const Stream stream;
  const DeviceFloats number(1);
  const auto attempt = [&](auto call, cudaError_t want) {
    must(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal));
    planted::increment(reinterpret_cast<int*>(number.data()), stream.handle);
    CHECK_EQ(call(), want);
    cudaStreamCaptureStatus status{};
    must(cudaStreamIsCapturing(stream.handle, &status));
    CHECK_EQ(status, cudaStreamCaptureStatusInvalidated);
    cudaGraph_t graph = nullptr;
    CHECK_EQ(cudaStreamEndCapture(stream.handle, &graph), cudaErrorStreamCaptureInvalidated);
    CHECK(graph == nullptr);
    must(cudaStreamIsCapturing(stream.handle, &status));
    CHECK_EQ(status, cudaStreamCaptureStatusNone);
    cudaGetLastError();
  };
  void* data = nullptr;
  int value = 0;
  attempt([&] { return cudaStreamSynchronize(stream.handle); }, cudaErrorStreamCaptureUnsupported);
  attempt([&] { return cudaDeviceSynchronize(); }, cudaErrorStreamCaptureUnsupported);
  attempt([&] { return cudaMalloc(&data, 4); }, cudaErrorStreamCaptureUnsupported);
  attempt([&] { return cudaMemcpy(&value, number.data(), 4, cudaMemcpyDeviceToHost); },
          cudaErrorStreamCaptureUnsupported);
  CHECK_EQ(read(number), 0);
}

TEST(a_fault_in_a_graph_ends_the_device) {
  quern::emulator::print_reports(false);
  cudaStream_t stream = nullptr;
  must(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  must(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  planted::increment(nullptr, stream);
  cudaGraph_t graph = nullptr;
  must(cudaStreamEndCapture(stream, &graph));
  cudaGraphExec_t exec = nullptr;
  must(cudaGraphInstantiate(&exec, graph, 0));
  must(cudaGraphLaunch(exec, stream));
  CHECK_EQ(cudaStreamSynchronize(stream), cudaErrorIllegalAddress);
  must(cudaDeviceReset());
  CHECK_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidResourceHandle);
  CHECK_EQ(quern::emulator::take_reports().size(), size_t{1});
  cudaGetLastError();
  quern::emulator::print_reports(true);
}
