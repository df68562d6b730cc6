// A model of random numbers and an engine that serves it, with a reader.
#pragma once
#include <condition_variable>
#include <map>
#include <set>
#include <string>

#include "backend/cpu/cpu_backend.h"
#include "check.h"
#include "engine/load_engine.h"

namespace quern::test {

constexpr int kVocab = 307, kContext = 400;
constexpr auto kPatience = std::chrono::seconds(120);  // a hang, on however busy a machine

// Two layers of random numbers, with everything that a layer may have.
inline std::string plan_text(const std::string& more_config = "") {
  const int hidden = 48, heads = 4, kv_heads = 2, head_dim = 16, ffn = 96;
  std::string text =
      "quern-plan 1\nconfig layers 2\nconfig hidden 48\nconfig heads 4\nconfig kv_heads 2\nconfig head_dim "
      "16\n"
      "config ffn 96\nconfig vocab 307\nconfig context_length 400\nconfig rope_dim 16\nconfig rope_theta "
      "10000\n"
      "config qk_norm 1\nconfig qkv_bias 1\nconfig tied_embeddings 0\n" +
      more_config + "seed 11\n";
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

struct Setup {
  int threads = 1;
  int step_rows = 512;
  uint64_t kv_bytes = 0;
  bool exact = false;
};

// Bytes of one page: keys and values of two layers in 16 bits.
constexpr uint64_t kPageBytes = uint64_t{2} * 2 * 2 * kPagePositions * 16 * 2;

constexpr int kPartsOfPage = 2 * 2;  // keys and values of two layers, copied one by one

struct Result {
  std::vector<int32_t> tokens;
  std::vector<double> logprobs;  // of each token and its likeliest ones, where asked for
  Finish finish = Finish::running;
  std::vector<float> logits;
  std::string error_code, error_message;
  int32_t cached_tokens = 0;
  int rows_after_end = 0;
};

// An engine with a reader: collects the rows of every request, and reads on (or not).
class Served {
 public:
  explicit Served(const Setup& setup, const std::string& more_config = "")
      : Served(setup, create_cpu_backend({setup.threads, "auto"}), plan_text(more_config)) {}
  Served(const Setup& setup, std::unique_ptr<Backend> backend, const std::string& plan = plan_text()) {
    LoadOptions options;
    options.step_rows = setup.step_rows;
    options.kv_bytes = setup.kv_bytes;
    options.exact = setup.exact;
    engine_ = load_engine(parse_plan(plan), std::move(backend), options, {}, [this] {
      const std::lock_guard lock(mutex_);
      ++wakes_;
      woken_.notify_one();
    });
  }

  Engine& engine() { return *engine_; }
  uint32_t submit(Request request) {
    const uint32_t id = engine_->submit(std::move(request));
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
    for (StepRow& row : engine_->take()) {
      Result& result = results_[row.request];
      result.rows_after_end += result.finish != Finish::running;
      if (row.token >= 0) {
        result.tokens.push_back(row.token);
        if (row.logprobs) {
          result.logprobs.push_back(row.logprobs->chosen);
          for (const TokenLogprob& one : row.logprobs->top) result.logprobs.push_back(one.logprob);
        }
        if (!sleepers_.contains(row.request)) engine_->consumed(row.request, 1);
      }
      result.finish = row.finish;
      result.error_code = row.error_code;
      result.error_message = row.error_message;
      result.cached_tokens = std::max(result.cached_tokens, row.cached_tokens);
      if (!row.logits.empty()) result.logits = std::move(row.logits);
    }
  }
  Result& result(uint32_t id) { return results_[id]; }
  int64_t pages_in_use() const { return engine_->stats().pages_in_use; }

 private:
  std::mutex mutex_;
  std::condition_variable woken_;
  int wakes_ = 0;
  std::map<uint32_t, Result> results_;
  std::set<uint32_t> sleepers_;
  std::unique_ptr<Engine> engine_;  // last: its thread calls what is above
};

}  // namespace quern::test
