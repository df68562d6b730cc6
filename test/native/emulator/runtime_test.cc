// The calls of cudart: memory, streams, events, errors and limits.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>

#include "check.h"
#include "emulator/arena.h"
#include "emulator/device_floats.h"
#include "emulator/kernels/planted.h"
#include "emulator/report.h"

using namespace quern::emulator;

TEST(numbers_go_to_the_device_and_back) {
  const DeviceFloats in(counted(100)), out(100);
  planted::copy(in.data(), out.data(), 100, nullptr);
  CHECK(out.read() == counted(100));
}

TEST(memory_that_was_not_written_reads_as_nan) {
  float* data = nullptr;
  must(cudaMalloc(reinterpret_cast<void**>(&data), 5000 * sizeof(float)));
  std::vector<float> values(5000);
  must(cudaMemcpy(values.data(), data, 5000 * sizeof(float), cudaMemcpyDeviceToHost));
  size_t nans = 0;
  for (const float value : values) nans += std::isnan(value);
  CHECK_EQ(nans, size_t{5000});
  must(cudaMemset(data + 7, 0, 4000 * sizeof(float)));
  must(cudaMemcpy(values.data(), data, 5000 * sizeof(float), cudaMemcpyDeviceToHost));
  for (size_t i = 0; i < 5000; i++) CHECK_EQ(std::isnan(values[i]), i < 7 || i >= 4007);
  must(cudaMemset(data, 1, 3));
  must(cudaMemcpy(values.data(), data, 4, cudaMemcpyDeviceToHost));
  uint32_t bits = 0;
  std::memcpy(&bits, values.data(), 4);
  CHECK_EQ(bits, 0xff010101u);
  must(cudaFree(data));
}

TEST(rows_are_copied_with_pitches) {
  const DeviceFloats device(counted(6 * 10));
  std::vector<float> got(6 * 3, -1);
  must(cudaMemcpy2D(got.data(), 12, device.data() + 2, 40, 8, 6, cudaMemcpyDeviceToHost));
  for (size_t row = 0; row < 6; row++) {
    CHECK_EQ(got[row * 3], static_cast<float>(row * 10 + 3));
    CHECK_EQ(got[row * 3 + 1], static_cast<float>(row * 10 + 4));
    CHECK_EQ(got[row * 3 + 2], -1.0f);
  }
}

