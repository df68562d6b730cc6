#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "backend/backend.h"
#include "backend/host_sampler.h"
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
    int context_length = 0;  // positions that the model's angles are for
    int longest = 0;         // positions that a sequence may have: those, or with sinks any number
    int step_rows = 512;     // rows of one step
    int logits_rows = 32;    // rows whose logits are in memory at a time
    int sequences = 256;     // that run at a time; the rest waits
    int queue = 4096;        // that may wait; more are refused
  };
  struct Stats {
    int active = 0;                       // requests admitted
    int queued = 0;                       // requests waiting
    int64_t pages = 0, pages_in_use = 0;  // those that running requests hold
    int64_t pages_cached = 0;             // held by nobody, but kept for prompts that begin alike
  };

  // `wake` is called from the engine thread when take() has something new.
  Engine(std::unique_ptr<Device> device, std::unique_ptr<Decoder> decoder, const Options& options,
         std::function<void()> wake);
  ~Engine();

  // These may be called from any thread; they never wait for a step.
  // Throws Error invalid_token, context_overflow, kv_cache_too_small, overloaded, closed.
  uint32_t submit(Request request);
  // Copies pages out of the cache or into it; answered as a request is. Throws Error invalid_input, closed.
  // `id` is given here.
  uint32_t transfer(PageTransfer transfer);
  void cancel(uint32_t request);
  void consumed(uint32_t request, int32_t tokens);  // the reader took that many
  Rows take() { return outbox_.take(); }
  Stats stats() const;

  // Ends every request as cancelled and the thread with them. Afterwards the memory of the model can go.
  void close();

  const Decoder& decoder() const { return *decoder_; }
  const Device& device() const { return *device_; }
  int context_length() const { return options_.context_length; }
  int longest() const { return options_.longest; }
  // Positions that one sequence may have: no more than the KV cache holds.
  int64_t capacity() const { return scheduler_.cache().longest(options_.longest); }

 private:
  // A step that was launched and not collected.
  struct Flight {
    Ticket ticket = 0;
    int rows = 0;
    std::vector<ScheduledRows> parts;
    std::vector<std::shared_ptr<Sequence>> sequences;  // of the parts, which may end meanwhile
    struct Offsets {
      size_t sampled, host_sampled, scored;
    };
    std::vector<Offsets> given;  // where each part's results begin
    std::vector<SampleParams> host_samples;
    std::vector<float> host_logits;  // [host_samples, vocab]
  };

  void loop();
  bool wait_for_work();
  void reap_cancelled();
  void transfer_pages();

  bool launch_next();
  void begin_flight(Flight& flight, const std::vector<ScheduledRows>& parts);
  void want(Flight& flight);
  void retire_oldest();
  bool end_flight(Flight& flight);
  void sample_on_host(Flight& flight);
  void take(const ScheduledRows& part, Given given);
  void drain();
  void give_up_flights();

  void finish(Sequence& sequence, Task::Ending ending);
  void fail_all(const Failure& why);
  void publish_stats();

  std::unique_ptr<Device> device_;
  std::unique_ptr<Decoder> decoder_;
  const Options options_;
  Scheduler scheduler_;  // the engine thread's
  std::unique_ptr<HostSampler> host_sampler_;
  Outbox outbox_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool changes_ = false;  // something below, or a reader's progress, is news
  bool closing_ = false;
  std::vector<std::shared_ptr<Sequence>> arrived_;                 // not yet seen by the engine thread
  std::vector<PageTransfer> transfers_;                            // the same
  std::unordered_map<uint32_t, std::shared_ptr<Sequence>> alive_;  // submitted and not finished
  uint32_t next_id_ = 1;
  int live_in_flight_ = 0;  // sequences of the steps in flight that nobody cancelled
  Stats stats_;
  std::atomic<bool> abort_{false};  // the steps in flight serve nobody any more

  // The engine thread's.
  std::deque<Flight> in_flight_;  // the oldest first
  std::vector<Flight> landed_;    // kept for their memory
  Rows emitted_;
  std::vector<DecoderInput> inputs_;
  std::vector<const int32_t*> tables_;  // [inputs, groups]
  std::vector<int32_t> drawn_inputs_;   // of the inputs whose token is not read yet
  Wants wants_;
  StepResult result_;
  std::vector<Sampled> host_sampled_;

  std::thread thread_;
};

}  // namespace quern
