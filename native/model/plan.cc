#include "model/plan.h"

#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "core/error.h"

namespace quern {

namespace {

constexpr int kMostLayers = 4096, kMostWidth = 1 << 20, kMostVocab = 1 << 24, kMostContext = 1 << 28;

// One line of the plan, taken apart word by word.
class Line {
 public:
  Line(std::string_view text, int number) : rest_(text), number_(number) {}

  std::string_view word(const char* what) {
    const size_t end = rest_.find(' ');
    const std::string_view found = rest_.substr(0, end);
    if (found.empty()) fail(std::string("expected ") + what + ", the line ends");
    rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
    return found;
  }
  template <typename T>
  T number(const char* what, T least, T most) {
    const std::string_view text = word(what);
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    if (!whole || !(value >= least) || !(value <= most)) {
      fail(std::string(what) + ": expected a number from " + std::to_string(least) + " to " +
           std::to_string(most) + ", got '" + std::string(text) + "'");
    }
    return value;
  }
  int count(const char* what, int most) { return number<int>(what, 1, most); }
  double real(const char* what, double least, double most) { return number<double>(what, least, most); }
  bool flag(const char* what) { return number<int>(what, 0, 1) == 1; }
  std::vector<double> reals(const char* what) {
    std::vector<double> values;
    while (!rest_.empty()) values.push_back(real(what, 1e-6, 1e6));
    return values;
  }
  void end() const {
    if (!rest_.empty()) fail("expected the end of the line, got '" + std::string(rest_.substr(0, 40)) + "'");
  }
  [[noreturn]] void fail(const std::string& why) const {
    throw Error("invalid_plan", "plan, line " + std::to_string(number_) + ": " + why);
  }

