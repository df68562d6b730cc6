#include "late/late_stream.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace quern::late {

namespace {

using Operation = std::function<void(Stream&)>;

// A step with copies of all that the host gave.
struct Step {
  Ticket ticket = 0;
  std::vector<int32_t> tokens;
  std::deque<std::vector<float>> numbers;  // of the angles, whose addresses stay
  std::vector<Angles> ropes;
  std::vector<std::vector<int32_t>> pages;
  std::vector<std::vector<const int32_t*>> tables;  // of `pages`, by sequence
  std::vector<SequenceRows> sequences;
  StepInput input;
  std::vector<Operation> operations;
  struct ReadBack {
    std::vector<float> numbers;
    float* into = nullptr;
  };
  std::deque<ReadBack> read_backs;  // whose addresses stay
  std::vector<Tensor> scratch;      // what it wrote between its operations

  // What came of it.
  bool done = false, completed = false;
  std::exception_ptr failure;
  StepResult result;
};

// What nobody should see: not a number.
void poison(void* numbers, size_t bytes) {
  std::memset(numbers, 0xff, bytes);
}
size_t bytes_of(Tensor tensor) {
  return static_cast<size_t>(tensor.rows * tensor.cols) * size_of(tensor.dtype);
}

// Records operations with copies of their arguments; a thread of its own does them once they are launched.
// Every tensor is poisoned before the operation that writes all of it, and when the step is done: numbers are
// right only where an operation of the same step has put them. What the host reads back is poisoned until the
// step is collected, and memory of the device it cannot see at all.
class LateStream final : public Stream {
 public:
  LateStream(std::unique_ptr<Stream> inner, std::shared_ptr<const AddressMap> memory, const Knobs& knobs)
      : inner_(std::move(inner)), memory_(std::move(memory)), knobs_(knobs), worker_([this] { work(); }) {}

  ~LateStream() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    worker_.join();
  }

  Ticket begin(const StepInput& input) override {
    if (in_flight_.empty()) failure_ = nullptr;  // what failed is known: the next one begins anew
    begun_ = std::make_shared<Step>();
    Step& step = *begun_;
    step.ticket = ++last_;
    step.tokens.assign(input.tokens.begin(), input.tokens.end());
    for (const auto& [cos, sin, dim] : input.ropes) {
      const auto count = static_cast<size_t>(input.rows()) * static_cast<size_t>(dim / 2);
      const auto copy = [&](const float* from) {
        return step.numbers.emplace_back(from, from + count).data();
      };
      step.ropes.push_back({copy(cos), copy(sin), dim});
    }
    for (const SequenceRows& rows : input.sequences) {
      const int positions = rows.first_position + rows.rows;
      std::vector<const int32_t*>& tables = step.tables.emplace_back();
      for (const int32_t* const table : rows.pages)
        tables.push_back(
            step.pages.emplace_back(table, table + (positions + kPagePositions - 1) / kPagePositions).data());
      step.sequences.push_back({rows.first_row, rows.rows, rows.first_position, tables});
    }
    step.input = {step.tokens, step.ropes, step.sequences, input.abort};
    return step.ticket;
  }

  void embed(const Weight& table, Tensor x) override {
    const Tensor to = scratch(x);
    record([&table, to](Stream& stream) {
      poison(to.data, bytes_of(to));
      stream.embed(table, to);
    });
  }

  void attention_input(const AttentionInputWeights& weights, int rope, Tensor x, const KvShape& shape,
                       KvLayer kv, Tensor q) override {
    const Tensor from = real(x), to = scratch(q);
    const KvLayer cache = real(kv, shape);
    record([weights, rope, from, shape, cache, to](Stream& stream) {
      poison(to.data, bytes_of(to));
      stream.attention_input(weights, rope, from, shape, cache, to);
    });
  }

  void attention(const AttentionSpec& spec, Tensor q, const KvShape& shape, KvLayer kv, Tensor out) override {
    const Tensor from = real(q), to = scratch(out);
    const KvLayer cache = real(kv, shape);
    record([does = spec, slopes = std::vector(spec.slopes.begin(), spec.slopes.end()), from, shape, cache,
            to](Stream& stream) mutable {
      poison(to.data, bytes_of(to));
      does.slopes = slopes;
      stream.attention(does, from, shape, cache, to);
    });
  }

