// QUERN_EMULATOR_DEVICES: each device has its own memory, variables, streams and faults.
#include <cstdlib>

#include "check.h"
#include "emulator/arena.h"
#include "emulator/device_floats.h"
#include "emulator/kernels/planted.h"
#include "emulator/report.h"
#include "environment.h"

using namespace quern::emulator;

namespace {

const int is_set = setenv("QUERN_EMULATOR_DEVICES", "2", 1);

int count_of_current() {
  const DeviceFloats got(1);
  planted::get_count(reinterpret_cast<int*>(got.data()), nullptr);
  int value = 0;
  must(cudaMemcpy(&value, got.data(), sizeof value, cudaMemcpyDeviceToHost));
  return value;
}

}  // namespace

TEST(there_are_two) {
  CHECK_EQ(is_set, 0);
  int count = 0;
  must(cudaGetDeviceCount(&count));
  CHECK_EQ(count, 2);
  CHECK_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
  cudaGetLastError();
}

TEST(variables_and_memory_are_of_one_device) {
  for (const int device : {0, 1}) {
    must(cudaSetDevice(device));
    must(planted::set_count(10 * device));
    planted::count(1, nullptr);
  }
  for (const int device : {0, 1}) {
    must(cudaSetDevice(device));
    CHECK_EQ(count_of_current(), 10 * device + 32);
  }
  void* data = nullptr;
  must(cudaMalloc(&data, 1000));
  CHECK_EQ(Arena::instance().used(0), size_t{0});
  CHECK_EQ(Arena::instance().used(1), size_t{1024});
  cudaPointerAttributes attributes{};
  must(cudaPointerGetAttributes(&attributes, data));
  CHECK_EQ(attributes.device, 1);
  must(cudaFree(data));
}

TEST(a_stream_is_used_on_its_own_device) {
  must(cudaSetDevice(0));
  cudaStream_t stream = nullptr;
  must(cudaStreamCreate(&stream));
  must(cudaSetDevice(1));
  planted::count(1, stream);
  CHECK_EQ(cudaGetLastError(), cudaErrorInvalidResourceHandle);
  must(cudaSetDevice(0));
  must(cudaStreamDestroy(stream));
}

TEST(a_fault_ends_one_device_alone) {
  print_reports(false);
  must(cudaSetDevice(1));
  planted::increment(nullptr, nullptr);
  CHECK_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  must(cudaSetDevice(0));
  {
    const DeviceFloats in(counted(64)), out(64);
    planted::copy(in.data(), out.data(), 64, nullptr);
    CHECK(out.read() == counted(64));
  }
  CHECK_EQ(cudaSetDevice(1), cudaErrorIllegalAddress);
  must(cudaDeviceReset());
  must(planted::set_count(5));
  CHECK_EQ(count_of_current(), 5);
  CHECK_EQ(take_reports().size(), size_t{1});
  print_reports(true);
}

TEST(a_reset_takes_the_memory_that_was_pinned_for_its_device_and_for_no_other) {
  void* pinned[2] = {};
  for (const int device : {0, 1}) {
    must(cudaSetDevice(device));
    must(cudaMallocHost(&pinned[device], 1000));
  }
  must(cudaDeviceReset());
  cudaPointerAttributes attributes{};
  must(cudaPointerGetAttributes(&attributes, pinned[1]));
  CHECK_EQ(attributes.type, cudaMemoryTypeUnregistered);
  must(cudaPointerGetAttributes(&attributes, pinned[0]));
  CHECK_EQ(attributes.type, cudaMemoryTypeHost);
  CHECK_EQ(cudaFreeHost(pinned[1]), cudaErrorInvalidValue);
  cudaGetLastError();
  must(cudaFreeHost(pinned[0]));
}

TEST(a_reset_may_be_refused_after_a_fault) {
  print_reports(false);
  must(cudaSetDevice(1));
  {
    const quern::test::Environment refused("QUERN_EMULATOR_RESET", "refused");
    must(cudaDeviceReset());
    planted::increment(nullptr, nullptr);
    CHECK_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
    CHECK_EQ(cudaDeviceReset(), cudaErrorIllegalAddress);
    CHECK_EQ(cudaSetDevice(1), cudaErrorIllegalAddress);
  }
  must(cudaDeviceReset());
  take_reports();
  print_reports(true);
}

TEST(a_kernel_that_is_given_the_memory_of_another_device_is_reported) {
  print_reports(false);
  must(cudaSetDevice(0));
  void* of_first = nullptr;
  must(cudaMalloc(&of_first, 4));
  must(cudaSetDevice(1));
  planted::increment(static_cast<int*>(of_first), nullptr);
  CHECK_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  const std::vector<Report> reports = take_reports();
  CHECK_EQ(reports.size(), size_t{1});
  if (!reports.empty()) CHECK_EQ(reports[0].kind, std::string("other-device"));
  must(cudaDeviceReset());
  must(cudaSetDevice(0));
  must(cudaDeviceReset());
  print_reports(true);
}
