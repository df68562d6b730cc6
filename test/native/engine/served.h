// A model of random numbers and an engine that serves it, with a reader.
#pragma once
#include <condition_variable>
#include <map>
#include <set>
#include <string>

#include "check.h"
#include "devices_under_test.h"
#include "engine/asked.h"
#include "engine/load_engine.h"
#include "numbers.h"
#include "plan_lines.h"

namespace quern::test {

constexpr int kVocab = 307, kContext = 400;
constexpr auto kPatience = std::chrono::seconds(120);  // a hang, on however busy a machine

// Two layers of random numbers, with everything that a layer may have.
inline std::string plan_text(const std::string& more_config = "") {
  const int hidden = 48, heads = 4, kv_heads = 2, head_dim = 16, ffn = 96;
  std::string text =
      "quern-plan 3\nconfig hidden 48\nconfig vocab 307\nconfig context_length 400\n"
      "config tied_embeddings 0\nrope 0 dim 16\nrope 0 theta 10000\n" +
      more_config + LayerLine{2, heads, kv_heads, head_dim, ffn, true, true}.text() + "seed 11\n";
  const auto weight = [&](const std::string& slot, int rows, int cols, const std::string& source) {
    text += "weight " + slot + (rows == 1 ? " f32 " : " bf16 ") + std::to_string(rows) + " " +
            std::to_string(cols) + " " + source + "\n";
  };
  weight("embed", kVocab, hidden, "random 1");
  for (const std::string at : {"layers.0.", "layers.1."}) {
    weight(at + "attention_norm", 1, hidden, "constant 1");
    weight(at + "q", heads * head_dim, hidden, "random 0.3");
    weight(at + "k", kv_heads * head_dim, hidden, "random 0.3");
    weight(at + "v", kv_heads * head_dim, hidden, "random 0.3");
    weight(at + "q_bias", 1, heads * head_dim, "random 0.1");
    weight(at + "k_bias", 1, kv_heads * head_dim, "random 0.1");
    weight(at + "v_bias", 1, kv_heads * head_dim, "random 0.1");
    weight(at + "q_norm", 1, head_dim, "constant 1.5");
    weight(at + "k_norm", 1, head_dim, "constant 1.5");
    weight(at + "o", hidden, heads * head_dim, "random 0.3");
    weight(at + "ffn_norm", 1, hidden, "constant 1");
    weight(at + "gate", ffn, hidden, "random 0.3");
    weight(at + "up", ffn, hidden, "random 0.3");
    weight(at + "down", hidden, ffn, "random 0.3");
  }
  weight("final_norm", 1, hidden, "constant 1");
  weight("head", kVocab, hidden, "random 0.4");
  return text + "end\n";
}

inline std::vector<int32_t> random_prompt(uint64_t seed, int length) {
  Random random(seed);
  std::vector<int32_t> tokens;
  for (int i = 0; i < length; ++i) tokens.push_back(random.below(kVocab));
  return tokens;
}

struct Setup {
  int threads = 1;
  int step_rows = 512;
  uint64_t kv_bytes = 0;
  bool exact = false;
  int queue = 4096;
  Streaming streaming = {};
  int context_length = 0;  // 0: the model's
};

// Bytes of one page: keys and values of two layers in 16 bits.
constexpr uint64_t kPageBytes = uint64_t{2} * 2 * 2 * kPagePositions * 16 * 2;

enum class Finish { running, stop, length, cancelled, failed, logits, scores, embedding, pages };

struct Result {
  std::vector<int32_t> tokens;
  std::vector<double> logprobs;         // of each token and its likeliest ones, where asked for
  std::vector<double> prompt_logprobs;  // likewise of the prompt's tokens, or of those that were scored
  std::vector<double> candidates;
  Finish finish = Finish::running;
  std::vector<float> numbers;  // logits, or an embedding
  Failure failure;
  Pages pages;
  int32_t cached_tokens = 0;
  int rows_after_end = 0;
};

// Values and those of the likeliest, one token after the other.
inline std::vector<double> all_of(const LogprobColumns& columns) {
  std::vector<double> all;
  size_t at = 0;
  for (size_t i = 0; i < columns.size(); ++i) {
    all.push_back(columns.values[i]);
    for (; at < static_cast<size_t>(columns.ends[i]); ++at) all.push_back(columns.logprobs[at]);
  }
  return all;
}

// What an answer adds to a result.
struct ResultOf {
  Result& result;
  void operator()(Begin& begin) const {
    result.cached_tokens = begin.cached_tokens;
    if (begin.prompt) result.prompt_logprobs = all_of(*begin.prompt);
  }
  void operator()(End& end) const { result.finish = end.stopped ? Finish::stop : Finish::length; }
  void operator()(Cancelled&) const { result.finish = Finish::cancelled; }
  void operator()(Failure& failure) const {
    result.finish = Finish::failed;
    result.failure = failure;
  }
  void operator()(Scores& scores) const {
    result.finish = Finish::scores;
    result.prompt_logprobs = all_of(scores.tokens);
    result.candidates = scores.candidates;
  }
  void operator()(Embedding& embedding) const {
    result.finish = Finish::embedding;
    result.numbers = embedding.numbers;
  }
  void operator()(LogitsRows& rows) const {
    result.finish = Finish::logits;
    result.numbers.assign(rows.numbers.get(), rows.numbers.get() + rows.count);
  }
  void operator()(Pages& pages) const {
    result.finish = Finish::pages;
    result.pages = pages;
  }
};

// An engine with a reader: collects the rows of every request, and reads on (or not).
class Served {
 public:
  explicit Served(const Setup& setup, const std::string& more_config = "")
      : Served(setup, make_device(setup.threads), plan_text(more_config)) {}
  Served(const Setup& setup, std::unique_ptr<Device> device, const std::string& plan = plan_text()) {
    LoadOptions options;
    options.step_rows = setup.step_rows;
    options.kv_bytes = setup.kv_bytes;
    options.weights.exact = setup.exact;
    options.queue = setup.queue;
    options.streaming = setup.streaming;
    options.context_length = setup.context_length;
    engine_ = load_engine(parse_plan(plan), std::move(device), options, {}, [this] {
      const std::lock_guard lock(mutex_);
      ++wakes_;
      woken_.notify_one();
    });
  }

