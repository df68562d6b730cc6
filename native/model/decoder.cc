#include "model/decoder.h"

#include <algorithm>
#include <limits>

#include "core/bytes_text.h"
#include "core/error.h"
#include "model/alibi.h"

namespace quern {

namespace {

// Scratch for the widest of the layers.
StreamLimits stream_limits(const DecoderConfig& config, const Decoder::Limits& limits) {
  StreamLimits most;
  most.rows = limits.rows;
  most.logits_rows = limits.logits_rows;
  most.hidden = config.hidden;
  most.vocab = config.vocab;
  most.context = limits.context;
  for (const auto& [mixer, ffn] : config.layers) {
    most.heads = std::max(most.heads, mixer.heads);
    most.kv_heads = std::max(most.kv_heads, mixer.kv_heads);
    most.head_dim = std::max(most.head_dim, mixer.head_dim);
    most.ffn = std::max(most.ffn, ffn.width);
  }
  return most;
}

}  // namespace

Decoder::Decoder(const DecoderConfig& config, DecoderWeights weights, Device& device, const StateShape& state,
                 const Limits& limits)
    : config_(config), weights_(std::move(weights)), device_(device), state_(state) {
  const StreamLimits most = stream_limits(config, limits);
  const int64_t q_cols = int64_t{most.heads} * most.head_dim;
  const Dtype activations = device.activation_dtype(weights_.exact());
  x_ = reserve(limits.rows, config.hidden, Dtype::f32);
  q_ = reserve(limits.rows, q_cols, activations);
  attended_ = reserve(limits.rows, q_cols, activations);
  hidden_ = reserve(limits.rows, most.ffn, activations);
  logits_ = reserve(limits.logits_rows, config.vocab, Dtype::f32);
  states_ = reserve(limits.logits_rows, config.hidden, Dtype::f32);
  const size_t layer_bytes = static_cast<size_t>(state.kv.layer_bytes());
  const auto take = [&] {
    try {
      return memory_.emplace_back(device.allocate(layer_bytes))->address();
    } catch (const Error& error) {
      if (error.code() != "out_of_memory") throw;
      const uint64_t taken = 2 * layer_bytes * static_cast<uint64_t>(state.page_layers());
      const uint64_t all = limits.kv_bytes > 0 ? limits.kv_bytes : taken;
      throw Error(error.code(),
                  "keys and values, " + bytes_text(all) + " in all (kvCache.maxBytes): " + error.what());
    }
  };
  for (int i = 0; i < state.page_layers(); ++i) {
    void *const keys = take(), *const values = take();
    page_kv_.push_back({keys, values});
  }
  kv_.resize(config.layers.size());
  for (size_t group = 0; group < state.groups.size(); ++group) {
    const std::vector<int>& layers = state.groups[group].layers;
    for (size_t i = 0; i < layers.size(); ++i)
      kv_[static_cast<size_t>(layers[i])] = {page_kv_[i].keys, page_kv_[i].values, static_cast<int>(group)};
  }
  for (const auto& [mixer, ffn] : config.layers) {
    std::vector<float>& slopes = slopes_[mixer.heads];
    if (mixer.alibi && slopes.empty()) slopes = alibi_slopes(mixer.heads);
    const int sinks = config.streaming.sinks;
    const bool turns = sinks > 0 && mixer.rope >= 0;
    attention_.push_back({mixer.window, mixer.alibi ? slopes : std::span<const float>{}, sinks,
                          turns ? static_cast<int>(config.ropes.size()) + mixer.rope : kNoRope});
  }
  const auto rows = static_cast<size_t>(limits.rows);
  tokens_.resize(rows);
  const int longest = config.streaming.window > 0 ? config.streaming.seen() : std::numeric_limits<int>::max();
  for (const RopeConfig& rope : config.ropes) ropes_.emplace_back(rope, longest);
  rope_numbers_.resize(ropes_.size() * (config.streaming.sinks > 0 ? 2 : 1));
  for (size_t i = 0; i < rope_numbers_.size(); ++i) {
    auto& [cos, sin] = rope_numbers_[i];
    const int dim = ropes_[i % ropes_.size()].dim();
    cos.resize(rows * static_cast<size_t>(dim / 2));
    sin.resize(cos.size());
    angles_.push_back({cos.data(), sin.data(), dim});
  }
  sequences_.reserve(static_cast<size_t>(limits.sequences));
  stream_ = device.create_stream(most);
}

// Each variant grows with the length of the prompt, if at all: equal sums are equal one by one.
int Decoder::rope_variant(int prompt_length) const {
  int sum = 0;
  for (const Rope& rope : ropes_) sum += rope.variant(prompt_length);
  return sum;
}

// A plan has one longrope at most, the only one that turns.
int Decoder::rope_turning_length() const {
  int length = 0;
  for (const Rope& rope : ropes_) length = std::max(length, rope.turning_length());
  return length;
}

Tensor Decoder::reserve(int64_t rows, int64_t cols, Dtype dtype) {
  const auto bytes = static_cast<size_t>(rows * cols) * size_of(dtype);
  memory_.push_back(device_.allocate(bytes));
  workspace_bytes_ += bytes;
  return {memory_.back()->address(), dtype, rows, cols};
}

Ticket Decoder::begin(std::span<const DecoderInput> inputs, const std::atomic<bool>& abort) {
  const StepInput input = make_input(inputs, abort);
  const Tensor x = x_.first_rows(input.rows());
  const Ticket step = stream_->begin(input);
  stream_->embed(weights_.embedding(), x);
  for (size_t i = 0; i < kv_.size(); ++i) {
    const auto& [mixer, ffn] = config_.layers[i];
    const LayerWeights& layer = weights_.layers()[i];
    const Tensor q = q_.reshaped(input.rows(), mixer.q_cols()), attended = attended_.reshaped(q.rows, q.cols);
    const Tensor hidden = hidden_.reshaped(input.rows(), ffn.width);
    stream_->attention_input(layer.attention_input, mixer.rope, x, state_.kv, kv_[i], q);
    stream_->attention(attention_[i], q, state_.kv, kv_[i], attended);
    stream_->matmul_add(*layer.o, attended, x);
    stream_->ffn_input(layer.ffn_input, x, hidden);
    stream_->matmul_add(*layer.down, hidden, x);
  }
  return step;
}

template <typename Use>
void Decoder::with_logits(std::span<const int32_t> rows, Use use) {
  const auto most = static_cast<size_t>(logits_.rows);
  for (size_t first = 0; first < rows.size(); first += most) {
    const size_t count = std::min(most, rows.size() - first);
    const Tensor logits = logits_.first_rows(static_cast<int64_t>(count));
    stream_->logits(weights_.final_norm(), static_cast<float>(config_.norm_eps), weights_.head(), x_,
                    rows.subspan(first, count), logits);
    use(logits, first, count);
  }
}

void Decoder::sample(std::span<const int32_t> rows, std::span<const SampleParams> params) {
  with_logits(rows, [&](Tensor logits, size_t first, size_t count) {
    stream_->sample(logits, params.subspan(first, count));
  });
}

void Decoder::score(std::span<const int32_t> rows, std::span<const ScoreParams> params) {
  with_logits(rows, [&](Tensor logits, size_t first, size_t count) {
    stream_->score(logits, params.subspan(first, count));
  });
}

void Decoder::read_logits(std::span<const int32_t> rows, float* into) {
  with_logits(rows, [&](Tensor logits, size_t first, size_t) {
    stream_->read_back(logits, into + first * static_cast<size_t>(config_.vocab));
  });
}

void Decoder::read_states(std::span<const int32_t> rows, float* into) {
  const auto most = static_cast<size_t>(states_.rows);
  for (size_t first = 0; first < rows.size(); first += most) {
    const size_t count = std::min(most, rows.size() - first);
    const Tensor states = states_.first_rows(static_cast<int64_t>(count));
    stream_->final_norm(weights_.final_norm(), static_cast<float>(config_.norm_eps), x_,
                        rows.subspan(first, count), states);
    stream_->read_back(states, into + first * static_cast<size_t>(config_.hidden));
  }
}

std::vector<Copy> Decoder::copies_of(std::span<const int32_t> pages, uint8_t* host) const {
  const auto bytes = static_cast<size_t>(state_.kv.page_bytes());
  std::vector<Copy> copies;
  copies.reserve(pages.size() * page_kv_.size() * 2);
  for (const int32_t page : pages) {
    QUERN_CHECK(page >= 0 && page < state_.kv.pages);
    for (const KvLayer& layer : page_kv_) {
      for (void* const part : {layer.keys, layer.values}) {
        copies.push_back({static_cast<uint8_t*>(part) + static_cast<size_t>(page) * bytes, host, bytes});
        host += bytes;
      }
    }
  }
  return copies;
}

void Decoder::read_pages(std::span<const int32_t> pages, std::span<uint8_t> into) const {
  QUERN_CHECK(into.size() == pages.size() * static_cast<size_t>(page_bytes()));
  stream_->download(copies_of(pages, into.data()));
}

void Decoder::write_pages(std::span<const int32_t> pages, std::span<const uint8_t> from) {
  QUERN_CHECK(from.size() == pages.size() * static_cast<size_t>(page_bytes()));
  stream_->upload(copies_of(pages, const_cast<uint8_t*>(from.data())));  // which reads there
}

StepInput Decoder::make_input(std::span<const DecoderInput> inputs, const std::atomic<bool>& abort) {
  int row = 0;
  const Streaming& streaming = config_.streaming;
  sequences_.clear();
  for (const DecoderInput& input : inputs) {
    sequences_.push_back({row, static_cast<int>(input.tokens.size()), input.first_position, input.pages});
    for (size_t i = 0; i < input.tokens.size(); ++i, ++row) {
      QUERN_CHECK(row < static_cast<int>(tokens_.size()));
      QUERN_CHECK(input.tokens[i] < config_.vocab);
      tokens_[static_cast<size_t>(row)] = input.tokens[i];
      const int position = input.first_position + static_cast<int>(i);
      for (size_t rope = 0; rope < ropes_.size(); ++rope) {
        auto& [cos, sin] = rope_numbers_[rope];
        const auto at = static_cast<size_t>(row) * static_cast<size_t>(ropes_[rope].dim() / 2);
        ropes_[rope].angles(position, input.prompt_length, &cos[at], &sin[at]);
        if (streaming.sinks == 0) continue;
        auto& [sink_cos, sink_sin] = rope_numbers_[ropes_.size() + rope];
        ropes_[rope].turn(position, std::min(position, streaming.seen() - 1), input.prompt_length,
                          &sink_cos[at], &sink_sin[at]);
      }
    }
  }
  return {{tokens_.data(), static_cast<size_t>(row)}, angles_, sequences_, &abort};
}

}  // namespace quern
