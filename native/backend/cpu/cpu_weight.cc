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

std::vector<std::byte> read(const WeightView& view, int64_t first_row, int64_t rows) {
  std::vector<std::byte> stored(static_cast<size_t>(rows * view.format->row_bytes(view.cols)));
  view.read(first_row, rows, stored.data());
  return stored;
}

}  // namespace

std::unique_ptr<Weight> prepare_cpu_weight(const WeightView& view, const Isa& isa, int threads) {
  auto weight = std::make_unique<CpuWeight>();
  weight->rows = view.rows;
  weight->cols = view.cols;
  if (view.is_vector) {
    weight->memory = Buffer(weight->bytes());
    decode_row(*view.format, read(view, 0, 1).data(), view.cols, weight->memory.as<float>());
    return weight;
  }
  weight->kernel = &choose_matmul(isa, *view.format, view.exact);
  weight->memory = Buffer(weight->bytes());
  const int panel_rows = weight->kernel->panel_rows;
  const int64_t piece_rows =
      (std::max<int64_t>(1, kPiece / view.cols) + panel_rows - 1) / panel_rows * panel_rows;
  run_all((view.rows + piece_rows - 1) / piece_rows, threads, [&](int64_t piece) {
    const int64_t first = piece * piece_rows, rows = std::min(piece_rows, view.rows - first);
    const std::vector<std::byte> stored = read(view, first, rows);
    weight->kernel->pack({stored.data(), first, rows, view.cols, weight->memory.as<void>()});
  });
  return weight;
}

}  // namespace quern::cpu
