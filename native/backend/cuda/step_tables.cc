#include "backend/cuda/step_tables.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "core/error.h"

namespace quern::cuda {

namespace {

constexpr size_t kAlignment = 16;

// Pages that a sequence's rows may look up: those of its first position to its last.
size_t pages_of(const SequenceRows& sequence) {
  return static_cast<size_t>((sequence.first_position + sequence.rows - 1) / kPagePositions) + 1;
}

}  // namespace

StepUpload::StepUpload(std::shared_ptr<const Context> context, const StreamLimits& limits)
    : context_(std::move(context)),
      // A row is chosen for a draw, for scores and for numbers that the host reads, each in one pass or two.
      most_chosen_(static_cast<size_t>(8 * std::max(limits.rows, limits.logits_rows))) {
  const auto rows = static_cast<size_t>(limits.rows);
  const size_t angles = 4 * rows * static_cast<size_t>(limits.head_dim) * sizeof(float);
  reserve((most_chosen_ + 16 * rows) * sizeof(int32_t) + angles + 4096);
}

size_t StepUpload::take(size_t bytes) {
  const size_t offset = used_;
  used_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  return offset;
}

template <typename T>
T* StepUpload::host(size_t offset) const {
  return reinterpret_cast<T*>(host_[current_].as<std::byte>() + offset);
}
template <typename T>
const T* StepUpload::device(size_t offset) const {
  return reinterpret_cast<const T*>(device_.as<std::byte>() + offset);
}

// Grows by doubling; what is in flight is waited for, since it reads where it was told to. All of it grows or
// nothing: the pieces are as large as the GPU's.
void StepUpload::reserve(size_t bytes) {
  if (bytes <= device_.bytes()) return;
  bytes = std::max(bytes, 2 * device_.bytes());
  DeviceBuffer device(context_, bytes);
  PinnedBuffer host[kInFlight];
  for (PinnedBuffer& piece : host) piece = PinnedBuffer(context_, bytes);
  if (device_.bytes() > 0) context_->wait_for_all();
  device_ = std::move(device);
  std::move(std::begin(host), std::end(host), std::begin(host_));
}

void StepUpload::begin(const StepInput& input, const int32_t* drawn) {
  const auto rows = static_cast<size_t>(input.rows()), sequences = input.sequences.size();
  const size_t groups = sequences == 0 ? 0 : input.sequences.front().pages.size();
  size_t pages = 0, angles = 0;
  for (const SequenceRows& sequence : input.sequences) pages += pages_of(sequence) * groups;
  for (const Angles& rope : input.ropes)
    angles += 2 * (rows * static_cast<size_t>(rope.dim / 2) + kAlignment);
  reserve((most_chosen_ + 3 * rows + 3 * sequences + sequences * groups + pages + angles) * sizeof(int32_t) +
          16 * kAlignment);
  used_ = 0;
  chosen_count_ = 0;
  longest_ = 0;

  const size_t tokens = take(rows * sizeof(int32_t)), row_sequence = take(rows * sizeof(int32_t)),
               row_position = take(rows * sizeof(int32_t)), spans = take(sequences * sizeof(SequenceSpan)),
               starts = take(sequences * groups * sizeof(int32_t));
  std::copy(input.tokens.begin(), input.tokens.end(), host<int32_t>(tokens));
  turns_.clear();
  for (const Angles& rope : input.ropes) {
    const size_t bytes = rows * static_cast<size_t>(rope.dim / 2) * sizeof(float), cos = take(bytes),
                 sin = take(bytes);
    std::memcpy(host<float>(cos), rope.cos, bytes);
    std::memcpy(host<float>(sin), rope.sin, bytes);
    turns_.push_back({device<float>(cos), device<float>(sin), rope.dim});
  }
  chosen_ = take(most_chosen_ * sizeof(int32_t));
  // Pages are last, since their number changes from step to step.
  const size_t first_page = take(pages * sizeof(int32_t));
  size_t at = 0;
  for (size_t s = 0; s < sequences; ++s) {
    const SequenceRows& sequence = input.sequences[s];
    host<SequenceSpan>(spans)[s] = {sequence.first_row, sequence.rows, sequence.first_position};
    for (int i = 0; i < sequence.rows; ++i) {
      host<int32_t>(row_sequence)[sequence.first_row + i] = static_cast<int32_t>(s);
      host<int32_t>(row_position)[sequence.first_row + i] = sequence.first_position + i;
    }
    longest_ = std::max(longest_, sequence.first_position + sequence.rows - 1);
    for (size_t group = 0; group < groups; ++group, at += pages_of(sequence)) {
      host<int32_t>(starts)[group * sequences + s] = static_cast<int32_t>(at);
      std::copy_n(sequence.pages[group], pages_of(sequence), host<int32_t>(first_page) + at);
    }
  }
  tables_ = {static_cast<int>(rows),        static_cast<int>(sequences),
             device<int32_t>(tokens),       drawn,
             device<int32_t>(row_sequence), device<int32_t>(row_position),
             device<SequenceSpan>(spans),   device<int32_t>(starts),
             device<int32_t>(first_page)};
}

Turn StepUpload::turn(int rope) const {
  return rope == kNoRope ? Turn{} : turns_[static_cast<size_t>(rope)];
}

const int32_t* StepUpload::choose(std::span<const int32_t> rows) {
  QUERN_CHECK(chosen_count_ + rows.size() <= most_chosen_);
  const size_t offset = chosen_ + chosen_count_ * sizeof(int32_t);
  std::copy(rows.begin(), rows.end(), host<int32_t>(offset));
  chosen_count_ += rows.size();
  return device<int32_t>(offset);
}

void StepUpload::copy(cudaStream_t stream) {
  context_->check(
      cudaMemcpyAsync(device_.as<void>(), host<std::byte>(0), used_, cudaMemcpyHostToDevice, stream),
      "copying a step's tables");
  current_ = (current_ + 1) % kInFlight;
}

}  // namespace quern::cuda
