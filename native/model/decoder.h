#pragma once
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "model/config.h"
#include "model/rope.h"
#include "model/state_shape.h"
#include "model/weights.h"

namespace quern {

// One sequence's new tokens in a step.
struct DecoderInput {
  std::span<const int32_t> tokens;  // below 0: one that the step before draws, see drawn_in
  int first_position = 0;
  int prompt_length = 0;  // of the whole prompt, however it is cut: see Rope::angles, Rope::turning_length
  std::span<const int32_t* const> pages;  // the sequence's page tables: see SequenceRows
};

// The arithmetic of a model: tokens and pages in, tokens or numbers out. Knows no request, no time, no
// thread. A step is begun, is asked for what is wanted of its rows, and is launched; collect() gives what
// came of it. See Stream.
class Decoder {
 public:
  struct Limits {
    int rows = 0;         // of one step
    int logits_rows = 0;  // in memory at a time
    int sequences = 0;    // of one step
    int context = 0;
    uint64_t kv_bytes = 0;  // that keys and values were to have; 0: what they take
  };
  // Takes all memory it will ever need.
  Decoder(const DecoderConfig& config, DecoderWeights weights, Device& device, const StateShape& state,
          const Limits& limits);

  // Runs the layers over all inputs side by side. Rows are numbered in the order of the inputs' tokens.
  Ticket begin(std::span<const DecoderInput> inputs, const std::atomic<bool>& abort);

  // What is wanted of rows of the step: tokens drawn from their logits, log-probabilities, the logits [vocab]
  // themselves, or the states [hidden] after the last norm. The last two are written one row after the other,
  // to memory that stays until the step is collected.
  void sample(std::span<const int32_t> rows, std::span<const SampleParams> params);
  void score(std::span<const int32_t> rows, std::span<const ScoreParams> params);
  void read_logits(std::span<const int32_t> rows, float* into);
  void read_states(std::span<const int32_t> rows, float* into);

  void launch(Ticket step) { stream_->launch(step); }
  // See Stream::collect.
  bool collect(Ticket step, StepResult& result) { return stream_->collect(step, result); }
  int depth() const { return stream_->depth(); }

  // See Rope::variant: sequences of different variants cannot share pages.
  int rope_variant(int prompt_length) const;
  int rope_turning_length() const;

  // Pages as they are kept outside of the cache, one after the other: for each layer keys, then values.
  int64_t page_bytes() const { return state_.page_bytes(); }
  void read_pages(std::span<const int32_t> pages, std::span<uint8_t> into) const;
  void write_pages(std::span<const int32_t> pages, std::span<const uint8_t> from);

  const DecoderConfig& config() const { return config_; }
  const DecoderWeights& weights() const { return weights_; }
  const StateShape& state_shape() const { return state_; }
  uint64_t workspace_bytes() const { return workspace_bytes_; }

 private:
  Tensor reserve(int64_t rows, int64_t cols, Dtype dtype);
  StepInput make_input(std::span<const DecoderInput> inputs, const std::atomic<bool>& abort);
  // Calls use(logits, first, count) for rows [first, first + count) of `rows`, as many as memory holds.
  template <typename Use>
  void with_logits(std::span<const int32_t> rows, Use use);
  std::vector<Copy> copies_of(std::span<const int32_t> pages, uint8_t* host) const;

  DecoderConfig config_;
  DecoderWeights weights_;
  Device& device_;
  std::vector<Rope> ropes_;
  std::map<int, std::vector<float>> slopes_;  // of layers with so many heads
  std::vector<AttentionSpec> attention_;      // [layers]
  StateShape state_;
  std::vector<KvLayer> kv_;       // [layers]
  std::vector<KvLayer> page_kv_;  // [page_layers]: where the layers of a page lie, of whichever group
  std::vector<std::unique_ptr<Memory>> memory_;
  std::unique_ptr<Stream> stream_;
  uint64_t workspace_bytes_ = 0;
  Tensor x_, q_, attended_, hidden_;  // [rows, ...]
  Tensor logits_, states_;            // [logits_rows, vocab or hidden] f32
  std::vector<int32_t> tokens_;       // [rows]
  struct RopeNumbers {
    std::vector<float> cos, sin;  // [rows, dim / 2]
  };
  // [ropes], then, where there are sinks, as many for what queries are turned by for them
  std::vector<RopeNumbers> rope_numbers_;
  std::vector<Angles> angles_;  // into these
  std::vector<SequenceRows> sequences_;
};

}  // namespace quern