  void matmul_add(const Weight& weight, Tensor in, Tensor x) override {
    const Tensor from = real(in), to = real(x);
    record([&weight, from, to](Stream& stream) { stream.matmul_add(weight, from, to); });
  }

  void ffn_input(const FfnInputWeights& weights, Tensor x, Tensor out) override {
    const Tensor from = real(x), to = scratch(out);
    record([weights, from, to](Stream& stream) {
      poison(to.data, bytes_of(to));
      stream.ffn_input(weights, from, to);
    });
  }

  void final_norm(const Weight& norm, float norm_eps, Tensor x, std::span<const int32_t> chosen,
                  Tensor out) override {
    const Tensor from = real(x), to = scratch(out);
    record([&norm, norm_eps, from, rows = std::vector(chosen.begin(), chosen.end()), to](Stream& stream) {
      poison(to.data, bytes_of(to));
      stream.final_norm(norm, norm_eps, from, rows, to);
    });
  }

  void logits(const Weight& norm, float norm_eps, const Weight& head, Tensor x,
              std::span<const int32_t> chosen, Tensor out) override {
    const Tensor from = real(x), to = scratch(out);
    record(
        [&norm, norm_eps, &head, from, rows = std::vector(chosen.begin(), chosen.end()), to](Stream& stream) {
          poison(to.data, bytes_of(to));
          stream.logits(norm, norm_eps, head, from, rows, to);
        });
  }

  void sample(Tensor logits, std::span<const SampleParams> params) override {
    const Tensor from = scratch(logits);
    std::vector<SamplingOptions> options;
    for (const SampleParams& one : params) options.push_back(*one.options);
    record([from, options = std::move(options),
            rows = std::vector(params.begin(), params.end())](Stream& stream) mutable {
      for (size_t row = 0; row < rows.size(); ++row) {
        rows[row].options = &options[row];
        rows[row].tokens = {};  // nothing that it samples by looks back
        rows[row].prompt_tokens = 0;
      }
      stream.sample(from, rows);
      poison(from.data, bytes_of(from));
    });
  }

  void score(Tensor logits, std::span<const ScoreParams> params) override {
    const Tensor from = scratch(logits);
    std::vector<std::vector<int32_t>> targets;
    for (const ScoreParams& one : params) targets.emplace_back(one.targets.begin(), one.targets.end());
    record([from, targets = std::move(targets),
            rows = std::vector(params.begin(), params.end())](Stream& stream) mutable {
      for (size_t row = 0; row < rows.size(); ++row) rows[row].targets = targets[row];
      stream.score(from, rows);
      poison(from.data, bytes_of(from));
    });
  }

  void read_back(Tensor from, float* into) override {
    const Tensor source = real(from);
    Step::ReadBack& back = step().read_backs.emplace_back();
    back.numbers.resize(static_cast<size_t>(from.rows * from.cols));
    back.into = into;
    poison(into, bytes_of(from));
    record([source, &back](Stream& stream) { stream.read_back(source, back.numbers.data()); });
  }

  void launch(Ticket ticket) override {
    QUERN_CHECK(begun_ && begun_->ticket == ticket);
    QUERN_CHECK(static_cast<int>(in_flight_.size()) <= knobs_.depth);
    in_flight_.push_back(begun_);
    give([this, launched = std::move(begun_)] { run(*launched); });
  }

