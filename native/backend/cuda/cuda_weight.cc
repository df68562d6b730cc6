#include "backend/cuda/cuda_weight.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <string>
#include <vector>

#include "backend/cuda/pack_rows.h"
#include "core/error.h"
#include "core/thread_pool.h"

namespace quern::cuda {

namespace {

constexpr int64_t kPieceBytes = int64_t{16} << 20;
constexpr int64_t kItemBytes = int64_t{1} << 20;  // that one thread reads and packs at a time

// Runs work(first, rows) for all rows, some at a time, on several threads; what one throws ends the others
// and is thrown here.
template <typename Work>
void for_rows(int64_t rows, int64_t at_once, int threads, const Work& work) {
  std::mutex mutex;
  std::exception_ptr failure;
  std::atomic<bool> abort{false};
  ThreadPool::instance().run(static_cast<int>((rows + at_once - 1) / at_once), threads, abort,
                             [&](int item, int) {
                               try {
                                 const int64_t first = item * at_once;
                                 work(first, std::min(at_once, rows - first));
                               } catch (...) {
                                 const std::lock_guard lock(mutex);
                                 failure = std::current_exception();
                                 abort = true;
                               }
                             });
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

Uploader::Uploader(std::shared_ptr<const Context> context, int threads)
    : context_(std::move(context)), threads_(threads), pieces_(context_), stream_(context_) {}

// On this stream: what cudaMemcpy() leaves to the default one may still be on its way when others compute.
void Uploader::copy(void* to, const void* from, size_t bytes) const {
  if (bytes == 0) return;
  context_->check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "copying weights");
}

std::unique_ptr<Weight> Uploader::upload(const WeightView& view) {
  auto weight = std::make_unique<CudaWeight>();
  weight->is_plain = view.exact;
  if (!view.is_vector) {
    upload_matrix(view, *weight);
    return weight;
  }
  std::vector<std::byte> stored(static_cast<size_t>(view.format->row_bytes(view.cols)));
  view.read(0, 1, stored.data());
  std::vector<float> numbers(static_cast<size_t>(view.cols));
  decode_row(*view.format, stored.data(), view.cols, numbers.data());
  const size_t bytes = numbers.size() * sizeof(float);
  weight->numbers = DeviceBuffer(context_, bytes);
  copy(weight->numbers.as<void>(), numbers.data(), bytes);
  context_->check(cudaStreamSynchronize(stream_), "copying weights");
  return weight;
}

void Uploader::upload_matrix(const WeightView& view, CudaWeight& weight) {
  const std::optional<Encoding> encoding = encoding_of(*view.format);
  if (!encoding) {
    throw Error("unsupported_format", "weights: expected f32, f16, bf16, Q8_0 or Q4_0 on a GPU, got " +
                                          std::string(view.format->name) + ": load it with dtype 'bf16'");
  }
  const int64_t stride = stride_of(*encoding, view.cols), bytes = row_bytes(*encoding, stride);
  const bool has_scales = *encoding == Encoding::int8 || *encoding == Encoding::int4;
  const int64_t scale_bytes = has_scales ? stride / kStepNumbers * int64_t{sizeof(uint16_t)} : 0;
  weight.numbers = DeviceBuffer(context_, static_cast<size_t>(view.rows * bytes));
  weight.scales = DeviceBuffer(context_, static_cast<size_t>(view.rows * scale_bytes));
  weight.matrix = {
      weight.numbers.as<void>(),   weight.scales.as<uint16_t>(), nullptr,  static_cast<int>(view.rows),
      static_cast<int>(view.cols), static_cast<int>(stride),     *encoding};
  context_->enter();
  const int64_t whole = bytes + scale_bytes,
                piece_rows = std::clamp<int64_t>(kPieceBytes / whole, 1, view.rows);
  const int64_t stored_bytes = view.format->row_bytes(view.cols);
  for (int64_t first = 0; first < view.rows; first += piece_rows) {
    const int64_t rows = std::min(piece_rows, view.rows - first);
    std::byte* const numbers = pieces_.next(static_cast<size_t>(std::max(piece_rows * whole, kPieceBytes)));
    auto* const scales = reinterpret_cast<uint16_t*>(numbers + rows * bytes);
    for_rows(rows, std::max<int64_t>(1, kItemBytes / whole), threads_, [&](int64_t from, int64_t count) {
      std::vector<std::byte> stored(static_cast<size_t>(count * stored_bytes));
      view.read(first + from, count, stored.data());
      pack_rows(*encoding, stored.data(), count, view.cols, numbers + from * bytes,
                has_scales ? scales + from * (stride / kStepNumbers) : nullptr);
    });
    copy(weight.numbers.as<std::byte>() + first * bytes, numbers, static_cast<size_t>(rows * bytes));
    copy(weight.scales.as<std::byte>() + first * scale_bytes, scales,
         static_cast<size_t>(rows * scale_bytes));
    pieces_.hand_over(stream_);
  }
  context_->check(cudaStreamSynchronize(stream_), "copying weights");
}

}  // namespace quern::cuda
