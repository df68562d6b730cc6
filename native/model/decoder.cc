#include "model/decoder.h"

#include "core/error.h"

namespace quern {

Decoder::Decoder(const DecoderConfig& config, DecoderWeights weights, Backend& backend, const KvShape& kv,
                 const Limits& limits)
    : config_(config), weights_(std::move(weights)), backend_(backend), rope_(config), kv_shape_(kv) {
  backend.reserve({limits.rows, limits.logits_rows, config.hidden, config.heads, config.kv_heads,
                   config.head_dim, config.ffn, config.vocab, limits.context});
  const int64_t q_cols = int64_t{config.heads} * config.head_dim;
  x_ = activations(limits.rows, config.hidden);
  q_ = activations(limits.rows, q_cols);
  attended_ = activations(limits.rows, q_cols);
  hidden_ = activations(limits.rows, config.ffn);
  logits_ = activations(limits.logits_rows, config.vocab);
  const size_t layer_bytes = static_cast<size_t>(kv.layer_bytes());
  for (int layer = 0; layer < config.layers; ++layer) {
    Buffer keys = backend.allocate(layer_bytes), values = backend.allocate(layer_bytes);
    kv_.push_back({keys.as<void>(), values.as<void>()});
    memory_.push_back(std::move(keys));
    memory_.push_back(std::move(values));
  }
  const auto angles = static_cast<size_t>(limits.rows) * static_cast<size_t>(config.rope_dim / 2);
  tokens_.resize(static_cast<size_t>(limits.rows));
  cos_.resize(angles);
  sin_.resize(angles);
  sequences_.reserve(static_cast<size_t>(limits.sequences));
}

Tensor Decoder::activations(int64_t rows, int64_t cols) {
  const auto bytes = static_cast<size_t>(rows * cols) * sizeof(float);
  memory_.push_back(backend_.allocate(bytes));
  workspace_bytes_ += bytes;
  return {memory_.back().as<void>(), Dtype::f32, rows, cols};
}

bool Decoder::forward(std::span<const DecoderInput> inputs, const std::atomic<bool>& abort) {
  const Batch batch = make_batch(inputs);
  const Tensor x = x_.first_rows(batch.rows()), q = q_.first_rows(batch.rows());
  const Tensor attended = attended_.first_rows(batch.rows()), hidden = hidden_.first_rows(batch.rows());
  backend_.begin_step(abort);
  backend_.embed(weights_.embedding(), batch, x);
  for (size_t i = 0; i < kv_.size(); ++i) {
    const LayerWeights& layer = weights_.layers()[i];
    backend_.attention_input(layer.attention_input, x, batch, kv_shape_, kv_[i], q);
    backend_.attention(q, batch, kv_shape_, kv_[i], attended);
    backend_.matmul_add(*layer.o, attended, x);
    backend_.ffn_input(layer.ffn_input, x, hidden);
    backend_.matmul_add(*layer.down, hidden, x);
  }
  return backend_.end_step();
}

Tensor Decoder::logits(std::span<const int32_t> rows) {
  const Tensor out = logits_.first_rows(static_cast<int64_t>(rows.size()));
  backend_.logits(weights_.final_norm(), static_cast<float>(config_.norm_eps), weights_.head(), x_, rows,
                  out);
  return out;
}

void Decoder::read_page(int32_t page, std::span<uint8_t> into) const {
  const auto bytes = static_cast<size_t>(kv_shape_.page_bytes());
  QUERN_CHECK(page >= 0 && page < kv_shape_.pages && into.size() == 2 * bytes * kv_.size());
  uint8_t* to = into.data();
  for (const KvLayer& layer : kv_) {
    for (const void* part : {layer.keys, layer.values}) {
      backend_.download(static_cast<const uint8_t*>(part) + static_cast<size_t>(page) * bytes, to, bytes);
      to += bytes;
    }
  }
}

void Decoder::write_page(int32_t page, std::span<const uint8_t> from) {
  const auto bytes = static_cast<size_t>(kv_shape_.page_bytes());
  QUERN_CHECK(page >= 0 && page < kv_shape_.pages && from.size() == 2 * bytes * kv_.size());
  const uint8_t* source = from.data();
  for (const KvLayer& layer : kv_) {
    for (void* part : {layer.keys, layer.values}) {
      backend_.upload(source, static_cast<uint8_t*>(part) + static_cast<size_t>(page) * bytes, bytes);
      source += bytes;
    }
  }
}

Batch Decoder::make_batch(std::span<const DecoderInput> inputs) {
  const int pairs = config_.rope_dim / 2;
  int row = 0;
  sequences_.clear();
  for (const DecoderInput& input : inputs) {
    sequences_.push_back({row, static_cast<int>(input.tokens.size()), input.first_position, input.pages});
    for (size_t i = 0; i < input.tokens.size(); ++i, ++row) {
      QUERN_CHECK(row < static_cast<int>(tokens_.size()));
      QUERN_CHECK(input.tokens[i] >= 0 && input.tokens[i] < config_.vocab);
      tokens_[static_cast<size_t>(row)] = input.tokens[i];
      const auto at = static_cast<size_t>(row * pairs);
      rope_.angles(input.first_position + static_cast<int>(i), input.prompt_length, &cos_[at], &sin_[at]);
    }
  }
  return {{tokens_.data(), static_cast<size_t>(row)}, cos_.data(), sin_.data(), config_.rope_dim, sequences_};
}

}  // namespace quern
