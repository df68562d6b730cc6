#include "backend/cpu/cpu_stream.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <vector>

#include "backend/cpu/cpu_attention.h"
#include "backend/cpu/cpu_weight.h"
#include "backend/cpu/kernels/activation_block.h"
#include "backend/cpu/sampling/sampler.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/thread_pool.h"

namespace quern::cpu {
namespace {

// About what one work item should cost, so that a cancelled step ends within milliseconds and threads finish
// together.
constexpr int64_t kItemProducts = int64_t{12} << 20;  // multiply-adds: half a millisecond on one AVX2 core
constexpr int64_t kItemBytes = 96 << 10;              // of weights in decode: some microseconds
constexpr int kMostItemTokens = 96;
constexpr int kRowGranule = 16;

// How a product [tokens] x [rows] is cut into work items.
struct Grid {
  int tokens, rows;  // of one item
  int token_items, row_items;
  int items() const { return token_items * row_items; }
};

// k, row_bytes: of a row of all weights that an item multiplies with.
Grid cut(int tokens, int64_t rows, int64_t k, int64_t row_bytes, int granule) {
  const int item_tokens = std::min(tokens, kMostItemTokens);
  const int64_t by_products = kItemProducts / (k * item_tokens);
  const int64_t by_bytes = kItemBytes / row_bytes;
  int64_t item_rows = tokens < 8 ? by_bytes : by_products;
  item_rows = std::clamp<int64_t>(item_rows - item_rows % granule, granule, std::max<int64_t>(rows, granule));
  return {item_tokens, static_cast<int>(item_rows), (tokens + item_tokens - 1) / item_tokens,
          static_cast<int>((rows + item_rows - 1) / item_rows)};
}

// Rows that weights are multiplied with: as they are, and as blocks where one of the weights wants these.
struct Inputs {
  const float* numbers;  // [rows, cols]
  const std::byte* blocks;
  int64_t cols;

  const void* row(const CpuWeight& w, int64_t row) const {
    return wants_blocks(w) ? static_cast<const void*>(blocks + row * stride(w)) : numbers + row * cols;
  }
  int64_t stride(const CpuWeight& w) const {  // bytes
    return wants_blocks(w) ? activation_row_bytes(cols) : cols * static_cast<int64_t>(sizeof(float));
  }
  static bool wants_blocks(const CpuWeight& w) { return w.kernel->activations == Activations::int8; }
};

// Does the work of each operation when it is called; a step that was launched is done.
class CpuStream final : public Stream {
 public:
  CpuStream(const Kernels& kernels, int threads, const StreamLimits& limits)
      : kernels_(kernels), threads_(threads), limits_(limits) {
    const auto f32 = [](int64_t count) { return Buffer(static_cast<size_t>(count) * sizeof(float)); };
    normed_ = f32(int64_t{std::max(limits.rows, limits.logits_rows)} * limits.hidden);
    const int64_t heads_tile = int64_t{kMostItemTokens} * limits.head_dim;
    const int64_t ffn_tile =
        2 * std::max<int64_t>(kItemProducts / limits.hidden + kMostItemTokens * kRowGranule, kItemBytes);
    tile_numbers_ = std::max(heads_tile, ffn_tile);
    tiles_ = f32(threads_ * tile_numbers_);
    const int64_t widest = std::max({limits.hidden, limits.heads * limits.head_dim, limits.ffn});
    blocks_ = Buffer(static_cast<size_t>(std::max(limits.rows * activation_row_bytes(widest),
                                                  limits.logits_rows * activation_row_bytes(limits.hidden))));
    tokens_.reserve(static_cast<size_t>(limits.rows));
    row_page_.resize(static_cast<size_t>(limits.rows));
    row_slot_.resize(static_cast<size_t>(limits.rows));
    attention_.reserve(limits, threads_);
    sampler_.reserve(limits.vocab, threads_);
  }

  Ticket begin(const StepInput& input) override {
    began_ = Clock::now();
    input_ = input;
    tokens_.assign(input.tokens.begin(), input.tokens.end());
    for (int32_t& token : tokens_) {
      if (token < 0) token = drawn_[static_cast<size_t>(slot_of(token))];
    }
    locate_rows();
    result_.sampled.clear();
    result_.scored.clear();
    return ++last_;
  }

  void launch(Ticket step) override {
    QUERN_CHECK(step == last_);
    drawn_.clear();
    for (const Sampled& sampled : result_.sampled) drawn_.push_back(sampled.token);
    result_.seconds = std::chrono::duration<double>(Clock::now() - began_).count();
  }

