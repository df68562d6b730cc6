// Sampling on the GPU, for the chains of steps that nearly every request has: only tokens come back, and
// log-probabilities where they are asked for. What it does is in kernels/sampling.cu; this is what a step
// brings there and back.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "backend/cuda/cuda_memory.h"
#include "backend/cuda/kernels/sampling.h"
#include "backend/sampling.h"

namespace quern::cuda {

// Numbers of the host that the GPU copies from or to, in a piece of memory that grows. Not while such a copy
// may be going on.
template <typename T>
class PinnedArray {
 public:
  explicit PinnedArray(std::shared_ptr<const Context> context) : context_(std::move(context)) {}

  void reserve(size_t count);
  void resize(size_t count) {
    reserve(count);
    size_ = count;
  }
  void push_back(const T& value) {
    reserve(size_ + 1);
    data()[size_++] = value;
  }
  size_t size() const { return size_; }
  T* data() const { return memory_.as<T>(); }
  T& operator[](size_t index) const { return data()[index]; }

 private:
  std::shared_ptr<const Context> context_;
  PinnedBuffer memory_;
  size_t size_ = 0;
};

// What one step asks of sampling, from its recording until it is collected.
struct StagedSampling {
  explicit StagedSampling(std::shared_ptr<const Context> context)
      : rows(context), changes(context), targets(context), results(context), found(context) {}

  // Where a row's lists begin in those of the step, and what it gives back.
  struct Place {
    size_t change = 0, target = 0, found = 0;
    float mu = 0;
    bool is_scored = false;
  };
  PinnedArray<SamplingRow> rows;
  PinnedArray<TokenChange> changes;
  PinnedArray<int32_t> targets;
  PinnedArray<SamplingResult> results;
  PinnedArray<FoundLogit> found;
  std::vector<Place> places;  // of rows
  int32_t slots = 0;          // that are drawn
};

class DeviceSampler {
 public:
  // most_rows: of one call; most_step_rows: of all calls of a step. drawn: by slot, in the device's memory.
  DeviceSampler(std::shared_ptr<const Context> context, int most_rows, int most_step_rows, int vocab,
                int32_t* drawn);

  static bool knows(const SamplingOptions& options);

  // ---- as a step is recorded: Stream::sample() and score(). What they give is launched in their place.
  void begin(StagedSampling& step) const;
  SampleRows sample(StagedSampling& step, float* logits, std::span<const SampleParams> params);
  SampleRows score(StagedSampling& step, float* logits, std::span<const ScoreParams> params);

  // ---- as it is launched: before its operations, and after them
  void upload(StagedSampling& step, cudaStream_t stream);
  void read_back(StagedSampling& step, cudaStream_t stream) const;

  // ---- once it is done. What is there already is written over, so that its memory is used again.
  static void collect(const StagedSampling& step, std::vector<Sampled>& sampled, std::vector<Scored>& scored);

 private:
  SampleRows operation(const StagedSampling& step, float* logits, size_t count) const;
  void take_changes(StagedSampling& step, const SampleParams& params, SamplingRow& row);
  void mark(int32_t token);
  template <typename T>
  void reserve(DeviceBuffer& buffer, size_t count) const;

  const std::shared_ptr<const Context> context_;
  const int vocab_;
  const size_t most_rows_, most_step_rows_;
  int32_t* const drawn_;
  DeviceBuffer rows_, results_;                               // [most_step_rows]
  DeviceBuffer changes_, targets_, found_;                    // of one step; they grow
  DeviceBuffer largest_, raw_largest_, raw_masses_, masses_;  // scratch of one call

  // Of the row that is recorded: what happens to each token, and which tokens these are.
  std::vector<int32_t> generated_;  // [vocab], -1 between rows
  std::vector<float> bias_;         // [vocab], zero between rows
  std::vector<uint64_t> marks_;     // a bit a token, none between rows
};

}  // namespace quern::cuda
