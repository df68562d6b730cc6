// Sampling on the GPU, and the CPU's sampler beside it.
#pragma once
#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "backend/cpu/isa.h"
#include "backend/cpu/sampling/sampler.h"
#include "backend/cuda/cuda_context.h"
#include "backend/cuda/device_array.h"
#include "backend/cuda/device_sampler.h"
#include "check.h"

namespace quern::test {

constexpr int kMostRows = 40, kMostSlots = 100;

// Rows of one vocabulary, on both.
class Samplers {
 public:
  explicit Samplers(int vocab)
      : vocab_(size_t(vocab)),
        context_(cuda::Context::open(0)),
        drawn_(kMostSlots),
        sampler_(context_, kMostRows, kMostSlots, vocab, drawn_.data()),
        steps_{cuda::StagedSampling(context_), cuda::StagedSampling(context_)},
        kernels_(*cpu::choose_isa("auto").kernels) {
    on_cpu_.reserve(vocab, 1);
  }

  // One call a step; its rows are `logits` again and again, as often as there are params.
  std::vector<Sampled> sample(const std::vector<float>& logits, std::span<const SampleParams> params) {
    std::vector<Sampled> all, some;
    std::vector<Scored> none;
    for (size_t first = 0; first < params.size(); first += kMostRows) {
      const auto part = params.subspan(first, std::min<size_t>(kMostRows, params.size() - first));
      const DeviceArray<float> rows(repeated(logits, part.size()));
      cuda::StagedSampling& step = steps_[next_++ % 2];
      sampler_.begin(step);
      const cuda::SampleRows op = sampler_.sample(step, rows.data(), part);
      run(step, {op});
      sampler_.collect(step, some, none);
      CHECK(none.empty());
      const std::vector<int32_t> drawn = drawn_.read();
      for (size_t i = 0; i < some.size(); ++i) CHECK_EQ(drawn[i], std::max(some[i].token, 0));
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }
  Sampled sample(const std::vector<float>& logits, const SampleParams& params) {
    return sample(logits, std::span(&params, 1))[0];
  }
  std::vector<Scored> score(const std::vector<float>& logits, std::span<const ScoreParams> params) {
    const DeviceArray<float> rows(repeated(logits, params.size()));
    cuda::StagedSampling& step = steps_[next_++ % 2];
    sampler_.begin(step);
    run(step, {sampler_.score(step, rows.data(), params)});
    std::vector<Sampled> none;
    std::vector<Scored> scored;
    sampler_.collect(step, none, scored);
    CHECK(none.empty());
    return scored;
  }

  Sampled on_cpu(std::vector<float> logits, const SampleParams& params) {
    return on_cpu_.sample(kernels_, 0, logits, params);
  }
  Scored score_on_cpu(std::vector<float> logits, const ScoreParams& params) {
    return on_cpu_.score(kernels_, 0, logits, params);
  }

  std::vector<float> distribution_on_cpu(const std::vector<float>& logits, const SampleParams& params) {
    std::vector<float> shares(vocab_);
    on_cpu_.distribution(kernels_, logits, params, shares);
    return shares;
  }

  void run(cuda::StagedSampling& step, const std::vector<cuda::SampleRows>& ops) {
    sampler_.upload(step, nullptr);
    for (const cuda::SampleRows& op : ops) cuda::sample_rows(op, nullptr);
    sampler_.read_back(step, nullptr);
    must(cudaDeviceSynchronize());
  }
  cuda::DeviceSampler& sampler() { return sampler_; }
  cuda::StagedSampling& step(int index) { return steps_[index]; }

 private:
  std::vector<float> repeated(const std::vector<float>& logits, size_t count) const {
    CHECK_EQ(logits.size(), vocab_);
    std::vector<float> rows;
    for (size_t i = 0; i < count; ++i) rows.insert(rows.end(), logits.begin(), logits.end());
    return rows;
  }

  const size_t vocab_;
  std::shared_ptr<const cuda::Context> context_;
  DeviceArray<int32_t> drawn_;
  cuda::DeviceSampler sampler_;
  cuda::StagedSampling steps_[2];
  int next_ = 0;
  const cpu::Kernels& kernels_;
  cpu::Sampler on_cpu_;
};

}  // namespace quern::test
