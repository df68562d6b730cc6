// What a device can do for a decoder. A layer is five operations, each large enough that a backend can fuse
// inside it, plus the ends and some housekeeping. Nothing here knows an architecture or a request; nothing
// above here knows a device.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "backend/sampling.h"
#include "core/memory.h"
#include "core/tensor.h"

namespace quern {

// Positions that one page of the KV cache holds.
constexpr int kPagePositions = 16;

// A weight as the backend keeps it. How it lies in memory is the backend's secret.
class Weight {
 public:
  virtual ~Weight() = default;
  // Bytes that a matrix product reads.
  virtual uint64_t bytes() const = 0;
};

// A weight on its way in: row-major [rows, cols] numbers that the caller can produce in any order, from
// several threads.
struct WeightView {
  Dtype dtype = Dtype::f32;
  int64_t rows = 0;
  int64_t cols = 0;
  // Writes numbers [first, first + count) of the row-major matrix to `into`.
  std::function<void(int64_t first, int64_t count, void* into)> read;
};

// Keys and values of one layer, paged: [pages, kv_heads, kPagePositions, head_dim] each.
struct KvLayer {
  void* keys = nullptr;
  void* values = nullptr;
};
struct KvShape {
  Dtype dtype = Dtype::f32;
  int kv_heads = 0;
  int head_dim = 0;
  int64_t pages = 0;
  int64_t page_numbers() const { return int64_t{kv_heads} * kPagePositions * head_dim; }
  int64_t page_bytes() const {
    return page_numbers() * static_cast<int64_t>(size_of(dtype));
  }  // keys or values of one layer
  int64_t layer_bytes() const {
    return pages * page_numbers() * static_cast<int64_t>(size_of(dtype));
  }  // keys or values
};

// One sequence's consecutive new tokens in a step: a chunk of its prompt, or the one token that decoding
// adds.
struct SequenceRows {
  int first_row = 0;  // of the batch
  int rows = 0;
  int first_position = 0;          // of the first token in its sequence
  const int32_t* pages = nullptr;  // the page of position p is pages[p / kPagePositions]
};

// One step: rows of several sequences side by side.
struct Batch {
  std::span<const int32_t> tokens;  // [rows]
  const float* cos = nullptr;       // [rows, rope_dim / 2]
  const float* sin = nullptr;       // [rows, rope_dim / 2]
  int rope_dim = 0;
  std::span<const SequenceRows> sequences;
  int rows() const { return static_cast<int>(tokens.size()); }
};

struct AttentionInputWeights {
  const Weight* norm = nullptr;                           // [hidden]
  const Weight *q = nullptr, *k = nullptr, *v = nullptr;  // [heads or kv_heads * head_dim, hidden]
  const Weight *q_bias = nullptr, *k_bias = nullptr, *v_bias = nullptr;  // all or none
  const Weight *q_norm = nullptr, *k_norm = nullptr;                     // [head_dim], both or none
  float norm_eps = 0;
};

struct FfnInputWeights {
  const Weight* norm = nullptr;                 // [hidden]
  const Weight *gate = nullptr, *up = nullptr;  // [ffn, hidden]
  float norm_eps = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;

  // ---- memory and weights
  virtual std::unique_ptr<Weight> prepare_weight(const WeightView& view) = 0;
  virtual Buffer allocate(size_t bytes) = 0;
  // Copies from the host's memory into memory of allocate(), and back. Never during a step.
  virtual void upload(const void* from, void* to, size_t bytes) = 0;
  virtual void download(const void* from, void* to, size_t bytes) = 0;
  // The largest batch, and the logits rows of one call, that later operations will see: scratch memory is
  // taken now, none later.
  struct Limits {
    int rows = 0, logits_rows = 0;
    int hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, ffn = 0, vocab = 0, context = 0;
  };
  virtual void reserve(const Limits& limits) = 0;

  // ---- a step. Operations between begin_step and end_step may be skipped once `abort` is set: end_step then
  // returns false and what they wrote is worthless.
  virtual void begin_step(const std::atomic<bool>& abort) = 0;
  virtual bool end_step() = 0;

  // x[row] = table[tokens[row]].  x: [rows, hidden] f32
  virtual void embed(const Weight& table, const Batch& batch, Tensor x) = 0;

  // Normalises x, projects it to queries, keys and values (with bias, with a norm over each head), rotates
  // queries and keys, and stores keys and values in their pages.  x: [rows, hidden] f32, q: [rows, heads *
  // head_dim] f32
  virtual void attention_input(const AttentionInputWeights& weights, Tensor x, const Batch& batch,
                               const KvShape& shape, KvLayer kv, Tensor q) = 0;

  // Causal attention of every row over its own sequence's pages.  q, out: [rows, heads * head_dim] f32
  virtual void attention(Tensor q, const Batch& batch, const KvShape& shape, KvLayer kv, Tensor out) = 0;

  // x += in weight^T.  in: [rows, weight.cols] f32, x: [rows, weight.rows] f32
  virtual void matmul_add(const Weight& weight, Tensor in, Tensor x) = 0;

  // Normalises x and computes silu(gate) * up.  x: [rows, hidden] f32, out: [rows, ffn] f32
  virtual void ffn_input(const FfnInputWeights& weights, Tensor x, Tensor out) = 0;

  // The last norm and the output matrix, for chosen rows of x.  out: [chosen, vocab] f32
  virtual void logits(const Weight& norm, float norm_eps, const Weight& head, Tensor x,
                      std::span<const int32_t> chosen, Tensor out) = 0;

  // One token for each row of logits, which are worthless afterwards.  logits: [params.size(), vocab] f32
  virtual void sample(Tensor logits, std::span<const SampleParams> params, std::span<Sampled> chosen) = 0;

  // ---- what this is, for people
  virtual std::string isa() const = 0;
  virtual int threads() const = 0;
};

}  // namespace quern
