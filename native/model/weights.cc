#include "model/weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iomanip>
#include <sstream>
#include <utility>

#include "core/error.h"
#include "core/file.h"

namespace quern {

namespace {

// Numbers of one planned weight, in any order and from any thread.
class Source {
 public:
  Source(const PlannedWeight& weight, const std::vector<File>& files, uint64_t seed)
      : weight_(weight), files_(files), seed_(hash(seed)) {
    for (const char letter : weight.slot) seed_ = hash(seed_ + static_cast<unsigned char>(letter));
  }

  // Rows [first, first + count) in `format`.
  void read(int64_t first, int64_t count, const Format& format, std::byte* into) const {
    if (weight_.source.kind != WeightSource::Kind::parts) return make_up(first, count, format, into);
    const int64_t bytes = format.row_bytes(weight_.cols);
    int64_t begin = 0;  // of a part, among the weight's rows
    for (const WeightPart& part : weight_.source.parts) {
      const int64_t from = std::max(first, begin), to = std::min(first + count, begin + part.count);
      if (from < to) read_part(part, from - begin, to - from, format, into + (from - first) * bytes);
      begin += part.count;
    }
  }

 private:
  // Rows [first, first + count) of a part.
  void read_part(const WeightPart& part, int64_t first, int64_t count, const Format& format,
                 std::byte* into) const {
    if (&format == part.format) return read_stored(part, first, count, into);
    const int64_t stored_bytes = part.format->row_bytes(weight_.cols);
    std::vector<std::byte> rows(static_cast<size_t>(count * stored_bytes));
    read_stored(part, first, count, rows.data());
    std::vector<float> numbers(static_cast<size_t>(weight_.cols));
    for (int64_t row = 0; row < count; ++row) {
      decode_row(*part.format, rows.data() + row * stored_bytes, weight_.cols, numbers.data());
      put(numbers, format, into + row * format.row_bytes(weight_.cols));
    }
  }

  // Rows that are neighbours in the file are read at once, others one by one.
  void read_stored(const WeightPart& part, int64_t first, int64_t count, std::byte* into) const {
    const File& file = files_[static_cast<size_t>(part.file)];
    const int64_t bytes = part.format->row_bytes(weight_.cols), at_once = part.stride == 1 ? count : 1;
    for (int64_t row = 0; row < count; row += at_once) {
      const int64_t stored = part.first + (first + row) * part.stride;
      file.read(part.offset + static_cast<uint64_t>(stored * bytes), into + row * bytes,
                static_cast<size_t>(at_once * bytes));
    }
  }

  void make_up(int64_t first, int64_t count, const Format& format, std::byte* into) const {
    std::vector<float> numbers(static_cast<size_t>(weight_.cols));
    for (int64_t row = 0; row < count; ++row) {
      make_up((first + row) * weight_.cols, numbers);
      put(numbers, format, into + row * format.row_bytes(weight_.cols));
    }
  }

  void put(const std::vector<float>& numbers, const Format& format, std::byte* into) const {
    check_range(numbers, format);
    encode_row(format, numbers.data(), weight_.cols, into);
  }

  // What is infinite in a file stays so; but nothing may become so.
  void check_range(const std::vector<float>& numbers, const Format& format) const {
    int beyond = 0;  // without a branch: this is every number that is converted
    for (const float number : numbers) beyond |= std::abs(number) > format.most;
    if (!beyond) return;
    for (const float number : numbers) {
      if (!(std::abs(number) > format.most) || std::isinf(number)) continue;
      throw Error("invalid_option", "dtype: expected one that holds the numbers of " + weight_.slot +
                                        ", got " + std::string(format.name) + ", which ends at " +
                                        text_of(format.most) + ", for " + text_of(number) +
                                        "; 'auto' leaves the weights as they are stored");
    }
  }
  static std::string text_of(float number) {
    std::ostringstream text;
    text << std::setprecision(9) << number;
    return text.str();
  }

  // SplitMix64's finaliser (Steele, Lea and Flood 2014): a counter goes in, independent bits come out.
  static uint64_t hash(uint64_t x) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
  }

  // The numbers from `first` on.
  void make_up(int64_t first, std::vector<float>& numbers) const {
    const float value = weight_.source.value;
    const bool random = weight_.source.kind == WeightSource::Kind::random;
    for (size_t i = 0; i < numbers.size(); ++i) {
      const uint64_t bits = hash(seed_ + static_cast<uint64_t>(first) + i);
      const float unit = static_cast<float>(bits >> 40) * 0x1p-23f - 1;  // [-1, 1)
      numbers[i] = random ? value * unit : value;
    }
  }

  const PlannedWeight& weight_;
  const std::vector<File>& files_;
  uint64_t seed_;
};

// Norms and biases.
bool is_vector(std::string_view slot) {
  return slot.ends_with("norm") || slot.ends_with("bias");
}

// What a planned weight becomes.
const Format& chosen_format(const PlannedWeight& weight, const WeightChoice& choice) {
  if (is_vector(weight.slot)) return *weight.format;
  const Format* const chosen = weight.slot == "embed" || weight.slot == "head" ? choice.ends : choice.layers;
  return chosen ? *chosen : *weight.format;
}

// Prepares weights one after the other and knows which are wanted.
class Loader {
 public:
  Loader(const ModelPlan& plan, Device& device, const WeightChoice& choice,
         const DecoderWeights::Progress& progress)
      : plan_(plan), device_(device), choice_(choice), progress_(progress) {
    for (const PlannedFile& file : plan.files) {
      files_.emplace_back(file.path);
      if (files_.back().bytes() != file.bytes) {
        throw Error("truncated", file.path + ": expected " + std::to_string(file.bytes) +
                                     " bytes, as when its header was read, got " +
                                     std::to_string(files_.back().bytes()));
      }
    }
    for (const PlannedWeight& weight : plan.weights) {
      by_slot_[weight.slot] = &weight;
      total_ += size(weight);
    }
  }