  bool collect(Ticket step, StepResult& result) override {
    QUERN_CHECK(step == last_);
    std::swap(result, result_);
    return !input_.abort->load();
  }

  int depth() const override { return 0; }

  void upload(std::span<const Copy> copies) override {
    for (const Copy& copy : copies) std::memcpy(copy.device, copy.host, copy.bytes);
  }
  void download(std::span<const Copy> copies) override {
    for (const Copy& copy : copies) std::memcpy(copy.host, copy.device, copy.bytes);
  }

  void embed(const Weight& table, Tensor x) override {
    const CpuWeight& rows = cpu_weight(table);
    for (int row = 0; row < input_.rows(); ++row) {
      rows.read_row(tokens_[static_cast<size_t>(row)], x.as<float>() + row * x.cols);
    }
  }

  // One item: one head of q, k or v for some tokens, from the product to the rotated result.
  void attention_input(const AttentionInputWeights& w, Tensor x, const KvShape& shape, KvLayer kv,
                       Tensor q) override {
    const int head_dim = shape.head_dim, kv_heads = shape.kv_heads,
              heads = static_cast<int>(q.cols) / head_dim;
    const Inputs normed = normalise(*w.norm, w.norm_eps, x, {w.q, w.k, w.v});
    const Grid grid = cut(input_.rows(), head_dim, x.cols, cpu_weight(*w.q).row_bytes(), head_dim);
    run((heads + 2 * kv_heads) * grid.token_items, [&](int item, int thread) {
      const int slot = item / grid.token_items, first = item % grid.token_items * grid.tokens;
      const int tokens = std::min(grid.tokens, input_.rows() - first);
      const bool is_q = slot < heads, is_k = !is_q && slot < heads + kv_heads;
      const int head = is_q ? slot : is_k ? slot - heads : slot - heads - kv_heads;
      const CpuWeight& projection = cpu_weight(is_q ? *w.q : is_k ? *w.k : *w.v);
      const CpuWeight* bias = cpu_weight(is_q ? w.q_bias : is_k ? w.k_bias : w.v_bias);
      const CpuWeight* norm = cpu_weight(is_q ? w.q_norm : is_k ? w.k_norm : nullptr);
      float* out =
          is_q ? q.as<float>() + first * q.cols + head * head_dim : tile(thread);  // [tokens, head_dim]
      const int64_t stride = is_q ? q.cols : head_dim;
      multiply(projection, normed, first, tokens, int64_t{head} * head_dim, head_dim, out, stride);
      for (int t = 0; t < tokens; ++t) {
        float* numbers = out + t * stride;
        const int row = first + t;
        if (bias) add(numbers, bias->vector() + head * head_dim, head_dim);
        if (norm)
          kernels_.rms_norm({numbers, head_dim, norm->vector(), w.norm_eps, 1, head_dim, numbers, head_dim});
        if (is_q || is_k) {
          const int64_t angles = int64_t{row} * input_.rope_dim / 2;
          kernels_.rotate({numbers, input_.cos + angles, input_.sin + angles, input_.rope_dim});
        }
        if (!is_q) {
          const int64_t at = (row_page_[row] * kv_heads + head) * kPagePositions * head_dim +
                             int64_t{row_slot_[row]} * head_dim;
          void* to = static_cast<char*>(is_k ? kv.keys : kv.values) +
                     at * static_cast<int64_t>(size_of(shape.dtype));
          if (shape.dtype == Dtype::f16) clamp_to_f16(numbers, head_dim);
          kernels_.convert({numbers, Dtype::f32, to, shape.dtype, head_dim});
        }
      }
    });
  }

  void attention(Tensor q, const KvShape& shape, KvLayer kv, Tensor out) override {
    attention_.run(kernels_, threads_, *input_.abort, q, input_.sequences, shape, kv, out);
  }

  void matmul_add(const Weight& weight, Tensor in, Tensor x) override {
    const CpuWeight& w = cpu_weight(weight);
    const Grid grid = cut(static_cast<int>(in.rows), w.rows, w.cols, w.row_bytes(), kRowGranule);
    const Inputs inputs = as_inputs(in, {&weight});
    run(grid.items(), [&](int item, int) { product(grid, item, w, inputs, in.rows, x.as<float>(), true); });
  }