TEST(copies_that_cannot_be_are_refused) {
  const DeviceFloats device(64);
  std::vector<float> host(128);
  const size_t bytes = device.bytes();
  CHECK_EQ(cudaMemcpy(host.data(), device.data(), bytes + 4, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  CHECK_EQ(cudaMemcpy(host.data(), device.data() - 1, 4, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  CHECK_EQ(cudaMemcpy(host.data(), device.data(), bytes, cudaMemcpyHostToDevice),
           cudaErrorInvalidMemcpyDirection);
  CHECK_EQ(cudaGetLastError(), cudaErrorInvalidMemcpyDirection);
  CHECK_EQ(cudaGetLastError(), cudaSuccess);
  CHECK_EQ(cudaMemset(host.data(), 0, 4), cudaErrorInvalidValue);
  CHECK_EQ(cudaFree(device.data() + 64), cudaErrorInvalidValue);
  CHECK_EQ(cudaFreeHost(device.data()), cudaErrorInvalidValue);
  CHECK_EQ(cudaMemcpy(host.data(), device.data(), bytes, cudaMemcpyDefault), cudaSuccess);
  cudaGetLastError();
}

TEST(the_device_has_so_much_memory_and_no_more) {
  Arena& arena = Arena::instance();
  const size_t before = arena.limit();
  size_t free = 0, total = 0;
  arena.set_limit(arena.used(0) + 4096);
  must(cudaMemGetInfo(&free, &total));
  CHECK_EQ(free, size_t{4096});
  void *first = nullptr, *second = nullptr;
  CHECK_EQ(cudaMalloc(&first, 4097), cudaErrorMemoryAllocation);
  CHECK(first == nullptr);
  CHECK_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  must(cudaMalloc(&first, 2000));
  must(cudaMalloc(&second, 2048));
  CHECK_EQ(cudaMalloc(&second, 1), cudaErrorMemoryAllocation);
  must(cudaFree(first));
  must(cudaMalloc(&second, 1));
  cudaGetLastError();
  arena.set_limit(before);
  must(cudaDeviceReset());
  CHECK_EQ(arena.used(0), size_t{0});
}

// The value of `at`, read by the host's own code; none: that faulted.
static std::optional<float> read_by_host(const volatile float* at) {
  int ends[2] = {};
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child == 0) {
    const float value = *at;
    _exit(write(ends[1], &value, sizeof value) == sizeof value ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  float value = 0;
  const bool is_read = WIFEXITED(status) && read(ends[0], &value, sizeof value) == sizeof value;
  close(ends[0]);
  close(ends[1]);
  return is_read ? std::optional(value) : std::nullopt;
}

TEST(the_host_cannot_touch_memory_of_the_device) {
  const DeviceFloats device(counted(64));
  float* pinned = nullptr;
  must(cudaMallocHost(reinterpret_cast<void**>(&pinned), 4));
  *pinned = 5;
  CHECK(read_by_host(pinned) == 5.0f);
  // A processor without keys for memory lets it in.
  CHECK_EQ(read_by_host(device.data()).has_value(), !Arena::instance().guard());
  must(cudaFreeHost(pinned));
}

TEST(memory_is_aligned_and_never_given_twice) {
  std::vector<void*> given;
  for (size_t bytes : {1u, 100u, 4096u, 5000u, 100000u}) {
    void* data = nullptr;
    must(cudaMalloc(&data, bytes));
    CHECK_EQ(reinterpret_cast<uintptr_t>(data) % 256, uintptr_t{0});
    for (void* other : given) CHECK(other != data);
    given.push_back(data);
    must(cudaFree(data));
  }
  CHECK_EQ(cudaFree(given[0]), cudaErrorInvalidValue);
  must(cudaFree(nullptr));
  cudaGetLastError();
}

TEST(kernels_ask_for_shared_memory_before_they_take_much) {
  CHECK_EQ(planted::use_shared(48 * 1024, nullptr), cudaSuccess);
  CHECK_EQ(planted::use_shared(48 * 1024 + 1, nullptr), cudaErrorInvalidValue);
  CHECK_EQ(planted::allow_shared(164 * 1024), cudaErrorInvalidValue);
  cudaGetLastError();
  must(planted::allow_shared(100 * 1024));
  CHECK_EQ(planted::use_shared(100 * 1024, nullptr), cudaSuccess);
  CHECK_EQ(planted::use_shared(100 * 1024 + 1, nullptr), cudaErrorInvalidValue);
  must(cudaDeviceSynchronize());
  must(cudaDeviceReset());
}

TEST(variables_of_a_module_are_set_and_kept) {
  const DeviceFloats got(1);
  must(planted::set_count(40));
  planted::count(1, nullptr);  // by each of 32 threads
  planted::get_count(reinterpret_cast<int*>(got.data()), nullptr);
  int value = 0;
  must(cudaMemcpy(&value, got.data(), sizeof value, cudaMemcpyDeviceToHost));
  CHECK_EQ(value, 72);
}

TEST(streams_and_events_answer_what_cudart_does) {
  cudaStream_t stream = nullptr;
  cudaEvent_t begin = nullptr, end = nullptr, untimed = nullptr;
  must(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  must(cudaEventCreate(&begin));
  must(cudaEventCreate(&end));
  must(cudaEventCreateWithFlags(&untimed, cudaEventDisableTiming));
  const DeviceFloats in(counted(64)), out(64);
  must(cudaEventRecord(begin, stream));
  planted::copy(in.data(), out.data(), 64, stream);
  must(cudaEventRecord(end, stream));
  must(cudaEventRecord(untimed, stream));
  must(cudaStreamWaitEvent(nullptr, end, 0));
  must(cudaEventSynchronize(end));
  float milliseconds = -1;
  must(cudaEventElapsedTime(&milliseconds, begin, end));
  CHECK(milliseconds >= 0);
  CHECK_EQ(cudaEventElapsedTime(&milliseconds, begin, untimed), cudaErrorInvalidResourceHandle);
  must(cudaStreamSynchronize(stream));
  must(cudaStreamQuery(stream));
  must(cudaStreamDestroy(stream));
  CHECK_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidResourceHandle);
  must(cudaEventDestroy(begin));
  CHECK_EQ(cudaEventSynchronize(begin), cudaErrorInvalidResourceHandle);
  cudaGetLastError();
}

TEST(functions_of_the_host_run_in_the_stream_without_the_lock) {
  int value = 0;
  const auto set = [](void* data) {
    // A call of another thread goes through meanwhile.
    std::thread([] {
      int count = 0;
      cudaGetDeviceCount(&count);
    }).join();
    *static_cast<int*>(data) = 7;
  };
  must(cudaLaunchHostFunc(nullptr, set, &value));
  must(cudaDeviceSynchronize());
  CHECK_EQ(value, 7);
}

TEST(a_fault_stays_until_the_device_is_reset) {
  print_reports(false);
  float* out = nullptr;
  must(cudaMalloc(reinterpret_cast<void**>(&out), 4));
  planted::copy(out, out + 100, 1, nullptr);
  CHECK_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  void* more = nullptr;
  CHECK_EQ(cudaMalloc(&more, 4), cudaErrorIllegalAddress);
  CHECK_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
  CHECK_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
  CHECK_EQ(cudaFree(out), cudaErrorIllegalAddress);
  must(cudaDeviceReset());
  CHECK_EQ(cudaGetLastError(), cudaSuccess);
  CHECK_EQ(take_reports().size(), size_t{1});
  print_reports(true);
  const DeviceFloats in(counted(64)), fresh(64);
  planted::copy(in.data(), fresh.data(), 64, nullptr);
  CHECK(fresh.read() == counted(64));
}

TEST(a_launch_faults_when_it_is_told_to) {
  {
    const DeviceFloats in(counted(64)), out(64);
    setenv("QUERN_EMULATOR_FAULT_AFTER", "3", 1);
    for (int launch = 0; launch < 3; launch++) {
      must(cudaDeviceSynchronize());
      planted::copy(in.data(), out.data(), 64, nullptr);
    }
    CHECK_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  }
  must(cudaDeviceReset());
  unsetenv("QUERN_EMULATOR_FAULT_AFTER");
  const DeviceFloats in(counted(64)), out(64);
  planted::copy(in.data(), out.data(), 64, nullptr);
  CHECK(out.read() == counted(64));
}

TEST(threads_of_the_host_launch_beside_each_other) {
  std::vector<std::thread> threads;
  std::vector<int> right(4);
  for (size_t thread = 0; thread < 4; thread++) {
    threads.emplace_back([&right, thread] {
      cudaStream_t stream = nullptr;
      must(cudaStreamCreate(&stream));
      const DeviceFloats in(counted(256)), out(256);
      for (int again = 0; again < 20; again++) planted::copy(in.data(), out.data(), 256, stream);
      must(cudaStreamSynchronize(stream));
      right[thread] = out.read() == counted(256);
      must(cudaStreamDestroy(stream));
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == std::vector<int>(4, 1));
}

TEST(the_device_says_what_it_is) {
  cudaDeviceProp properties{};
  must(cudaGetDeviceProperties(&properties, 0));
  int major = 0, shared = 0, version = 0, count = 0;
  must(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0));
  must(cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
  must(cudaDriverGetVersion(&version));
  must(cudaGetDeviceCount(&count));
  CHECK_EQ(properties.major, 8);
  CHECK_EQ(major, 8);
  CHECK_EQ(shared, 163 * 1024);
  CHECK_EQ(version, 13000);
  CHECK_EQ(count, 1);
  CHECK_EQ(cudaSetDevice(1), cudaErrorInvalidDevice);
  CHECK_EQ(std::string(cudaGetErrorName(cudaErrorInvalidDevice)), std::string("cudaErrorInvalidDevice"));
  cudaGetLastError();
}
