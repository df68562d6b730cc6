// A made-up layer on one backend, and the same layer in float64.
#pragma once
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "backend/cpu/cpu_device.h"
#include "check.h"
#include "numbers.h"
#include "reference_decoder.h"

namespace quern::test {

constexpr int kHidden = 72, kHeads = 6, kKvHeads = 2, kHeadDim = 40, kFfn = 100, kVocab = 333, kRows = 700;
constexpr int kRopeDim = 32;   // less than head_dim
constexpr double kEps = 1e-3;  // large enough to be seen

inline const std::atomic<bool> kNever{false};

inline Tensor view(std::vector<float>& numbers, int64_t cols) {
  return {numbers.data(), Dtype::f32, static_cast<int64_t>(numbers.size()) / cols, cols};
}

// A made-up layer on one backend: everything that a decoder asks of it.
class Layer {
 public:
  struct Options {
    float bias = 0.3f;  // biases are drawn from [-bias, bias)
    bool head_norms = true;
    bool exact = true;  // see WeightView
  };
  Layer(int threads, const std::string& isa, Dtype weights, Dtype kv)
      : Layer(threads, isa, weights, kv, {}) {}
  Layer(int threads, const std::string& isa, Dtype weights, Dtype kv, const Options& options)
      : Layer(threads, isa, format_of(weights), kv, options) {}
  Layer(int threads, const std::string& isa, const Format& weights, Dtype kv, const Options& options)
      : device_(create_cpu_device({threads, isa})),
        exact_(options.exact),
        shape_{kv, kKvHeads, kHeadDim, 200} {
    const int q_rows = kHeads * kHeadDim, kv_rows = kKvHeads * kHeadDim;
    ReferenceLayer& layer = reference_.layers.emplace_back();
    table_ = prepare(weights, kVocab, kHidden, 1, reference_.embed);
    norm_ = prepare(weights, 1, kHidden, 2, reference_.final_norm);
    q_ = prepare(weights, q_rows, kHidden, 3, layer.q);
    k_ = prepare(weights, kv_rows, kHidden, 4, layer.k);
    v_ = prepare(weights, kv_rows, kHidden, 5, layer.v);
    q_bias_ = prepare(weights, 1, q_rows, 6, layer.q_bias, options.bias);
    k_bias_ = prepare(weights, 1, kv_rows, 7, layer.k_bias, options.bias);
    v_bias_ = prepare(weights, 1, kv_rows, 8, layer.v_bias, options.bias);
    if (options.head_norms) {
      q_norm_ = prepare(weights, 1, kHeadDim, 9, layer.q_norm);
      k_norm_ = prepare(weights, 1, kHeadDim, 10, layer.k_norm);
    }
    o_ = prepare(weights, kHidden, q_rows, 11, layer.o);
    gate_ = prepare(weights, kFfn, kHidden, 12, layer.gate);
    up_ = prepare(weights, kFfn, kHidden, 13, layer.up);
    down_ = prepare(weights, kHidden, kFfn, 14, layer.down);
    layer.attention_norm = layer.ffn_norm = reference_.final_norm;
    reference_.head = reference_.embed;
    keys_ = device_->allocate(static_cast<size_t>(shape_.layer_bytes()));
    values_ = device_->allocate(static_cast<size_t>(shape_.layer_bytes()));
    stream_ = device_->create_stream({kRows, 64, kHidden, kHeads, kKvHeads, kHeadDim, kFfn, kVocab, 3000});
  }

  const ReferenceDecoder& reference() const { return reference_; }

  // Of what is kept in 16 bits.
  float largest_key() const { return largest(*keys_, shape_); }
  float largest_value() const { return largest(*values_, shape_); }

