// A device whose operations a test can hold up, make fail and count. The work is another device's.
#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "backend/backend.h"

namespace quern::test {

// What a test wants to happen, and what has happened; it outlives the device, which the engine owns.
struct Watch {
  std::function<void()> on_embed, on_sample, on_logits, on_download;  // called first; may throw or wait
  std::function<void(const StepInput&)> on_begin;
  std::function<void(const WeightView&)> on_prepare;
  std::function<void(size_t bytes)> on_allocate;
  // What the device says of itself in place of what the one beneath says.
  std::optional<KvBudget> budget;
  std::optional<Dtype> activations;  // where they need not be exact
  std::atomic<int> steps{0}, aborted_steps{0}, rows{0};

  // Lets one caller of pass() after the other through a gate that a test opens.
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return opened_ >= arrived_; });
  }
  // Waits until somebody stands before the gate.
  void await_arrival() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ > opened_; });
  }
  void open_once() { open_for(1); }
  void open_for_good() { open_for(1 << 30); }

 private:
  void open_for(int more) {
    const std::lock_guard lock(mutex_);
    opened_ += more;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t arrived_ = 0, opened_ = 0;
};

class WatchedStream final : public Stream {
 public:
  WatchedStream(std::unique_ptr<Stream> inner, Watch& watch) : inner_(std::move(inner)), watch_(watch) {}

  Ticket begin(const StepInput& input) override {
    watch_.rows += input.rows();
    if (watch_.on_begin) watch_.on_begin(input);
    return inner_->begin(input);
  }
  void embed(const Weight& table, Tensor x) override {
    call(watch_.on_embed);
    inner_->embed(table, x);
  }
  void attention_input(const AttentionInputWeights& weights, int rope, Tensor x, const KvShape& shape,
                       KvLayer kv, Tensor q) override {
    inner_->attention_input(weights, rope, x, shape, kv, q);
  }
  void attention(const AttentionSpec& spec, Tensor q, const KvShape& shape, KvLayer kv, Tensor out) override {
    inner_->attention(spec, q, shape, kv, out);
  }
  void matmul_add(const Weight& weight, Tensor in, Tensor x) override { inner_->matmul_add(weight, in, x); }
  void ffn_input(const FfnInputWeights& weights, Tensor x, Tensor out) override {
    inner_->ffn_input(weights, x, out);
  }
  void final_norm(const Weight& norm, float norm_eps, Tensor x, std::span<const int32_t> chosen,
                  Tensor out) override {
    inner_->final_norm(norm, norm_eps, x, chosen, out);
  }
  void logits(const Weight& norm, float norm_eps, const Weight& head, Tensor x,
              std::span<const int32_t> chosen, Tensor out) override {
    call(watch_.on_logits);
    inner_->logits(norm, norm_eps, head, x, chosen, out);
  }
  void sample(Tensor logits, std::span<const SampleParams> params) override {
    call(watch_.on_sample);
    inner_->sample(logits, params);
  }
  void score(Tensor logits, std::span<const ScoreParams> params) override { inner_->score(logits, params); }
  void read_back(Tensor from, float* into) override { inner_->read_back(from, into); }
  void launch(Ticket step) override { inner_->launch(step); }
  bool collect(Ticket step, StepResult& result) override {
    const bool completed = inner_->collect(step, result);
    ++(completed ? watch_.steps : watch_.aborted_steps);
    return completed;
  }
  int depth() const override { return inner_->depth(); }
  void upload(std::span<const Copy> copies) override { inner_->upload(copies); }
  void download(std::span<const Copy> copies) override {
    call(watch_.on_download);
    inner_->download(copies);
  }

 private:
  // A copy, for a test may change a hook while somebody stands in it.
  static void call(std::function<void()> hook) {
    if (hook) hook();
  }
  std::unique_ptr<Stream> inner_;
  Watch& watch_;
};

class WatchedDevice final : public Device {
 public:
  WatchedDevice(std::unique_ptr<Device> inner, Watch& watch) : inner_(std::move(inner)), watch_(watch) {}

  DeviceDescription describe() const override { return inner_->describe(); }
  std::unique_ptr<Weight> prepare_weight(const WeightView& view) override {
    if (watch_.on_prepare) watch_.on_prepare(view);
    return inner_->prepare_weight(view);
  }
  std::unique_ptr<Memory> allocate(size_t bytes) override {
    if (watch_.on_allocate) watch_.on_allocate(bytes);
    return inner_->allocate(bytes);
  }
  std::unique_ptr<Stream> create_stream(const StreamLimits& limits) override {
    return std::make_unique<WatchedStream>(inner_->create_stream(limits), watch_);
  }
  KvBudget kv_budget() const override { return watch_.budget.value_or(inner_->kv_budget()); }
  Dtype kv_dtype(bool exact) const override { return inner_->kv_dtype(exact); }
  Dtype activation_dtype(bool exact) const override {
    const Dtype its = inner_->activation_dtype(exact);
    return exact ? its : watch_.activations.value_or(its);
  }
  bool samples(const SamplingOptions& options) const override { return inner_->samples(options); }

 private:
  std::unique_ptr<Device> inner_;
  Watch& watch_;
};

}  // namespace quern::test
