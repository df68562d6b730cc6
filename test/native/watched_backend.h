// A backend whose operations a test can hold up, make fail and count. The work is another backend's.
#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "backend/backend.h"

namespace quern::test {

// What a test wants to happen, and what has happened; it outlives the backend, which the engine owns.
struct Watch {
  std::function<void()> on_embed, on_sample, on_logits, on_download;  // called first; may throw or wait
  std::function<void(const WeightView&)> on_prepare;
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

class WatchedBackend final : public Backend {
 public:
  WatchedBackend(std::unique_ptr<Backend> inner, Watch& watch) : inner_(std::move(inner)), watch_(watch) {}

  std::unique_ptr<Weight> prepare_weight(const WeightView& view) override {
    if (watch_.on_prepare) watch_.on_prepare(view);
    return inner_->prepare_weight(view);
  }
  Buffer allocate(size_t bytes) override { return inner_->allocate(bytes); }
  void upload(const void* from, void* to, size_t bytes) override { inner_->upload(from, to, bytes); }
  void download(const void* from, void* to, size_t bytes) override {
    call(watch_.on_download);
    inner_->download(from, to, bytes);
  }
  void reserve(const Limits& limits) override { inner_->reserve(limits); }
  void begin_step(const std::atomic<bool>& abort) override { inner_->begin_step(abort); }
  bool end_step() override {
    const bool completed = inner_->end_step();
    ++(completed ? watch_.steps : watch_.aborted_steps);
    return completed;
  }
  void embed(const Weight& table, const Batch& batch, Tensor x) override {
    watch_.rows += batch.rows();
    call(watch_.on_embed);
    inner_->embed(table, batch, x);
  }
  void attention_input(const AttentionInputWeights& weights, Tensor x, const Batch& batch,
                       const KvShape& shape, KvLayer kv, Tensor q) override {
    inner_->attention_input(weights, x, batch, shape, kv, q);
  }
  void attention(Tensor q, const Batch& batch, const KvShape& shape, KvLayer kv, Tensor out) override {
    inner_->attention(q, batch, shape, kv, out);
  }
  void matmul_add(const Weight& weight, Tensor in, Tensor x) override { inner_->matmul_add(weight, in, x); }
  void ffn_input(const FfnInputWeights& weights, Tensor x, Tensor out) override {
    inner_->ffn_input(weights, x, out);
  }
  void logits(const Weight& norm, float norm_eps, const Weight& head, Tensor x,
              std::span<const int32_t> chosen, Tensor out) override {
    call(watch_.on_logits);
    inner_->logits(norm, norm_eps, head, x, chosen, out);
  }
  void sample(Tensor logits, std::span<const SampleParams> params, std::span<Sampled> chosen) override {
    call(watch_.on_sample);
    inner_->sample(logits, params, chosen);
  }
  std::string isa() const override { return inner_->isa(); }
  int threads() const override { return inner_->threads(); }

 private:
  // A copy, for a test may change a hook while somebody stands in it.
  static void call(std::function<void()> hook) {
    if (hook) hook();
  }
  std::unique_ptr<Backend> inner_;
  Watch& watch_;
};

}  // namespace quern::test
