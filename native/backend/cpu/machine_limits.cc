#include "backend/cpu/machine_limits.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

#include "core/memory.h"
#include "core/thread_pool.h"

namespace quern::cpu {

namespace {

constexpr int kRuns = 7;
constexpr size_t kReadBytes = size_t{256} << 20;
constexpr int64_t kRounds = int64_t{1} << 21;  // some milliseconds
constexpr size_t kCacheLineFloats = 64;        // some lines, so that threads write to none of each other's

// Median seconds of work(item, thread) over `items` items.
double median_seconds(int items, int threads, WorkItem work) {
  std::vector<double> seconds;
  const std::atomic<bool> never{false};
  for (int run = 0; run < kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    ThreadPool::instance().run(items, threads, never, work);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + kRuns / 2, seconds.end());
  return seconds[kRuns / 2];
}

// What `multiply_adds` of either table reaches.
double multiply_adds_per_second(int64_t (*multiply_adds)(int64_t, float*), int threads) {
  constexpr int kItemsOfAThread = 4;
  const int items = kItemsOfAThread * threads;
  std::vector<float> results(static_cast<size_t>(threads) * kCacheLineFloats);
  std::atomic<int64_t> done{0};
  const double seconds = median_seconds(items, threads, [&](int, int thread) {
    done = items *
           multiply_adds(kRounds / kItemsOfAThread, &results[static_cast<size_t>(thread) * kCacheLineFloats]);
  });
  return static_cast<double>(done) / seconds;
}

}  // namespace

double measure_multiply_adds(const MatmulKernel& kernel, int threads) {
  return multiply_adds_per_second(kernel.multiply_adds, threads);
}

MachineLimits measure_machine(const Kernels& kernels, int threads) {
  const Buffer memory(kReadBytes);
  std::fill_n(memory.as<char>(), kReadBytes,
              char{1});  // commits the pages: untouched ones would all be one page of zeros
  const int items = 4 * threads;
  std::vector<float> sinks(static_cast<size_t>(threads) * kCacheLineFloats);
  const int64_t piece = static_cast<int64_t>(kReadBytes / sizeof(float)) / items;
  const double reading = median_seconds(items, threads, [&](int item, int thread) {
    sinks[static_cast<size_t>(thread) * kCacheLineFloats] +=
        kernels.read_stream(memory.as<float>() + item * piece, piece);
  });
  return {static_cast<double>(piece * items) * sizeof(float) / reading,
          multiply_adds_per_second(kernels.multiply_adds, threads)};
}

}  // namespace quern::cpu
