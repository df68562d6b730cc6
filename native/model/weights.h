#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "model/plan.h"

namespace quern {

// A decoder's weights, prepared by a device and put into the places where the layers look for them.
struct LayerWeights {
  AttentionInputWeights attention_input;
  const Weight* o = nullptr;  // [hidden, heads * head_dim]
  FfnInputWeights ffn_input;
  const Weight* down = nullptr;  // [hidden, ffn]
};

// What matrices become while they are loaded. Where a format is missing they stay as they are.
struct WeightChoice {
  const Format* layers = nullptr;
  const Format* ends = nullptr;  // the embedding and the output matrix
  bool exact = false;            // see WeightView; and what lies between operations is float32
};

// The names of what matrices can become, beside those of data types.
constexpr const char* kQuantizations[] = {"int8", "int4"};

// Bytes of a weight in a device's memory, once it is of this format.
using WeightBytes = std::function<uint64_t(const Format&, int64_t rows, int64_t cols, bool is_vector)>;

// Bytes that a plan's weights will take there.
uint64_t loaded_bytes(const ModelPlan& plan, const WeightChoice& choice, const WeightBytes& bytes);

// By the name of a data type, by one of kQuantizations, or by "auto"; nothing where there is no such name.
std::optional<WeightChoice> weight_choice(std::string_view name);

class DecoderWeights {
 public:
  struct Progress {
    std::function<void(uint64_t done, uint64_t total)> report;  // bytes of the plan's weights
    const std::atomic<bool>* abort = nullptr;                   // set: loading throws Error aborted
  };
  // Loads all that the config asks for. Throws Error missing_tensor, wrong_shape, truncated, read_error,
  // out_of_memory, unsupported_format, invalid_option.
  DecoderWeights(const ModelPlan& plan, Device& device, const WeightChoice& choice, const Progress& progress);

  const Weight& embedding() const { return *embedding_; }
  const Weight& final_norm() const { return *final_norm_; }
  const Weight& head() const { return *head_; }
  const std::vector<LayerWeights>& layers() const { return layers_; }
  bool exact() const { return exact_; }  // see WeightChoice
  // Bytes in memory.
  uint64_t bytes() const { return bytes_; }
  // Bytes that decoding one token reads: all matrices, of the embedding only when it is the head as well.
  uint64_t bytes_per_token() const { return bytes_per_token_; }

 private:
  std::map<std::string, std::unique_ptr<Weight>> owned_;  // by slot
  const Weight* embedding_ = nullptr;
  const Weight* final_norm_ = nullptr;
  const Weight* head_ = nullptr;
  std::vector<LayerWeights> layers_;
  bool exact_ = false;
  uint64_t bytes_ = 0;
  uint64_t bytes_per_token_ = 0;
};

}  // namespace quern
