#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "backend/backend.h"
#include "engine/outbox.h"
#include "engine/page_transfer.h"
#include "engine/scheduler.h"
#include "model/decoder.h"

namespace quern {

// A model that is being served: one thread that admits, schedules, computes, samples and emits, for any
// number of requests at a time.
class Engine {
 public:
  struct Options {
    int context_length = 0;  // positions that a sequence may have
    int step_rows = 512;     // rows of one step
    int logits_rows = 32;    // rows whose logits are in memory at a time
    int sequences = 256;     // that run at a time; the rest waits
  };
  struct Stats {
    int active = 0;                       // requests admitted
    int queued = 0;                       // requests waiting
    int64_t pages = 0, pages_in_use = 0;  // those that running requests hold
    int64_t pages_cached = 0;             // held by nobody, but kept for prompts that begin alike
  };

  // `wake` is called from the engine thread when take() has something new.
  Engine(std::unique_ptr<Backend> backend, std::unique_ptr<Decoder> decoder, const Options& options,
         std::function<void()> wake);
  ~Engine();

  // These may be called from any thread; they never wait for a step.
  uint32_t submit(
      Request request);  // throws Error invalid_token, context_overflow, kv_cache_too_small, closed
  // Copies pages out of the cache or into it; answered by one row, as a request. Throws Error invalid_input,
  // closed. `id` is given here.
  uint32_t transfer(PageTransfer transfer);
  void cancel(uint32_t request);
  void consumed(uint32_t request, int32_t tokens);  // the reader took that many
  std::vector<StepRow> take() { return outbox_.take(); }
  Stats stats() const;

  // Ends every request as cancelled and the thread with them. Afterwards the memory of the model can go.
  void close();

  const Decoder& decoder() const { return *decoder_; }
  const Backend& backend() const { return *backend_; }
  int context_length() const { return options_.context_length; }

 private:
  void loop();
  bool wait_for_work();
  void reap_cancelled();
  void transfer_pages();
  void step(const std::vector<ScheduledRows>& parts);
  void choose_tokens(const std::vector<ScheduledRows>& parts);
  void collect_logits(const ScheduledRows& part, int32_t first_row);
  void accept_token(Sequence& sequence, int32_t token);
  void finish(Sequence& sequence, StepRow row);
  void fail_all(const StepRow& row);
  void publish_stats();

  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Decoder> decoder_;
  const Options options_;
  Scheduler scheduler_;  // the engine thread's
  Outbox outbox_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool changes_ = false;  // something below, or a reader's progress, is news
  bool closing_ = false;
  std::vector<std::shared_ptr<Sequence>> arrived_;                 // not yet seen by the engine thread
  std::vector<PageTransfer> transfers_;                            // the same
  std::unordered_map<uint32_t, std::shared_ptr<Sequence>> alive_;  // submitted and not finished
  uint32_t next_id_ = 1;
  int live_in_step_ = 0;  // sequences of the running step that nobody cancelled
  Stats stats_;
  std::atomic<bool> abort_{false};  // the running step serves nobody any more

  // The engine thread's scratch, kept between steps.
  std::vector<StepRow> emitted_;
  std::vector<DecoderInput> inputs_;
  std::vector<int32_t> chosen_rows_;
  std::vector<SampleParams> sample_params_;
  std::vector<Sampled> chosen_;

  std::thread thread_;
};

}  // namespace quern