  // A vector has one row.
  std::unique_ptr<Weight> load(const std::string& slot, int64_t rows, int64_t cols) {
    const PlannedWeight& weight = planned(slot, rows, cols);
    const Format& format = chosen_format(weight, choice_);
    const Source source(weight, files_, plan_.seed);
    const auto read = [&](int64_t first, int64_t count, std::byte* into) {
      if (progress_.abort && progress_.abort->load(std::memory_order_relaxed)) {
        throw Error("aborted", "loading was aborted");
      }
      source.read(first, count, format, into);
    };
    auto prepared = device_.prepare_weight({&format, rows, cols, is_vector(slot), choice_.exact, read});
    done_ += size(weight);
    if (progress_.report) progress_.report(done_, total_);
    return prepared;
  }

 private:
  const PlannedWeight& planned(const std::string& slot, int64_t rows, int64_t cols) const {
    const auto found = by_slot_.find(slot);
    if (found == by_slot_.end()) throw Error("missing_tensor", "the plan has no weight " + slot);
    const PlannedWeight& weight = *found->second;
    if (weight.rows != rows || weight.cols != cols) {
      throw Error("wrong_shape", slot + ": expected [" + std::to_string(rows) + ", " + std::to_string(cols) +
                                     "], got [" + std::to_string(weight.rows) + ", " +
                                     std::to_string(weight.cols) + "]");
    }
    return weight;
  }

  static uint64_t size(const PlannedWeight& weight) {
    return static_cast<uint64_t>(weight.rows * weight.format->row_bytes(weight.cols));
  }

  const ModelPlan& plan_;
  Device& device_;
  WeightChoice choice_;
  const DecoderWeights::Progress& progress_;
  std::vector<File> files_;
  std::map<std::string, const PlannedWeight*> by_slot_;
  uint64_t done_ = 0, total_ = 0;
};

}  // namespace

// Four bits are too few for the ends: every token comes from one row of the embedding alone, and the output
// matrix decides between tokens that are near each other.
std::optional<WeightChoice> weight_choice(std::string_view name) {
  if (name == "int8" || name == "int4") {
    const Format* const eight_bits = find_format("Q8_0");
    return WeightChoice{name == "int8" ? eight_bits : find_format("Q4_0"), eight_bits};
  }
  if (name == "auto") return WeightChoice{};
  const auto dtype = dtype_named(name);
  if (!dtype) return {};
  return WeightChoice{&format_of(*dtype), &format_of(*dtype)};
}

uint64_t loaded_bytes(const ModelPlan& plan, const WeightChoice& choice, const WeightBytes& bytes) {
  uint64_t total = 0;
  for (const PlannedWeight& weight : plan.weights)
    total += bytes(chosen_format(weight, choice), weight.rows, weight.cols, is_vector(weight.slot));
  return total;
}

DecoderWeights::DecoderWeights(const ModelPlan& plan, Device& device, const WeightChoice& choice,
                               const Progress& progress)
    : exact_(choice.exact) {
  const DecoderConfig& c = plan.config;
  Loader loader(plan, device, choice, progress);
  const auto keep = [&](const std::string& slot, std::unique_ptr<Weight> weight) -> const Weight* {
    bytes_ += weight->bytes();
    return (owned_[slot] = std::move(weight)).get();
  };
  const auto vector = [&](const std::string& slot, int64_t count) {
    return keep(slot, loader.load(slot, 1, count));
  };
  const auto matrix = [&](const std::string& slot, int64_t rows, int64_t cols) {
    const Weight* const weight = keep(slot, loader.load(slot, rows, cols));
    if (slot != "embed" || c.tied_embeddings) bytes_per_token_ += weight->bytes();
    return weight;
  };
  const auto eps = static_cast<float>(c.norm_eps);
  embedding_ = matrix("embed", c.vocab, c.hidden);
  for (size_t i = 0; i < c.layers.size(); ++i) {
    const auto& [mixer, ffn] = c.layers[i];
    const int64_t q_rows = mixer.q_cols(), kv_rows = mixer.kv_cols();
    const std::string at = "layers." + std::to_string(i) + ".";
    LayerWeights layer;
    AttentionInputWeights& input = layer.attention_input;
    input.norm = vector(at + "attention_norm", c.hidden);
    const auto linear = [&](const char* name, int64_t rows) {
      const std::string slot = at + name;
      return Linear{matrix(slot, rows, c.hidden), mixer.qkv_bias ? vector(slot + "_bias", rows) : nullptr};
    };
    input.q = linear("q", q_rows);
    input.k = linear("k", kv_rows);
    input.v = linear("v", kv_rows);
    if (mixer.qk_norm) {
      input.q_norm = vector(at + "q_norm", mixer.head_dim);
      input.k_norm = vector(at + "k_norm", mixer.head_dim);
    }
    input.norm_eps = eps;
    layer.o = matrix(at + "o", c.hidden, q_rows);
    layer.ffn_input = {vector(at + "ffn_norm", c.hidden), matrix(at + "gate", ffn.width, c.hidden),
                       matrix(at + "up", ffn.width, c.hidden), eps};
    layer.down = matrix(at + "down", c.hidden, ffn.width);
    layers_.push_back(layer);
  }
  final_norm_ = vector("final_norm", c.hidden);
  head_ = c.tied_embeddings ? embedding_ : matrix("head", c.vocab, c.hidden);
}

}  // namespace quern