 private:
  std::string_view rest_;
  int number_;
};

Dtype dtype_named(std::string_view name, const Line& line) {
  if (const auto dtype = quern::dtype_named(name)) return *dtype;
  std::string known;
  for (const Dtype dtype : kDtypes) known += std::string(name_of(dtype)) + ", ";
  line.fail("expected one of " + known + "got '" + std::string(name) + "'");
}

RopeScaling::Type scaling_named(std::string_view name, const Line& line) {
  using Type = RopeScaling::Type;
  static const std::map<std::string_view, Type> types{
      {"none", Type::none}, {"linear", Type::linear}, {"dynamic", Type::dynamic},
      {"yarn", Type::yarn}, {"llama3", Type::llama3}, {"longrope", Type::longrope}};
  const auto found = types.find(name);
  if (found == types.end()) line.fail("unknown rope_scaling '" + std::string(name) + "'");
  return found->second;
}

using Setter = std::function<void(DecoderConfig&, Line&)>;

const std::map<std::string_view, Setter>& config_setters() {
  constexpr double kHuge = 1e12;
  static const std::map<std::string_view, Setter> setters{
      {"layers", [](auto& c, auto& l) { c.layers = l.count("layers", kMostLayers); }},
      {"hidden", [](auto& c, auto& l) { c.hidden = l.count("hidden", kMostWidth); }},
      {"heads", [](auto& c, auto& l) { c.heads = l.count("heads", 65536); }},
      {"kv_heads", [](auto& c, auto& l) { c.kv_heads = l.count("kv_heads", 65536); }},
      {"head_dim", [](auto& c, auto& l) { c.head_dim = l.count("head_dim", 65536); }},
      {"ffn", [](auto& c, auto& l) { c.ffn = l.count("ffn", kMostWidth); }},
      {"vocab", [](auto& c, auto& l) { c.vocab = l.count("vocab", kMostVocab); }},
      {"norm_eps", [](auto& c, auto& l) { c.norm_eps = l.real("norm_eps", 0, 1); }},
      {"context_length",
       [](auto& c, auto& l) { c.context_length = l.count("context_length", kMostContext); }},
      {"qk_norm", [](auto& c, auto& l) { c.qk_norm = l.flag("qk_norm"); }},
      {"qkv_bias", [](auto& c, auto& l) { c.qkv_bias = l.flag("qkv_bias"); }},
      {"tied_embeddings", [](auto& c, auto& l) { c.tied_embeddings = l.flag("tied_embeddings"); }},
      {"rope_theta", [](auto& c, auto& l) { c.rope_theta = l.real("rope_theta", 1e-6, 1e18); }},
      {"rope_dim", [](auto& c, auto& l) { c.rope_dim = l.count("rope_dim", 65536); }},
      {"rope_scaling",
       [](auto& c, auto& l) { c.rope_scaling.type = scaling_named(l.word("rope_scaling"), l); }},
      {"rope_factor", [](auto& c, auto& l) { c.rope_scaling.factor = l.real("rope_factor", 1e-6, kHuge); }},
      {"rope_original_context",
       [](auto& c, auto& l) { c.rope_scaling.original_context = l.real("rope_original_context", 1, kHuge); }},
      {"rope_low_freq_factor",
       [](auto& c, auto& l) {
         c.rope_scaling.low_freq_factor = l.real("rope_low_freq_factor", 1e-6, kHuge);
       }},
      {"rope_high_freq_factor",
       [](auto& c, auto& l) {
         c.rope_scaling.high_freq_factor = l.real("rope_high_freq_factor", 1e-6, kHuge);
       }},
      {"rope_beta_fast",
       [](auto& c, auto& l) { c.rope_scaling.beta_fast = l.real("rope_beta_fast", 1e-6, kHuge); }},
      {"rope_beta_slow",
       [](auto& c, auto& l) { c.rope_scaling.beta_slow = l.real("rope_beta_slow", 1e-6, kHuge); }},
      {"rope_mscale", [](auto& c, auto& l) { c.rope_scaling.mscale = l.real("rope_mscale", -kHuge, kHuge); }},
      {"rope_mscale_all_dim",
       [](auto& c, auto& l) {
         c.rope_scaling.mscale_all_dim = l.real("rope_mscale_all_dim", -kHuge, kHuge);
       }},
      {"rope_truncate", [](auto& c, auto& l) { c.rope_scaling.truncate = l.flag("rope_truncate"); }},
      {"rope_attention_factor",
       [](auto& c, auto& l) { c.rope_scaling.attention_factor = l.real("rope_attention_factor", 0, kHuge); }},
      {"rope_short_factors",
       [](auto& c, auto& l) { c.rope_scaling.short_factors = l.reals("rope_short_factors"); }},
      {"rope_long_factors",
       [](auto& c, auto& l) { c.rope_scaling.long_factors = l.reals("rope_long_factors"); }},
  };
  return setters;
}

std::string percent_decoded(std::string_view text, const Line& line) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned byte = 0;
    const auto [end, error] =
        std::from_chars(text.data() + i + 1, text.data() + std::min(i + 3, text.size()), byte, 16);
    if (error != std::errc{} || end != text.data() + i + 3 || byte == 0)
      line.fail("a path with a broken % escape");
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

void read_file(ModelPlan& plan, Line& line) {
  constexpr uint64_t kMostBytes = std::numeric_limits<int64_t>::max();
  if (line.number<size_t>("file index", 0, 1 << 16) != plan.files.size())
    line.fail("files must be numbered in order");
  const auto bytes = line.number<uint64_t>("file size", 0, kMostBytes);
  plan.files.push_back({bytes, percent_decoded(line.word("path"), line)});
}

constexpr int64_t kMostRows = int64_t{1} << 31;  // of a tensor that weights have rows of

// FILE OFFSET, behind the rows that it is about.
void read_place(const ModelPlan& plan, PlannedWeight& weight, WeightPart part, Line& line) {
  part.file = line.number<int>("file", 0, static_cast<int>(plan.files.size()) - 1);
  const uint64_t size = plan.files[static_cast<size_t>(part.file)].bytes;
  part.offset = line.number<uint64_t>("offset", 0, size);
  const auto last = static_cast<uint64_t>(part.first + (part.count - 1) * part.stride);  // < 2^56
  const auto row_bytes = static_cast<uint64_t>(part.format->row_bytes(weight.cols));
  if (last >= (size - part.offset) / row_bytes)
    line.fail("weight " + weight.slot + " ends behind the end of its file");
  weight.source.parts.push_back(part);
}

void read_weight(ModelPlan& plan, Line& line) {
  PlannedWeight weight;
  weight.slot = line.word("slot");
  weight.format = &format_of(dtype_named(line.word("dtype"), line));
  weight.rows = line.number<int64_t>("rows", 1, kMostVocab);
  weight.cols = line.number<int64_t>("cols", 1, kMostVocab);
  const std::string_view kind = line.word("source");
  if (kind == "random" || kind == "constant") {
    weight.source.kind = kind == "random" ? WeightSource::Kind::random : WeightSource::Kind::constant;
    weight.source.value = static_cast<float>(line.real("value", -1e6, 1e6));
  } else if (kind == "file" || kind == "parts") {
    weight.source.kind = WeightSource::Kind::parts;
    if (kind == "file") read_place(plan, weight, {.format = weight.format, .count = weight.rows}, line);
  } else {
    line.fail("expected file, parts, random or constant, got '" + std::string(kind) + "'");
  }
  plan.weights.push_back(std::move(weight));
}

// Rows that the last weight still lacks; its parts follow it.
int64_t rows_missing(const ModelPlan& plan) {
  if (plan.weights.empty() || plan.weights.back().source.kind != WeightSource::Kind::parts) return 0;
  int64_t missing = plan.weights.back().rows;
  for (const WeightPart& part : plan.weights.back().source.parts) missing -= part.count;
  return missing;
}

void read_part(ModelPlan& plan, int64_t missing, Line& line) {
  if (missing == 0) line.fail("a part without a weight that lacks rows");
  WeightPart part;
  part.format = &format_of(dtype_named(line.word("dtype"), line));
  part.first = line.number<int64_t>("first row", 0, kMostRows);
  part.count = line.number<int64_t>("rows", 1, missing);
  part.stride = line.number<int64_t>("stride", 1, kMostRows);
  read_place(plan, plan.weights.back(), part, line);
}

void check_config(const DecoderConfig& config, const Line& line) {
  const auto need = [&](bool holds, const char* what) {
    if (!holds) line.fail(std::string("config: expected ") + what);
  };
  need(config.layers > 0 && config.hidden > 0 && config.heads > 0 && config.kv_heads > 0 &&
           config.head_dim > 0 && config.ffn > 0 && config.vocab > 0 && config.context_length > 0,
       "layers, hidden, heads, kv_heads, head_dim, ffn, vocab and context_length");
  need(config.heads % config.kv_heads == 0, "heads to be a multiple of kv_heads");
  need(int64_t{config.heads} * config.head_dim <= kMostWidth, "heads * head_dim to be at most 1048576");
  need(config.rope_dim > 0 && config.rope_dim % 2 == 0 && config.rope_dim <= config.head_dim,
       "an even rope_dim, at most head_dim");
  using Type = RopeScaling::Type;
  const RopeScaling& s = config.rope_scaling;
  if (s.type == Type::none || s.type == Type::linear) return;
  need(s.original_context >= 1, "rope_original_context for this rope_scaling");
  need(s.type != Type::dynamic || config.rope_dim > 2, "rope_dim above 2 for dynamic scaling");
  need(s.type != Type::llama3 || s.high_freq_factor > s.low_freq_factor,
       "rope_high_freq_factor above rope_low_freq_factor");
  const size_t pairs = static_cast<size_t>(config.rope_dim / 2);
  need(s.type != Type::longrope || (s.short_factors.size() == pairs && s.long_factors.size() == pairs),
       "rope_dim/2 numbers in both longrope lists");
}

}  // namespace

ModelPlan parse_plan(std::string_view text) {
  ModelPlan plan;
  int number = 0;
  bool ended = false;
  int64_t missing = 0;  // rows of the last weight
  while (!text.empty() && !ended) {
    const size_t end = text.find('\n');
    Line line(text.substr(0, end), ++number);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    const std::string_view kind = line.word("a fact");
    if (missing > 0 && kind != "part")
      line.fail("weight " + plan.weights.back().slot + " lacks " + std::to_string(missing) + " of its rows");
    if (number == 1) {
      if (kind != "quern-plan" || line.number<int>("version", 0, 1 << 30) != 2)
        line.fail("expected 'quern-plan 2'");
    } else if (kind == "config") {
      const std::string_view name = line.word("name");
      const auto setter = config_setters().find(name);
      if (setter == config_setters().end()) line.fail("unknown config '" + std::string(name) + "'");
      setter->second(plan.config, line);
    } else if (kind == "file") {
      read_file(plan, line);
    } else if (kind == "seed") {
      plan.seed = line.number<uint64_t>("seed", 0, std::numeric_limits<uint64_t>::max());
    } else if (kind == "weight") {
      read_weight(plan, line);
      missing = rows_missing(plan);
    } else if (kind == "part") {
      read_part(plan, missing, line);
      missing -= plan.weights.back().source.parts.back().count;
    } else if (kind == "end") {
      check_config(plan.config, line);
      ended = true;
    } else {
      line.fail("unknown fact '" + std::string(kind) + "'");
    }
    line.end();
  }
  if (!ended) throw Error("invalid_plan", "plan: cut short, the line 'end' is missing");
  return plan;
}

}  // namespace quern