  Engine& engine() { return *engine_; }
  uint32_t submit(const Asked& asked) {
    const uint32_t id = engine_->submit(request_of(asked));
    results_[id];
    return id;
  }
  void sleep_for(uint32_t id) { sleepers_.insert(id); }
  void wake(uint32_t id) {
    sleepers_.erase(id);
    engine_->consumed(id, static_cast<int32_t>(results_[id].tokens.size()));
  }

  // Takes rows until `done` holds; false when patience ends.
  template <typename Done>
  bool read_until(Done done) {
    while (!done()) {
      {
        std::unique_lock lock(mutex_);
        if (!woken_.wait_for(lock, kPatience, [&] { return wakes_ > 0; })) return false;
        wakes_ = 0;
      }
      take();
    }
    return true;
  }
  bool read_all() {
    return read_until([&] {
      for (const auto& [id, result] : results_)
        if (result.finish == Finish::running) return false;
      return true;
    });
  }
  void take() {
    Rows rows = engine_->take();
    for (Answer& answer : rows.answers)
      if (!answer.is_last()) read(answer);
    size_t top = 0;
    for (size_t i = 0; i < rows.tokens.size(); ++i) {
      Result& result = results_[rows.requests[i]];
      result.rows_after_end += result.finish != Finish::running;
      result.tokens.push_back(rows.tokens[i]);
      if (rows.logprobs.size() > 0) {
        const size_t end = static_cast<size_t>(rows.logprobs.ends[i]);
        if (!std::isnan(rows.logprobs.values[i])) result.logprobs.push_back(rows.logprobs.values[i]);
        for (; top < end; ++top) result.logprobs.push_back(rows.logprobs.logprobs[top]);
      }
      if (!sleepers_.contains(rows.requests[i])) engine_->consumed(rows.requests[i], 1);
    }
    for (Answer& answer : rows.answers)
      if (answer.is_last()) read(answer);
  }
  Result& result(uint32_t id) { return results_[id]; }
  int64_t pages_in_use() const { return engine_->stats().pages_in_use; }

 private:
  void read(Answer& answer) {
    Result& result = results_[answer.request];
    result.rows_after_end += result.finish != Finish::running;
    std::visit(ResultOf{result}, answer.what);
  }

  std::mutex mutex_;
  std::condition_variable woken_;
  int wakes_ = 0;
  std::map<uint32_t, Result> results_;
  std::set<uint32_t> sleepers_;
  std::unique_ptr<Engine> engine_;  // last: its thread calls what is above
};

}  // namespace quern::test