  bool collect(Ticket ticket, StepResult& result) override {
    QUERN_CHECK(!in_flight_.empty() && in_flight_.front()->ticket == ticket);
    const std::shared_ptr<Step> oldest = in_flight_.front();
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return oldest->done; });
    }
    in_flight_.pop_front();
    if (oldest->failure) std::rethrow_exception(oldest->failure);
    for (const Step::ReadBack& back : oldest->read_backs)
      std::copy(back.numbers.begin(), back.numbers.end(), back.into);
    result = std::move(oldest->result);
    return oldest->completed;
  }

  int depth() const override { return knobs_.depth; }

  void upload(std::span<const Copy> copies) override {
    copy(copies, [this](std::span<const Copy> real) { inner_->upload(real); });
  }
  void download(std::span<const Copy> copies) override {
    copy(copies, [this](std::span<const Copy> real) { inner_->download(real); });
  }

 private:
  Step& step() const {
    QUERN_CHECK(begun_);
    return *begun_;
  }
  void record(Operation operation) { step().operations.push_back(std::move(operation)); }

  Tensor real(Tensor seen) const {
    return {memory_->real(seen.data, bytes_of(seen)), seen.dtype, seen.rows, seen.cols};
  }
  KvLayer real(KvLayer seen, const KvShape& shape) const {
    const auto bytes = static_cast<size_t>(shape.layer_bytes());
    return {memory_->real(seen.keys, bytes), memory_->real(seen.values, bytes), seen.group};
  }
  Tensor scratch(Tensor seen) const { return step().scratch.emplace_back(real(seen)); }

  // ---- the thread's

  void give(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      given_.push_back(std::move(work));
    }
    changed_.notify_all();
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return closing_ || !given_.empty(); });
      if (given_.empty()) return;
      const std::function<void()> next = std::move(given_.front());
      given_.pop_front();
      lock.unlock();
      next();
      lock.lock();
      changed_.notify_all();
    }
  }

  void run(Step& launched) {
    if (knobs_.most_delay > 0) pause(static_cast<int>(chance_() % static_cast<unsigned>(knobs_.most_delay)));
    try {
      if (failure_) std::rethrow_exception(failure_);
      const Ticket ticket = inner_->begin(launched.input);  // it has its own numbers for steps
      const bool fails = launched.ticket == static_cast<Ticket>(knobs_.failing_step);
      const bool is_lost = knobs_.lost_step > 0 && launched.ticket >= static_cast<Ticket>(knobs_.lost_step);
      for (size_t i = 0; i < launched.operations.size(); ++i) {
        if (fails && i == launched.operations.size() / 2)
          throw Error("read_error", "step " + std::to_string(launched.ticket) + " was to fail");
        if (is_lost && i == launched.operations.size() / 2)
          throw Error("device_failed", "late: lost with step " + std::to_string(knobs_.lost_step));
        if (knobs_.pace > 0) pause(knobs_.pace);
        launched.operations[i](*inner_);
      }
      inner_->launch(ticket);
      launched.completed = inner_->collect(ticket, launched.result);
    } catch (...) {
      failure_ = launched.failure = std::current_exception();
    }
    for (const Tensor& written : launched.scratch) poison(written.data, bytes_of(written));
    const std::lock_guard lock(mutex_);
    launched.done = true;
  }

  static void pause(int microseconds) {
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
  }

  template <typename CopyAll>
  void copy(std::span<const Copy> copies, CopyAll copy_all) {
    std::vector<Copy> all;
    for (const Copy& one : copies) all.push_back({memory_->real(one.device, one.bytes), one.host, one.bytes});
    bool done = false;
    std::exception_ptr failure;
    give([&] {
      try {
        copy_all(all);
      } catch (...) {
        failure = std::current_exception();
      }
      const std::lock_guard lock(mutex_);
      done = true;
    });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done; });
    lock.unlock();
    if (failure) std::rethrow_exception(failure);
  }

  const std::unique_ptr<Stream> inner_;
  const std::shared_ptr<const AddressMap> memory_;
  const Knobs knobs_;

  // The host's.
  Ticket last_ = 0;
  std::shared_ptr<Step> begun_;
  std::deque<std::shared_ptr<Step>> in_flight_;  // the oldest first

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> given_;
  bool closing_ = false;

  // The worker's; the host's while nothing is in flight.
  std::exception_ptr failure_;  // of a step, hence of those after it
  std::minstd_rand chance_{1};

  std::thread worker_;  // last: it uses all of the above
};

}  // namespace

std::unique_ptr<Stream> create_late_stream(std::unique_ptr<Stream> inner,
                                           std::shared_ptr<const AddressMap> memory, const Knobs& knobs) {
  return std::make_unique<LateStream>(std::move(inner), std::move(memory), knobs);
}

}  // namespace quern::late
