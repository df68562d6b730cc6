// Speed of attention against the machine's limit: `bench.attention [threads] [instruction set]`. A chunk of a
// prompt at several places in a long one, and one decoded token. One line a case: the fastest of several runs,
// in processor time, since what else runs on the machine, on the other half of a core too, only slows.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <string_view>
#include <vector>

#include "backend/cpu/cpu_attention.h"
#include "backend/cpu/isa.h"
#include "core/memory.h"

namespace {

using namespace quern;
using namespace quern::cpu;

constexpr int kHeads = 8, kKvHeads = 4, kChunk = 512, kRuns = 9;

struct Machine {
  const Kernels& kernels;
  int threads;
  double products_per_second;  // multiply-adds on registers, of one thread
};

// Processor seconds of work(), of all threads together.
template <typename Work>
double least_seconds(const Work& work) {
  double least = std::numeric_limits<double>::infinity();
  for (int run = 0; run < kRuns; ++run) {
    const std::clock_t start = std::clock();
    work();
    least = std::min(least, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return least;
}

double products_per_second(const Kernels& kernels) {
  float result = 0;
  int64_t done = 0;
  const double seconds = least_seconds([&] { done = kernels.multiply_adds(int64_t{1} << 23, &result); });
  return static_cast<double>(done) / seconds;
}

// Memory of plain numbers: subnormal ones are slow.
Buffer numbers(int64_t count, size_t size) {
  Buffer memory(static_cast<size_t>(count) * size);
  std::fill_n(memory.as<char>(), memory.bytes(), char{0x3c});
  return memory;
}

// `rows` tokens that end at position `end`.
void measure(const Machine& machine, int head_dim, int rows, int end) {
  std::vector<int32_t> pages(static_cast<size_t>(end / cpu::kPagePositions));
  for (size_t i = 0; i < pages.size(); ++i) pages[i] = static_cast<int32_t>(i);
  const KvShape shape{Dtype::f16, kKvHeads, head_dim, static_cast<int64_t>(pages.size())};
  const int64_t cols = int64_t{kHeads} * head_dim;
  const Buffer keys = numbers(shape.pages * shape.page_numbers(), 2), values = numbers(shape.pages * shape.page_numbers(), 2);
  const Buffer q = numbers(rows * cols, 4), out = numbers(rows * cols, 4);
  const int32_t* const tables[] = {pages.data()};
  const SequenceRows sequence{0, rows, end - rows, tables};
  const std::atomic<bool> never{false};
  Attention attention;
  attention.reserve({rows, 1, 64, kHeads, kKvHeads, head_dim, 64, 64, end}, machine.threads);
  const double seconds = least_seconds([&] {
    attention.run(machine.kernels, machine.threads, never, {}, {q.as<void>(), Dtype::f32, rows, cols},
                  {&sequence, 1}, shape, {keys.as<void>(), values.as<void>()},
                  {out.as<void>(), Dtype::f32, rows, cols});
  });
  const double pairs = kHeads * (rows * (end - rows) + 0.5 * rows * (rows + 1.0));
  const double products = 2 * head_dim * pairs / seconds;
  std::printf("%-12s head size %3d  %3d tokens at %6d  %8.2f ms  %6.3f ns a pair  %6.1f GFLOP/s (%2.0f %%)",
              machine.kernels.name, head_dim, rows, end, 1e3 * seconds, 1e9 * seconds / pairs, 2e-9 * products,
              100 * products / machine.products_per_second);
  if (rows == 1) std::printf("  %5.1f GB/s", 2e-9 * static_cast<double>(shape.layer_bytes()) / seconds);
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::atoi(arguments[1]) : 1;
  const std::string_view only = count > 2 ? arguments[2] : "";
  for (const Kernels* kernels : runnable_kernels()) {
    if (!only.empty() && only != kernels->name) continue;
    const Machine machine{*kernels, threads, products_per_second(*kernels)};
    std::printf("%-12s a thread's multiply-adds %.1f GFLOP/s\n", kernels->name,
                2e-9 * machine.products_per_second);
    for (const int head_dim : {32, 64, 128}) {
      for (const int end : {4096, 32768, 131072}) measure(machine, head_dim, kChunk, end);
      for (const int end : {256, 4096, 32768}) measure(machine, head_dim, 1, end);
    }
  }
}
