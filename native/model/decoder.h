#pragma once
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "model/config.h"
#include "model/rope.h"
#include "model/weights.h"

namespace quern {

// One sequence's new tokens in a step.
struct DecoderInput {
  std::span<const int32_t> tokens;
  int first_position = 0;
  int prompt_length = 0;           // of the whole prompt, however it is cut: see Rope::angles
  const int32_t* pages = nullptr;  // the sequence's page table
};

// The arithmetic of a model: tokens and pages in, logits out. Knows no request, no time, no thread.
class Decoder {
 public:
  struct Limits {
    int rows = 0;         // of one step
    int logits_rows = 0;  // of one call of logits()
    int sequences = 0;    // of one step
    int context = 0;
  };
  // Takes all memory it will ever need. kv: the cache's shape, `pages` of it.
  Decoder(const DecoderConfig& config, DecoderWeights weights, Backend& backend, const KvShape& kv,
          const Limits& limits);

  // Runs the layers over all inputs side by side; afterwards logits() may ask for rows, numbered in the order
  // of the inputs' tokens. Returns false if `abort` was set meanwhile: then nothing of this step may be used.
  bool forward(std::span<const DecoderInput> inputs, const std::atomic<bool>& abort);

  // Logits [rows.size(), vocab] f32 of rows of the last step, at most Limits::logits_rows of them. Valid
  // until the next call.
  Tensor logits(std::span<const int32_t> rows);

  // See Rope::variant: sequences of different variants cannot share pages.
  int rope_variant(int prompt_length) const { return rope_.variant(prompt_length); }

  // A page as it is kept outside of the cache: for each layer its keys, then its values.
  int64_t page_bytes() const { return kv_shape_.page_bytes() * 2 * static_cast<int64_t>(kv_.size()); }
  void read_page(int32_t page, std::span<uint8_t> into) const;
  void write_page(int32_t page, std::span<const uint8_t> from);

  const DecoderConfig& config() const { return config_; }
  const DecoderWeights& weights() const { return weights_; }
  const KvShape& kv_shape() const { return kv_shape_; }
  uint64_t workspace_bytes() const { return workspace_bytes_; }

 private:
  Tensor activations(int64_t rows, int64_t cols);
  Batch make_batch(std::span<const DecoderInput> inputs);

  DecoderConfig config_;
  DecoderWeights weights_;
  Backend& backend_;
  Rope rope_;
  KvShape kv_shape_;
  std::vector<KvLayer> kv_;  // [layers]
  std::vector<Buffer> memory_;
  uint64_t workspace_bytes_ = 0;
  Tensor x_, q_, attended_, hidden_, logits_;
  std::vector<int32_t> tokens_;   // [rows]
  std::vector<float> cos_, sin_;  // [rows, rope_dim / 2]
  std::vector<SequenceRows> sequences_;
};

}  // namespace quern
