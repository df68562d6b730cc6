#include "engine/load_engine.h"

#include <algorithm>

#include "core/error.h"

namespace quern {

namespace {

// Small models get room for many sequences: this much is cheap, and committed only when used.
constexpr uint64_t kLeastKvBytes = uint64_t{64} << 20;

KvShape plan_kv(const DecoderConfig& config, const Device& device, const LoadOptions& options,
                int context_length) {
  KvShape shape{device.kv_dtype(options.weights.exact), config.kv_heads, config.head_dim, 1};
  const auto page_bytes =
      static_cast<uint64_t>(shape.layer_bytes()) * 2 * static_cast<uint64_t>(config.layers);
  const uint64_t context_bytes =
      (static_cast<uint64_t>(context_length) + kPagePositions - 1) / kPagePositions * page_bytes;
  const uint64_t bytes = options.kv_bytes > 0
                             ? options.kv_bytes
                             : std::min(std::max(context_bytes, kLeastKvBytes), device.memory_left() / 2);
  shape.pages = static_cast<int64_t>(std::min<uint64_t>(bytes / page_bytes, uint64_t{1} << 30));
  if (shape.pages < 1) {
    throw Error("kv_cache_too_small", "a KV cache of " + std::to_string(bytes) +
                                          " bytes does not hold one page of " + std::to_string(page_bytes) +
                                          " bytes (16 positions): give kvCache.maxBytes more");
  }
  return shape;
}

}  // namespace

std::unique_ptr<Engine> load_engine(const ModelPlan& plan, std::unique_ptr<Device> device,
                                    const LoadOptions& options, const DecoderWeights::Progress& progress,
                                    std::function<void()> wake) {
  const DecoderConfig& config = plan.config;
  DecoderWeights weights(plan, *device, options.weights, progress);
  const int context = options.context_length > 0 ? options.context_length : config.context_length;
  Engine::Options engine;
  engine.context_length = context;
  engine.step_rows = options.step_rows;
  engine.queue = options.queue;
  const KvShape kv = plan_kv(config, *device, options, context);
  auto decoder = std::make_unique<Decoder>(
      config, std::move(weights), *device, kv,
      Decoder::Limits{engine.step_rows, engine.logits_rows, engine.sequences, context});
  return std::make_unique<Engine>(std::move(device), std::move(decoder), engine, std::move(wake));
}

}  // namespace quern
