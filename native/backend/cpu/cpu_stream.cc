#include "backend/cpu/cpu_stream.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <vector>

#include "backend/cpu/cpu_attention.h"
#include "backend/cpu/cpu_weight.h"
#include "backend/cpu/kernels/activation_block.h"
#include "backend/cpu/partition.h"
#include "backend/cpu/sampling/sampler.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/thread_pool.h"

namespace quern::cpu {
namespace {

constexpr int kHeadsOfAnItem =
    16;  // of one token, when products are made queries, keys and values: microseconds

// What a row of the matrix costs.
MatrixRows rows_of(const CpuWeight& w) {
  return {w.rows, w.cols, w.row_bytes(), w.kernel->panel_rows};
}
// The same rows of two, side by side.
MatrixRows rows_of(const CpuWeight& a, const CpuWeight& b) {
  return {a.rows, a.cols + b.cols, a.row_bytes() + b.row_bytes(),
          std::max(a.kernel->panel_rows, b.kernel->panel_rows)};
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
    tiles_ = f32(threads_ * kTileNumbers);
    keys_values_ = f32(int64_t{limits.rows} * 2 * limits.kv_heads * limits.head_dim);
    const int64_t widest = std::max({limits.hidden, limits.heads * limits.head_dim, limits.ffn});
    blocks_ = Buffer(static_cast<size_t>(std::max(limits.rows * activation_row_bytes(widest),
                                                  limits.logits_rows * activation_row_bytes(limits.hidden))));
    tokens_.reserve(static_cast<size_t>(limits.rows));
    row_sequence_.resize(static_cast<size_t>(limits.rows));
    row_position_.resize(static_cast<size_t>(limits.rows));
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
    for (const Sampled& sampled : result_.sampled) drawn_.push_back(std::max(sampled.token, 0));
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
    run(input_.rows(), [&](int row, int) {
      rows.read_row(tokens_[static_cast<size_t>(row)], x.as<float>() + row * x.cols);
    });
  }

  // Products first, queries to their place, keys and values to scratch; what happens to whole heads after
  // that.
  void attention_input(const AttentionInputWeights& w, int rope, Tensor x, const KvShape& shape, KvLayer kv,
                       Tensor q) override {
    const CpuWeight* const matrices[] = {cpu_weight(w.q.weight), cpu_weight(w.k.weight),
                                         cpu_weight(w.v.weight)};
    const int64_t kv_cols = int64_t{shape.kv_heads} * shape.head_dim;
    float* const keys = keys_values_.as<float>();  // [rows, kv_cols], values behind them
    float* const outs[] = {q.as<float>(), keys, keys + input_.rows() * kv_cols};
    const Inputs normed = normalise(*w.norm, w.norm_eps, x, {w.q.weight, w.k.weight, w.v.weight});
    const Partition cut(input_.rows(), {rows_of(*matrices[0]), rows_of(*matrices[1]), rows_of(*matrices[2])},
                        threads_);
    run(cut.items(), [&](int index, int) {
      const Partition::Item item = cut.item(index);
      product(item, *matrices[item.matrix], normed, outs[item.matrix], false);
    });
    const Angles* const angles = rope == kNoRope ? nullptr : &input_.ropes[static_cast<size_t>(rope)];
    const Heads heads{w, angles, shape, kv, outs, static_cast<int>(q.cols) / shape.head_dim};
    const int all = heads.all() * input_.rows();
    run((all + kHeadsOfAnItem - 1) / kHeadsOfAnItem, [&](int item, int) {
      const int end = std::min(all, (item + 1) * kHeadsOfAnItem);
      for (int at = item * kHeadsOfAnItem; at < end; ++at)
        finish_head(heads, at % heads.all(), at / heads.all());
    });
  }

  void attention(const AttentionSpec& spec, Tensor q, const KvShape& shape, KvLayer kv, Tensor out) override {
    attention_.run(kernels_, threads_, spec, q, input_, shape, kv, out);
  }

