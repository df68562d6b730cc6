#include "backend/cpu/cpu_weight.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <vector>

#include "core/thread_pool.h"

namespace quern::cpu {

namespace {
constexpr int64_t kPiece = int64_t{1} << 19;  // numbers that one work item reads: a millisecond or so
}

std::unique_ptr<Weight> prepare_cpu_weight(const WeightView& view, const Kernels& kernels, int threads) {
  auto weight = std::make_unique<CpuWeight>();
  const bool is_vector = view.rows == 1;
  weight->dtype = is_vector ? Dtype::f32 : view.dtype;
  weight->rows = view.rows;
  weight->cols = view.cols;
  weight->memory = Buffer(weight->bytes());
  const int64_t count = view.rows * view.cols;
  const int pieces = static_cast<int>((count + kPiece - 1) / kPiece);
  std::mutex mutex;
  std::exception_ptr failure;
  std::atomic<bool> abort{false};
  ThreadPool::instance().run(pieces, threads, abort, [&](int piece, int) {
    try {
      const int64_t first = piece * kPiece, size = std::min(kPiece, count - first);
      if (weight->dtype == view.dtype) {
        view.read(first, size, weight->memory.as<char>() + first * static_cast<int64_t>(size_of(view.dtype)));
        return;
      }
      std::vector<char> stored(static_cast<size_t>(size) * size_of(view.dtype));
      view.read(first, size, stored.data());
      kernels.convert({stored.data(), view.dtype, weight->memory.as<float>() + first, Dtype::f32, size});
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
      abort = true;
    }
  });
  if (failure) std::rethrow_exception(failure);
  return weight;
}

}  // namespace quern::cpu