  // The sequences' tokens from embedding to logits: [rows, vocab].
  std::vector<float> step(const std::vector<SequenceRows>& sequences, const std::vector<int32_t>& tokens) {
    const size_t rows = tokens.size();
    std::vector<float> cos, sin;
    for (const SequenceRows& sequence : sequences) {
      for (int i = 0; i < sequence.rows; ++i) {
        for (int pair = 0; pair < kRopeDim / 2; ++pair) {
          const double angle = (sequence.first_position + i) * std::pow(10000, -2.0 * pair / kRopeDim);
          cos.push_back(static_cast<float>(std::cos(angle)));
          sin.push_back(static_cast<float>(std::sin(angle)));
        }
      }
    }
    const KvLayer kv{keys_->address(), values_->address()};
    std::vector<float> x(rows * kHidden), q(rows * kHeads * kHeadDim), attended(q), hidden(rows * kFfn);
    const Angles angles{cos.data(), sin.data(), kRopeDim};
    const Ticket ticket = stream_->begin({tokens, {&angles, 1}, sequences, &kNever});
    stream_->embed(*table_, view(x, kHidden));
    stream_->attention_input({norm_.get(),
                              {q_.get(), q_bias_.get()},
                              {k_.get(), k_bias_.get()},
                              {v_.get(), v_bias_.get()},
                              q_norm_.get(),
                              k_norm_.get(),
                              static_cast<float>(kEps)},
                             0, view(x, kHidden), shape_, kv, view(q, kHeads * kHeadDim));
    stream_->attention({}, view(q, kHeads * kHeadDim), shape_, kv, view(attended, kHeads * kHeadDim));
    stream_->matmul_add(*o_, view(attended, kHeads * kHeadDim), view(x, kHidden));
    stream_->ffn_input({norm_.get(), gate_.get(), up_.get(), static_cast<float>(kEps)}, view(x, kHidden),
                       view(hidden, kFfn));
    stream_->matmul_add(*down_, view(hidden, kFfn), view(x, kHidden));
    std::vector<float> all;
    for (size_t first = 0; first < rows; first += 64) {
      std::vector<int32_t> chosen;
      for (size_t row = first; row < std::min(rows, first + 64); ++row)
        chosen.push_back(static_cast<int32_t>(row));
      std::vector<float> logits(chosen.size() * kVocab);
      stream_->logits(*norm_, static_cast<float>(kEps), *table_, view(x, kHidden), chosen,
                      view(logits, kVocab));
      all.insert(all.end(), logits.begin(), logits.end());
    }
    stream_->launch(ticket);
    StepResult result;
    CHECK(stream_->collect(ticket, result));
    return all;
  }

 private:
  static float largest(const Memory& memory, const KvShape& shape) {
    const auto* const halves = static_cast<const F16*>(memory.address());
    float most = 0;
    for (int64_t i = 0; i < shape.pages * shape.page_numbers(); ++i)
      most = std::max(most, std::abs(to_f32(halves[i])));
    return most;
  }

  // The same numbers for the backend and for the reference.
  std::unique_ptr<Weight> prepare(const Format& format, int64_t rows, int64_t cols, uint64_t seed,
                                  ReferenceDecoder::Numbers& reference, float scale = 0.3f) {
    const auto drawn = Random(seed).reals(static_cast<size_t>(rows * cols), scale);
    const int64_t bytes = format.row_bytes(cols);
    std::vector<std::byte> stored(static_cast<size_t>(rows * bytes));
    std::vector<float> numbers(static_cast<size_t>(cols));
    for (int64_t row = 0; row < rows; ++row) {
      encode_row(format, drawn.data() + row * cols, cols, stored.data() + row * bytes);
      decode_row(format, stored.data() + row * bytes, cols, numbers.data());
      reference.insert(reference.end(), numbers.begin(), numbers.end());
    }
    const auto read = [&](int64_t first, int64_t count, std::byte* into) {
      std::memcpy(into, stored.data() + first * bytes, static_cast<size_t>(count * bytes));
    };
    return device_->prepare_weight({&format, rows, cols, rows == 1, exact_, read});
  }

  ReferenceDecoder reference_{kHidden, kHeads, kKvHeads, kHeadDim, kFfn, kVocab, kRopeDim,
                              10000,   kEps,   {},       {},       {},   {}};
  std::unique_ptr<Device> device_;
  bool exact_;
  KvShape shape_;
  std::unique_ptr<Weight> table_, norm_, q_, k_, v_, q_bias_, k_bias_, v_bias_, q_norm_, k_norm_, o_, gate_,
      up_, down_;
  std::unique_ptr<Memory> keys_, values_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace quern::test
