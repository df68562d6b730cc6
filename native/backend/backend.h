// What a device can do for a decoder. A Device has weights and memory; a Stream is one decoder's scratch on
// it and its order of work. A layer is five operations, each large enough that a device can fuse inside it,
// plus the ends. Nothing here knows an architecture or a request; nothing above here knows a device.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/sampling.h"
#include "core/format.h"
#include "core/tensor.h"

namespace quern {

// Positions that one page of the KV cache holds.
constexpr int kPagePositions = 16;

// A weight as the device keeps it. How it lies in memory is the device's secret.
class Weight {
 public:
  virtual ~Weight() = default;
  // Bytes that a matrix product reads.
  virtual uint64_t bytes() const = 0;
};

// Memory of a device, given back with this object. What is at `address` the device alone can read; a Tensor
// may lie there.
class Memory {
 public:
  virtual ~Memory() = default;
  virtual void* address() const = 0;
};

// A weight on its way in: rows that the caller can produce in any order, from several threads.
struct WeightView {
  const Format* format = nullptr;
  int64_t rows = 0;
  int64_t cols = 0;
  bool is_vector = false;  // a norm's or a bias, of one row; a matrix may have one row too
  bool exact = false;      // products take activations as they are, not rounded to fewer bits
  // Writes rows [first, first + count), format->row_bytes(cols) bytes each, to `into`.
  std::function<void(int64_t first, int64_t count, std::byte* into)> read;
};

// Keys and values of one layer, paged: [pages, kv_heads, kPagePositions * head_dim] each. How a head's
// numbers lie in its part of a page is the device's secret.
struct KvLayer {
  void* keys = nullptr;
  void* values = nullptr;
  int group = 0;  // whose page tables say where its pages are
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
  int first_row = 0;  // of the step
  int rows = 0;
  int first_position = 0;  // of the first token in its sequence
  // The page of position p is pages[group][p / kPagePositions], below 0 where no row of the group's layers
  // sees that position any more.
  std::span<const int32_t* const> pages;
};

// A row's token may be one that the step before has yet to draw: the slot of its draw, as a number below 0.
constexpr int32_t drawn_in(int slot) {
  return -1 - slot;
}
constexpr int slot_of(int32_t token) {
  return -1 - token;
}

// By what a rotary embedding turns the rows of a step.
struct Angles {
  const float* cos = nullptr;  // [rows, dim / 2]
  const float* sin = nullptr;  // [rows, dim / 2]
  int dim = 0;                 // of a head's numbers the first that rotate
};
constexpr int kNoRope = -1;  // in place of an index into StepInput::ropes

// One step: rows of several sequences side by side.
struct StepInput {
  std::span<const int32_t> tokens;  // [rows]; below 0: see drawn_in
  std::span<const Angles> ropes;    // of which each layer has one or none
  std::span<const SequenceRows> sequences;
  // Once it is set, what is left of this step and of those after it may be skipped.
  const std::atomic<bool>* abort = nullptr;
  int rows() const { return static_cast<int>(tokens.size()); }
};

// What a step gave, in the order in which it was asked for. Kept between steps for its memory.
struct StepResult {
  std::vector<Sampled> sampled;  // by slot: Stream::sample's rows, counted over its calls
  std::vector<Scored> scored;    // Stream::score's rows
  double seconds = 0;            // that the device worked for it
};

// A matrix, and what is added to the product with it before anything else sees that.
struct Linear {
  const Weight* weight = nullptr;  // [rows, cols]
  const Weight* bias = nullptr;    // [rows]; null: none
};

struct AttentionInputWeights {
  const Weight* norm = nullptr;                       // [hidden]
  Linear q, k, v;                                     // [heads or kv_heads * head_dim, hidden]
  const Weight *q_norm = nullptr, *k_norm = nullptr;  // [head_dim], both or none
  float norm_eps = 0;
};

// What one layer's attention does beside softmax(q k^T scale) v. Row i sees position j where j <= i and, with
// a window, j > i - window or j < sinks.
//
// Positions below `sinks` are seen as if nothing lay between them and the window: from
// min(i, sinks + window - 1), by a query that is turned once more.
struct AttentionSpec {
  int window = 0;                 // positions that a row sees, its own among them; 0: all up to its own
  std::span<const float> slopes;  // [heads]: adds slope * (j - i) to the scaled score (ALiBi); empty: none
  int sinks = 0;                  // positions that are seen beside the window, the first of all
  int sink_turn = kNoRope;        // index into StepInput::ropes: by what queries are turned for the sinks
};

struct FfnInputWeights {
  const Weight* norm = nullptr;                 // [hidden]
  const Weight *gate = nullptr, *up = nullptr;  // [ffn, hidden]
  float norm_eps = 0;
};

// A piece of a device's memory and one of the host's, of the same size.
struct Copy {
  void* device = nullptr;
  void* host = nullptr;
  size_t bytes = 0;
};

// A step that a stream has begun.
using Ticket = uint64_t;

// One decoder's scratch memory and its order of work. A step is begun, its operations follow, and launch()
// ends it: from there on the device works by itself, and collect() waits for what came out. Up to depth()
// steps may have been launched beside the one that is collected next. Operations may do their work at once or
// record it for the launch; what they are given in the host's memory they read before they return. All is
// done in the order of the calls: memory that one step reads may be written by the next.
//
// Any call may throw. A step that was begun and not launched is forgotten by the next begin(). One that fails
// after its launch throws when it is collected, and so do those that were launched after it; once all are
// collected the stream is as good as new.
class Stream {
 public:
  virtual ~Stream() = default;