  void matmul_add(const Weight& weight, Tensor in, Tensor x) override {
    const CpuWeight& w = cpu_weight(weight);
    const Inputs inputs = as_inputs(in, {&weight});
    multiply_all(w, inputs, in.rows, x.as<float>(), true);
  }

  // One item: some rows of gate and of up for some tokens, and their combination.
  void ffn_input(const FfnInputWeights& weights, Tensor x, Tensor out) override {
    const CpuWeight &gate = cpu_weight(*weights.gate), &up = cpu_weight(*weights.up);
    const Inputs normed = normalise(*weights.norm, weights.norm_eps, x, {weights.gate, weights.up});
    const Partition cut(x.rows, {rows_of(gate, up)}, threads_);
    run(cut.items(), [&](int index, int thread) {
      const auto [matrix, first_row, rows, first, tokens] = cut.item(index);
      float *gates = tile(thread), *ups = gates + Partition::kMostOutputs;  // [tokens, rows] each
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
    for_rows(static_cast<int64_t>(chosen.size()), [&](int64_t first, int rows) {
      for (int64_t i = first; i < first + rows; ++i)
        kernels_.rms_norm({x.as<float>() + chosen[static_cast<size_t>(i)] * x.cols, x.cols,
                           cpu_weight(norm).vector(), norm_eps, 1, static_cast<int>(x.cols),
                           out.as<float>() + i * x.cols, x.cols});
    });
  }

  void logits(const Weight& norm, float norm_eps, const Weight& head, Tensor x,
              std::span<const int32_t> chosen, Tensor out) override {
    const CpuWeight& w = cpu_weight(head);
    const auto rows = static_cast<int>(chosen.size());
    const Tensor normed{normed_.as<float>(), Dtype::f32, rows, x.cols};
    final_norm(norm, norm_eps, x, chosen, normed);
    const Inputs inputs = as_inputs(normed, {&head});
    multiply_all(w, inputs, rows, out.as<float>(), false);
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
  float* tile(int thread) const { return tiles_.as<float>() + thread * kTileNumbers; }

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

  // What attention_input has computed of a step's rows, head by head: of queries, of keys, of values.
  struct Heads {
    const AttentionInputWeights& weights;
    const Angles* angles;  // null: none
    const KvShape& shape;
    KvLayer kv;
    float* const (&outs)[3];  // [rows, heads * head_dim] each
    int queries;
    int all() const { return queries + 2 * shape.kv_heads; }
  };

  // Bias, norm and rotation of one head of one row; keys and values then go to their page.
  void finish_head(const Heads& heads, int slot, int row) const {
    const AttentionInputWeights& w = heads.weights;
    const int head_dim = heads.shape.head_dim, kv_heads = heads.shape.kv_heads, queries = heads.queries;
    const bool is_q = slot < queries, is_k = !is_q && slot < queries + kv_heads;
    const int head = is_q ? slot : is_k ? slot - queries : slot - queries - kv_heads;
    const CpuWeight* bias = cpu_weight((is_q ? w.q : is_k ? w.k : w.v).bias);
    const CpuWeight* norm = cpu_weight(is_q ? w.q_norm : is_k ? w.k_norm : nullptr);
    const int64_t stride = int64_t{is_q ? queries : kv_heads} * head_dim;
    float* const numbers = heads.outs[is_q ? 0 : is_k ? 1 : 2] + row * stride + int64_t{head} * head_dim;
    if (bias) add(numbers, bias->vector() + head * head_dim, head_dim);
    if (norm)
      kernels_.rms_norm({numbers, head_dim, norm->vector(), w.norm_eps, 1, head_dim, numbers, head_dim});
    if (heads.angles && (is_q || is_k)) {
      const auto& [cos, sin, dim] = *heads.angles;
      const int64_t first = int64_t{row} * dim / 2;
      kernels_.rotate({numbers, cos + first, sin + first, dim});
    }
    if (is_q) return;
    if (heads.shape.dtype == Dtype::f16) clamp_to_f16(numbers, head_dim);
    const int position = row_position_[row], place = position % kPagePositions;
    const int64_t page = row_sequence_[row]->pages[heads.kv.group][position / kPagePositions];
    const auto size = static_cast<int64_t>(size_of(heads.shape.dtype));
    char* const to = static_cast<char*>(is_k ? heads.kv.keys : heads.kv.values) +
                     (page * kv_heads + head) * kPagePositions * head_dim * size;
    if (!is_k) {  // [16, head_dim]
      kernels_.convert(
          {numbers, Dtype::f32, to + int64_t{place} * head_dim * size, heads.shape.dtype, head_dim});
      return;
    }
    kernels_.convert({numbers, Dtype::f32, numbers, heads.shape.dtype, head_dim});
    heads.shape.dtype == Dtype::f16 ? put_column<F16>(numbers, head_dim, to, place)
                                    : put_column<float>(numbers, head_dim, to, place);
  }

  // A page of keys is [head_dim, 16]: attention takes one number of many positions at a time.
  template <typename T>
  static void put_column(const void* numbers, int head_dim, void* page, int column) {
    for (int d = 0; d < head_dim; ++d)
      static_cast<T*>(page)[d * kPagePositions + column] = static_cast<const T*>(numbers)[d];
  }

  // out [tokens, w.rows] (+)= in w^T.
  void multiply_all(const CpuWeight& w, const Inputs& in, int64_t tokens, float* out, bool accumulate) const {
    const Partition cut(tokens, {rows_of(w)}, threads_);
    run(cut.items(), [&](int index, int) { product(cut.item(index), w, in, out, accumulate); });
  }

  // One item of it.
  static void product(const Partition::Item& item, const CpuWeight& w, const Inputs& in, float* out,
                      bool accumulate) {
    multiply(w, in, item.first_token, item.tokens, item.first_row, item.rows,
             out + item.first_token * w.rows + item.first_row, w.rows, accumulate);
  }

  // out [tokens, rows] (+)= in w^T, of `in` from row `first` and of w from row `first_row` on.
  static void multiply(const CpuWeight& w, const Inputs& in, int64_t first, int tokens, int64_t first_row,
                       int rows, float* out, int64_t out_stride, bool accumulate = false) {
    w.kernel->matmul({in.row(w, first), in.stride(w), w.panels(), w.cols, tokens, first_row, rows, out,
                      out_stride, accumulate});
  }

  // Where each row's key and value go.
  void locate_rows() {
    for (const SequenceRows& sequence : input_.sequences) {
      for (int i = 0; i < sequence.rows; ++i) {
        row_sequence_[sequence.first_row + i] = &sequence;
        row_position_[sequence.first_row + i] = sequence.first_position + i;
      }
    }
  }

  const Kernels& kernels_;
  const int threads_;
  const StreamLimits limits_;
  Buffer normed_;  // [rows, hidden] f32
  Buffer blocks_;  // [rows] of ActivationBlock
  static constexpr int64_t kTileNumbers = 2 * Partition::kMostOutputs;
  Buffer tiles_;        // [threads, kTileNumbers] f32
  Buffer keys_values_;  // [2, rows, kv_heads * head_dim] f32
  Attention attention_;
  Sampler sampler_;

  // The step's.
  Ticket last_ = 0;
  StepInput input_;
  std::vector<int32_t> tokens_;  // [rows], all known
  // By slot, in the last step that was launched. 0 stands for kNoToken: what follows it is nobody's.
  std::vector<int32_t> drawn_;
  std::vector<const SequenceRows*> row_sequence_;  // [rows]
  std::vector<int> row_position_;                  // [rows]
  Clock::time_point began_;
  StepResult result_;
};

}  // namespace

std::unique_ptr<Stream> create_cpu_stream(const Kernels& kernels, int threads, const StreamLimits& limits) {
  return std::make_unique<CpuStream>(kernels, threads, limits);
}

}  // namespace quern::cpu