  // One item: some rows of gate and of up for some tokens, and their combination.
  void ffn_input(const FfnInputWeights& weights, Tensor x, Tensor out) override {
    const CpuWeight &gate = cpu_weight(*weights.gate), &up = cpu_weight(*weights.up);
    const Inputs normed = normalise(*weights.norm, weights.norm_eps, x, {weights.gate, weights.up});
    const Grid grid =
        cut(static_cast<int>(x.rows), gate.rows, 2 * gate.cols, 2 * gate.row_bytes(), kRowGranule);
    QUERN_CHECK(2 * int64_t{grid.tokens} * grid.rows <= tile_numbers_);
    run(grid.items(), [&](int item, int thread) {
      const int first_row = item / grid.token_items * grid.rows,
                first = item % grid.token_items * grid.tokens;
      const int rows = static_cast<int>(std::min<int64_t>(grid.rows, gate.rows - first_row));
      const int tokens = static_cast<int>(std::min<int64_t>(grid.tokens, x.rows - first));
      float *gates = tile(thread), *ups = gates + int64_t{tokens} * rows;  // [tokens, rows] each
      multiply(gate, normed, first, tokens, first_row, rows, gates, rows);
      multiply(up, normed, first, tokens, first_row, rows, ups, rows);
      for (int t = 0; t < tokens; ++t) {
        kernels_.silu_mul({gates + int64_t{t} * rows, ups + int64_t{t} * rows,
                           out.as<float>() + (first + t) * out.cols + first_row, rows});
      }
    });
  }

  void final_norm(const Weight& norm, float norm_eps, Tensor x, std::span<const int32_t> chosen,
                  Tensor out) override {
    for (size_t i = 0; i < chosen.size(); ++i) {
      kernels_.rms_norm({x.as<float>() + chosen[i] * x.cols, x.cols, cpu_weight(norm).vector(), norm_eps, 1,
                         static_cast<int>(x.cols), out.as<float>() + static_cast<int64_t>(i) * x.cols,
                         x.cols});
    }
  }

  void logits(const Weight& norm, float norm_eps, const Weight& head, Tensor x,
              std::span<const int32_t> chosen, Tensor out) override {
    const CpuWeight& w = cpu_weight(head);
    const auto rows = static_cast<int>(chosen.size());
    const Tensor normed{normed_.as<float>(), Dtype::f32, rows, x.cols};
    final_norm(norm, norm_eps, x, chosen, normed);
    const Grid grid = cut(rows, w.rows, w.cols, w.row_bytes(), kRowGranule);
    const Inputs inputs = as_inputs(normed, {&head});
    run(grid.items(), [&](int item, int) { product(grid, item, w, inputs, rows, out.as<float>(), false); });
  }

  void sample(Tensor logits, std::span<const SampleParams> params) override {
    const std::span<Sampled> chosen = appended(result_.sampled, params.size());
    run(static_cast<int>(params.size()), [&](int row, int thread) {
      chosen[row] = sampler_.sample(kernels_, thread, row_of(logits, row), params[row]);
    });
  }

  void score(Tensor logits, std::span<const ScoreParams> params) override {
    const std::span<Scored> scored = appended(result_.scored, params.size());
    run(static_cast<int>(params.size()), [&](int row, int thread) {
      scored[row] = sampler_.score(kernels_, thread, row_of(logits, row), params[row]);
    });
  }

  void read_back(Tensor from, float* into) override {
    std::memcpy(into, from.data, static_cast<size_t>(from.rows * from.cols) * sizeof(float));
  }

 private:
  using Clock = std::chrono::steady_clock;

  void run(int items, WorkItem work) const {
    ThreadPool::instance().run(items, threads_, *input_.abort, work);
  }
  template <typename T>
  static std::span<T> appended(std::vector<T>& to, size_t count) {
    to.resize(to.size() + count);
    return std::span(to).last(count);
  }
  static std::span<float> row_of(Tensor logits, int row) {
    return {logits.as<float>() + row * logits.cols, static_cast<size_t>(logits.cols)};
  }
  float* tile(int thread) const { return tiles_.as<float>() + thread * tile_numbers_; }

  // An infinite key or value would make NaN of every weight that is zero.
  static void clamp_to_f16(float* numbers, int count) {
    constexpr float kLargest = 65504;
    for (int i = 0; i < count; ++i) numbers[i] = std::clamp(numbers[i], -kLargest, kLargest);
  }

  static void add(float* to, const float* what, int count) {
    for (int i = 0; i < count; ++i) to[i] += what[i];
  }