  virtual Ticket begin(const StepInput& input) = 0;

  // x[row] = table[tokens[row]].  x: [rows, hidden]
  virtual void embed(const Weight& table, Tensor x) = 0;

  // Normalises x, projects it to queries, keys and values (with bias, with a norm over each head), rotates
  // queries and keys by the step's ropes[rope] (unless that is kNoRope), and stores keys and values in their
  // pages.  x: [rows, hidden], q: [rows, heads * head_dim]
  virtual void attention_input(const AttentionInputWeights& weights, int rope, Tensor x, const KvShape& shape,
                               KvLayer kv, Tensor q) = 0;

  // Causal attention of every row over its own sequence's pages. A page that no row of the step sees may be
  // gone: its entry in the table is then -1.  q, out: [rows, heads * head_dim]
  virtual void attention(const AttentionSpec& spec, Tensor q, const KvShape& shape, KvLayer kv,
                         Tensor out) = 0;

  // x += in weight^T.  in: [rows, weight.cols], x: [rows, weight.rows]
  virtual void matmul_add(const Weight& weight, Tensor in, Tensor x) = 0;

  // Normalises x and computes silu(gate) * up.  x: [rows, hidden], out: [rows, ffn]
  virtual void ffn_input(const FfnInputWeights& weights, Tensor x, Tensor out) = 0;

  // The last norm, for chosen rows of x.  out: [chosen, hidden] f32
  virtual void final_norm(const Weight& norm, float norm_eps, Tensor x, std::span<const int32_t> chosen,
                          Tensor out) = 0;

  // The last norm and the output matrix, for chosen rows of x.  out: [chosen, vocab] f32
  virtual void logits(const Weight& norm, float norm_eps, const Weight& head, Tensor x,
                      std::span<const int32_t> chosen, Tensor out) = 0;

  // One token for each row of logits, which are worthless afterwards. The device is one that samples by these
  // options.  logits: [params.size(), vocab] f32
  virtual void sample(Tensor logits, std::span<const SampleParams> params) = 0;

  // Log-probabilities of given tokens, and of the likeliest, for each row.  logits: [params.size(), vocab]
  // f32, worthless afterwards
  virtual void score(Tensor logits, std::span<const ScoreParams> params) = 0;

  // Copies numbers to the host, where they are once the step is collected; until then the host keeps the
  // memory and does not look.  from: f32
  virtual void read_back(Tensor from, float* into) = 0;

  // The step's end: nothing more is asked of it.
  virtual void launch(Ticket step) = 0;

  // Waits for the oldest step that was launched. False: it was given up, since its `abort` was set; then
  // nothing that it wrote may be used, nor what the steps after it write.
  virtual bool collect(Ticket step, StepResult& result) = 0;

  // How many steps may be in flight beside the one that is collected next. 0: launching is working.
  virtual int depth() const = 0;

  // Copies between the device's memory and the host's, after all that was launched; they are done on return.
  virtual void upload(std::span<const Copy> copies) = 0;
  virtual void download(std::span<const Copy> copies) = 0;
};

// The largest step that a stream will see: scratch memory is taken when it is made, none later.
struct StreamLimits {
  int rows = 0, logits_rows = 0;
  int hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, ffn = 0, vocab = 0, context = 0;
};

// What a device is, for people.
struct DeviceDescription {
  std::string kind;  // `cpu`, or what a library calls its device
  std::string isa;   // the instruction set or the architecture
  std::string name;  // of the product; empty: none
  int threads = 0;   // of the host, that compute
};

// What keys and values may take of a device's memory where nobody says how much.
struct KvBudget {
  uint64_t bytes = 0;
  int contexts = 1;  // and no more than so many full ones
};

class Device {
 public:
  virtual ~Device() = default;

  virtual DeviceDescription describe() const = 0;
  virtual std::unique_ptr<Weight> prepare_weight(const WeightView& view) = 0;
  virtual std::unique_ptr<Memory> allocate(size_t bytes) = 0;  // zeroed
  virtual std::unique_ptr<Stream> create_stream(const StreamLimits& limits) = 0;
  virtual KvBudget kv_budget() const = 0;
  // What it keeps keys and values in: float32 where `exact`.
  virtual Dtype kv_dtype(bool exact) const = 0;
  // What lies between operations (q, attended, hidden): float32 where `exact`. Their sum, x, is float32
  // always.
  virtual Dtype activation_dtype(bool exact) const = 0;
  // Whether Stream::sample knows how. Rows that it does not know are the host's to sample.
  virtual bool samples(const SamplingOptions& options) const = 0;
};

}  // namespace quern
