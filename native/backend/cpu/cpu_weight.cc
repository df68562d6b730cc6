#include "backend/cpu/cpu_weight.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <vector>

#include "core/thread_pool.h"

namespace quern::cpu {

namespace {

constexpr int64_t kPiece = int64_t{1} << 19;  // numbers that one work item reads: a millisecond or so

// Runs work(item) for all items; what one throws ends the others and is thrown here.
template <typename Work>
void run_all(int64_t items, int threads, const Work& work) {
  std::mutex mutex;
  std::exception_ptr failure;
  std::atomic<bool> abort{false};
  ThreadPool::instance().run(static_cast<int>(items), threads, abort, [&](int item, int) {
    try {
      work(item);
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
      abort = true;
    }
  });
  if (failure) std::rethrow_exception(failure);
}

std::vector<char> read(const WeightView& view, int64_t first, int64_t count) {
  std::vector<char> stored(static_cast<size_t>(count) * size_of(view.dtype));
  view.read(first, count, stored.data());
  return stored;
}

}  // namespace

void CpuWeight::read_row(int64_t row, const Kernels& kernels, float* out) const {
  for (int64_t col = 0; col < cols; col += kPanelDepth) {
    const auto* at = memory.as<char>() + panel_at(row, col, cols) * static_cast<int64_t>(size_of(dtype));
    kernels.convert({at, dtype, out + col, Dtype::f32, std::min<int64_t>(kPanelDepth, cols - col)});
  }
}

std::unique_ptr<Weight> prepare_cpu_weight(const WeightView& view, const Kernels& kernels, int threads) {
  auto weight = std::make_unique<CpuWeight>();
  weight->dtype = view.rows == 1 ? Dtype::f32 : view.dtype;
  weight->rows = view.rows;
  weight->cols = view.cols;
  weight->memory = Buffer(weight->bytes());
  if (weight->is_vector()) {
    const std::vector<char> stored = read(view, 0, view.cols);
    kernels.convert({stored.data(), view.dtype, weight->memory.as<float>(), Dtype::f32, view.cols});
    return weight;
  }
  const int64_t piece_rows = panel_rows(std::max<int64_t>(1, kPiece / view.cols));
  run_all((view.rows + piece_rows - 1) / piece_rows, threads, [&](int64_t piece) {
    const int64_t first = piece * piece_rows, rows = std::min(piece_rows, view.rows - first);
    const std::vector<char> stored = read(view, first * view.cols, rows * view.cols);
    pack_rows(stored.data(), first, rows, view.cols, view.dtype, weight->memory.as<void>());
  });
  return weight;
}

}  // namespace quern::cpu
