#pragma once
#include <functional>
#include <memory>

#include "engine/engine.h"
#include "model/plan.h"
#include "model/weights.h"

namespace quern {

struct LoadOptions {
  WeightChoice weights;    // and whether keys, values and activations are float32, not of 16 and 8 bits
  int context_length = 0;  // 0: the model's
  Streaming streaming;     // without a window: none
  uint64_t kv_bytes = 0;   // 0: what the device would give them, see KvBudget
  int step_rows = 512;     // rows of one step
  int queue = 4096;        // requests that may wait
};

// Everything between a plan and a model that serves requests: weights, KV cache, engine thread.
std::unique_ptr<Engine> load_engine(const ModelPlan& plan, std::unique_ptr<Device> device,
                                    const LoadOptions& options, const DecoderWeights::Progress& progress,
                                    std::function<void()> wake);

}  // namespace quern
