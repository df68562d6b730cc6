#include "engine/load_engine.h"

#include <algorithm>

#include "core/bytes_text.h"
#include "core/error.h"

namespace quern {

namespace {

// Small models get room for many sequences: this much is cheap, and committed only when used.
constexpr uint64_t kLeastKvBytes = uint64_t{64} << 20;

// Tokens of a sequence that no context bounds: a fortnight of a thousand a second.
constexpr int kLongestStream = 1 << 30;

// The model as one whose layers see sinks and a window.
DecoderConfig streamed(DecoderConfig config, const Streaming& streaming, int context_length) {
  if (streaming.window == 0) return config;
  if (streaming.sinks < 0 || streaming.window < 0 || streaming.sinks > context_length - streaming.window) {
    throw Error("invalid_option",
                "attentionSinks: expected at most " + std::to_string(context_length) +
                    " sinks and positions of the window together, as many as the context holds");
  }
  for (LayerSpec& layer : config.layers) {
    if (layer.mixer.window > 0) {
      throw Error("unsupported_option",
                  "attentionSinks: layers of this model have windows of their own, of " +
                      std::to_string(layer.mixer.window) + " positions: load it without sinks");
    }
    layer.mixer.window = streaming.window;
  }
  config.streaming = streaming;
  return config;
}

uint64_t default_bytes(const KvBudget& budget, uint64_t context_bytes) {
  const uint64_t wanted = context_bytes * static_cast<uint64_t>(budget.contexts);
  return std::min(std::max(wanted, kLeastKvBytes), budget.bytes);
}

StateShape plan_state(const DecoderConfig& config, const Device& device, const LoadOptions& options,
                      int longest, int step_rows) {
  const AttentionMixer& first = config.layers.front().mixer;
  std::vector<int> windows;
  for (const LayerSpec& layer : config.layers) {
    if (layer.mixer.kv_heads != first.kv_heads || layer.mixer.head_dim != first.head_dim)
      throw Error("unsupported_model", "layers whose keys and values differ in size are not supported yet");
    windows.push_back(layer.mixer.window);
  }
  StateShape shape{{device.kv_dtype(options.weights.exact), first.kv_heads, first.head_dim, 0},
                   group_layers(windows),
                   config.streaming.sinks};
  const auto page_bytes = static_cast<uint64_t>(shape.page_bytes());
  const uint64_t context_bytes =
      static_cast<uint64_t>(pages_needed(shape.sights(), longest, step_rows)) * page_bytes;
  const uint64_t bytes =
      options.kv_bytes > 0 ? options.kv_bytes : default_bytes(device.kv_budget(), context_bytes);
  shape.kv.pages = static_cast<int64_t>(std::min<uint64_t>(bytes / page_bytes, uint64_t{1} << 30));
  const bool is_endless = config.streaming.window > 0;
  const auto least =
      is_endless ? pages_needed(shape.sights(), longest, 1) : static_cast<int64_t>(shape.groups.size());
  if (shape.kv.pages < least) {
    throw Error("kv_cache_too_small", "a KV cache of " + bytes_text(bytes) + " does not hold " +
                                          (is_endless ? "the sinks and a window" : "16 positions") +
                                          ", which take " +
                                          bytes_text(static_cast<uint64_t>(least) * page_bytes) +
                                          ": give kvCache.maxBytes (--kv-cache) more" +
                                          (is_endless ? " or take a smaller window" : ""));
  }
  return shape;
}

}  // namespace

std::unique_ptr<Engine> load_engine(const ModelPlan& plan, std::unique_ptr<Device> device,
                                    const LoadOptions& options, const DecoderWeights::Progress& progress,
                                    std::function<void()> wake) {
  const int context = options.context_length > 0 ? options.context_length : plan.config.context_length;
  const DecoderConfig config = streamed(plan.config, options.streaming, context);
  DecoderWeights weights(plan, *device, options.weights, progress);
  Engine::Options engine;
  engine.context_length = context;
  engine.longest = options.streaming.window > 0 ? kLongestStream : context;
  engine.step_rows = options.step_rows;
  engine.queue = options.queue;
  const StateShape state = plan_state(config, *device, options, engine.longest, engine.step_rows);
  auto decoder = std::make_unique<Decoder>(
      config, std::move(weights), *device, state,
      Decoder::Limits{engine.step_rows, engine.logits_rows, engine.sequences, context, options.kv_bytes});
  return std::make_unique<Engine>(std::move(device), std::move(decoder), engine, std::move(wake));
}

}  // namespace quern
