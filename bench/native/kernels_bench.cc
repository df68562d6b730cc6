// Speed of the matrix products against what the machine reaches, of multiply-adds with the product's own kind of
// numbers and of bytes of weights read: `bench.kernels [threads] [instruction set]`. One line a case: the median
// of several runs.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "backend/cpu/machine_limits.h"
#include "backend/cpu/matmul_kernels.h"
#include "backend/cpu/kernels/activation_block.h"
#include "core/memory.h"
#include "core/thread_pool.h"

namespace {

using namespace quern;
using namespace quern::cpu;

double median_seconds(const std::vector<double>& runs) {
  std::vector<double> sorted(runs);
  std::sort(sorted.begin(), sorted.end());
  return sorted[sorted.size() / 2];
}

void measure(const Isa& isa, int threads, const MachineLimits& limits, int tokens, int64_t k, int64_t rows,
             const char* format) {
  const MatmulKernel& kernel = choose_matmul(isa, *find_format(format), false);
  const bool blocks = kernel.activations == Activations::int8;
  const int64_t x_stride = blocks ? activation_row_bytes(k) : 4 * k;
  const Buffer w(static_cast<size_t>(kernel.bytes(rows, k))), x(static_cast<size_t>(tokens * x_stride)),
      out(static_cast<size_t>(tokens * rows) * 4);
  std::fill_n(w.as<char>(), w.bytes(), char{0x3c});  // a plain number in every type: subnormal ones are slow
  std::fill_n(x.as<char>(), x.bytes(), char{0x3c});
  const std::atomic<bool> never{false};
  const int item_rows = tokens > 8 ? 64 : 16;
  std::vector<double> runs;
  for (int run = 0; run < 9; ++run) {
    const auto start = std::chrono::steady_clock::now();
    ThreadPool::instance().run(static_cast<int>(rows / item_rows), threads, never, [&](int item, int) {
      const int64_t row = int64_t{item} * item_rows;
      kernel.matmul({x.as<void>(), x_stride, w.as<void>(), k, tokens, row, item_rows, out.as<float>() + row,
                     rows, false});
    });
    runs.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  const double seconds = median_seconds(runs), products = static_cast<double>(rows * k) * tokens / seconds;
  const double bytes = static_cast<double>(w.bytes()) / seconds;
  const double most = measure_multiply_adds(kernel, threads);  // integers have another limit than float32
  std::printf(
      "%-12s %-8s %d threads  %-4s [%ld x %ld] x %3d tokens  %7.2f ms  %6.1f Gop/s (%2.0f %%)  "
      "%5.1f GB/s (%2.0f %%)\n",
      isa.name, kernel.isa, threads, format, static_cast<long>(rows), static_cast<long>(k), tokens,
      1e3 * seconds, 2e-9 * products, 100 * products / most, 1e-9 * bytes,
      100 * bytes / limits.read_bytes_per_second);
}

}  // namespace

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::atoi(arguments[1]) : 1;
  const std::string_view only = count > 2 ? arguments[2] : "";
  for (const Isa* isa : runnable_isas()) {
    if (!only.empty() && only != isa->name) continue;
    const MachineLimits limits = measure_machine(*isa->kernels, threads);
    std::printf("%-12s %d threads  memory %.1f GB/s, multiply-adds %.1f GFLOP/s\n", isa->name, threads,
                1e-9 * limits.read_bytes_per_second, 2e-9 * limits.multiply_adds_per_second);
    for (const char* format : {"BF16", "F16", "F32", "Q8_0", "Q4_0"}) {
      measure(*isa, threads, limits, 1, 1024, 3072 * 32, format);
      measure(*isa, threads, limits, 1, 2560, 9728 * 4, format);
      for (const int tokens : {2, 3, 4, 8, 16}) measure(*isa, threads, limits, tokens, 2560, 9728, format);
      measure(*isa, threads, limits, 96, 1024, 3072, format);
      measure(*isa, threads, limits, 96, 9728, 2560, format);
    }
  }
}