  // Calls work(first, rows) for all rows; on all threads once that pays.
  template <typename Work>
  void for_rows(int64_t rows, const Work& work) const {
    constexpr int kRowsPerItem = 16;
    run(static_cast<int>((rows + kRowsPerItem - 1) / kRowsPerItem), [&](int item, int) {
      const int64_t first = int64_t{item} * kRowsPerItem;
      work(first, static_cast<int>(std::min<int64_t>(kRowsPerItem, rows - first)));
    });
  }

  using Weights = std::initializer_list<const Weight*>;
  static bool want_blocks(Weights weights) {
    return std::any_of(weights.begin(), weights.end(),
                       [](const Weight* weight) { return Inputs::wants_blocks(*cpu_weight(weight)); });
  }
  void make_blocks(const float* numbers, int64_t cols, int64_t first, int rows) const {
    kernels_.quantize({numbers + first * cols, cols, cols, rows,
                       blocks_.as<std::byte>() + first * activation_row_bytes(cols)});
  }

  // x, for products with these weights.
  Inputs as_inputs(Tensor x, Weights weights) const {
    if (want_blocks(weights)) {
      for_rows(x.rows, [&](int64_t first, int rows) { make_blocks(x.as<float>(), x.cols, first, rows); });
    }
    return {x.as<float>(), blocks_.as<std::byte>(), x.cols};
  }

  // x normalised, in normed_, for products with these weights.
  Inputs normalise(const Weight& norm, float eps, Tensor x, Weights weights) const {
    const bool blocks = want_blocks(weights);
    float* const normed = normed_.as<float>();
    for_rows(x.rows, [&](int64_t first, int rows) {
      kernels_.rms_norm({x.as<float>() + first * x.cols, x.cols, cpu_weight(norm).vector(), eps, rows,
                         static_cast<int>(x.cols), normed + first * x.cols, x.cols});
      if (blocks) make_blocks(normed, x.cols, first, rows);
    });
    return {normed, blocks_.as<std::byte>(), x.cols};
  }

  // One item of out (+)= in w^T.
  static void product(const Grid& grid, int item, const CpuWeight& w, const Inputs& in, int64_t in_rows,
                      float* out, bool accumulate) {
    const int64_t first_row = int64_t{item / grid.token_items} * grid.rows,
                  first = int64_t{item % grid.token_items} * grid.tokens;
    const auto tokens = static_cast<int>(std::min<int64_t>(grid.tokens, in_rows - first));
    const auto rows = static_cast<int>(std::min<int64_t>(grid.rows, w.rows - first_row));
    multiply(w, in, first, tokens, first_row, rows, out + first * w.rows + first_row, w.rows, accumulate);
  }

  // out [tokens, rows] (+)= in w^T, of `in` from row `first` and of w from row `first_row` on.
  static void multiply(const CpuWeight& w, const Inputs& in, int64_t first, int tokens, int64_t first_row,
                       int rows, float* out, int64_t out_stride, bool accumulate = false) {
    w.kernel->matmul({in.row(w, first), in.stride(w), w.panels(), w.cols, tokens, first_row, rows, out,
                      out_stride, accumulate});
  }

  // Where each row's key and value go: its page, and its place in the page.
  void locate_rows() {
    for (const SequenceRows& sequence : input_.sequences) {
      for (int i = 0; i < sequence.rows; ++i) {
        const int position = sequence.first_position + i;
        row_page_[sequence.first_row + i] = sequence.pages[position / kPagePositions];
        row_slot_[sequence.first_row + i] = position % kPagePositions;
      }
    }
  }

  const Kernels& kernels_;
  const int threads_;
  const StreamLimits limits_;
  Buffer normed_;  // [rows, hidden] f32
  Buffer blocks_;  // [rows] of ActivationBlock
  Buffer tiles_;   // [threads, tile_numbers_] f32
  int64_t tile_numbers_ = 0;
  Attention attention_;
  Sampler sampler_;

  // The step's.
  Ticket last_ = 0;
  StepInput input_;
  std::vector<int32_t> tokens_;    // [rows], all known
  std::vector<int32_t> drawn_;     // by slot, in the last step that was launched
  std::vector<int64_t> row_page_;  // [rows]
  std::vector<int> row_slot_;      // [rows]
  Clock::time_point began_;
  StepResult result_;
};

}  // namespace

std::unique_ptr<Stream> create_cpu_stream(const Kernels& kernels, int threads, const StreamLimits& limits) {
  return std::make_unique<CpuStream>(kernels, threads, limits);
}

}  // namespace quern::cpu
