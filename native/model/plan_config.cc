#include "model/plan_config.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace quern {

namespace {

constexpr int kMostLayers = 4096, kMostWidth = 1 << 20, kMostContext = 1 << 28, kMostHeads = 65536,
              kMostRopes = 4;
constexpr double kHuge = 1e12;

RopeScaling::Type scaling_named(std::string_view name, const PlanLine& line) {
  using Type = RopeScaling::Type;
  static const std::map<std::string_view, Type> types{
      {"none", Type::none}, {"linear", Type::linear}, {"dynamic", Type::dynamic},
      {"yarn", Type::yarn}, {"llama3", Type::llama3}, {"longrope", Type::longrope}};
  const auto found = types.find(name);
  if (found == types.end()) line.fail("unknown scaling '" + std::string(name) + "'");
  return found->second;
}

// One of the names that there are; what there is of them in models but not here is refused by its name.
template <size_t count>
size_t choice(PlanLine& line, const char* what, const char* const (&built)[count]) {
  const std::string_view name = line.word(what);
  std::string known;
  for (size_t i = 0; i < count; ++i) {
    if (name == built[i]) return i;
    known += std::string(i ? " or " : "") + built[i];
  }
  line.fail(std::string(what) + ": '" + std::string(name) + "' is not built, expected " + known);
}
void only(PlanLine& line, const char* what, const char* built) {
  const char* const names[] = {built};
  (void)choice(line, what, names);
}
bool second_of(PlanLine& line, const char* what, const char* first, const char* second) {
  const char* const names[] = {first, second};
  return choice(line, what, names) == 1;
}

template <typename Of>
using Facts = std::map<std::string_view, std::function<void(Of&, PlanLine&)>>;

// Reads NAME and what is behind it.
template <typename Of>
std::string_view read_fact(const Facts<Of>& facts, Of& of, PlanLine& line) {
  const std::string_view name = line.word("name");
  const auto fact = facts.find(name);
  if (fact == facts.end()) line.fail("unknown name '" + std::string(name) + "'");
  fact->second(of, line);
  return name;
}

const Facts<DecoderConfig>& config_facts() {
  static const Facts<DecoderConfig> facts{
      {"hidden", [](auto& c, auto& l) { c.hidden = l.count("hidden", kMostWidth); }},
      {"vocab", [](auto& c, auto& l) { c.vocab = l.count("vocab", kMostVocab); }},
      {"norm_eps", [](auto& c, auto& l) { c.norm_eps = l.real("norm_eps", 0, 1); }},
      {"context_length",
       [](auto& c, auto& l) { c.context_length = l.count("context_length", kMostContext); }},
      {"tied_embeddings", [](auto& c, auto& l) { c.tied_embeddings = l.flag("tied_embeddings"); }},
  };
  return facts;
}

const Facts<RopeConfig>& rope_facts() {
  static const Facts<RopeConfig> facts{
      {"theta", [](auto& r, auto& l) { r.theta = l.real("theta", 1e-6, 1e18); }},
      {"dim", [](auto& r, auto& l) { r.dim = l.count("dim", kMostHeads); }},
      {"scaling", [](auto& r, auto& l) { r.scaling.type = scaling_named(l.word("scaling"), l); }},
      {"factor", [](auto& r, auto& l) { r.scaling.factor = l.real("factor", 1e-6, kHuge); }},
      {"original_context",
       [](auto& r, auto& l) { r.scaling.original_context = l.real("original_context", 1, kHuge); }},
      {"low_freq_factor",
       [](auto& r, auto& l) { r.scaling.low_freq_factor = l.real("low_freq_factor", 1e-6, kHuge); }},
      {"high_freq_factor",
       [](auto& r, auto& l) { r.scaling.high_freq_factor = l.real("high_freq_factor", 1e-6, kHuge); }},
      {"beta_fast", [](auto& r, auto& l) { r.scaling.beta_fast = l.real("beta_fast", 1e-6, kHuge); }},
      {"beta_slow", [](auto& r, auto& l) { r.scaling.beta_slow = l.real("beta_slow", 1e-6, kHuge); }},
      {"mscale", [](auto& r, auto& l) { r.scaling.mscale = l.real("mscale", -kHuge, kHuge); }},
      {"mscale_all_dim",
       [](auto& r, auto& l) { r.scaling.mscale_all_dim = l.real("mscale_all_dim", -kHuge, kHuge); }},
      {"truncate", [](auto& r, auto& l) { r.scaling.truncate = l.flag("truncate"); }},
      {"attention_factor",
       [](auto& r, auto& l) { r.scaling.attention_factor = l.real("attention_factor", 0, kHuge); }},
      {"short_factors", [](auto& r, auto& l) { r.scaling.short_factors = l.reals("short_factors"); }},
      {"long_factors", [](auto& r, auto& l) { r.scaling.long_factors = l.reals("long_factors"); }},
  };
  return facts;
}

// All of a layer; each is said.
const Facts<LayerSpec>& layer_facts() {
  static const Facts<LayerSpec> facts{
      {"mixer", [](auto&, auto& l) { only(l, "mixer", "attention"); }},
      {"heads", [](auto& s, auto& l) { s.mixer.heads = l.count("heads", kMostHeads); }},
      {"kv_heads", [](auto& s, auto& l) { s.mixer.kv_heads = l.count("kv_heads", kMostHeads); }},
      {"head_dim", [](auto& s, auto& l) { s.mixer.head_dim = l.count("head_dim", kMostHeads); }},
      {"window",
       [](auto& s, auto& l) { s.mixer.window = l.template number<int>("window", 0, kMostContext); }},
      {"rope", [](auto& s, auto& l) { s.mixer.rope = l.template number<int>("rope", -1, kMostRopes); }},
      {"alibi", [](auto& s, auto& l) { s.mixer.alibi = l.flag("alibi"); }},
      {"qk_norm", [](auto& s, auto& l) { s.mixer.qk_norm = second_of(l, "qk_norm", "none", "head"); }},
      {"bias", [](auto& s, auto& l) { s.mixer.qkv_bias = second_of(l, "bias", "none", "qkv"); }},
      {"gate", [](auto&, auto& l) { only(l, "gate", "none"); }},
      {"sinks", [](auto&, auto& l) { only(l, "sinks", "none"); }},
      {"keys_and_values", [](auto&, auto& l) { only(l, "keys_and_values", "own"); }},
      {"ffn", [](auto&, auto& l) { only(l, "ffn", "dense"); }},
      {"width", [](auto& s, auto& l) { s.ffn.width = l.count("width", kMostWidth); }},
      {"activation", [](auto&, auto& l) { only(l, "activation", "silu"); }},
      {"norms", [](auto&, auto& l) { only(l, "norms", "before"); }},
  };
  return facts;
}

// Fails with what was expected where that does not hold.
void need(bool holds, const PlanLine& line, const std::string& what) {
  if (!holds) line.fail("expected " + what);
}

void check_rope(const RopeConfig& rope, const PlanLine& line) {
  need(rope.dim > 0 && rope.dim % 2 == 0, line, "an even dim of every rope");
  using Type = RopeScaling::Type;
  const RopeScaling& s = rope.scaling;
  if (s.type == Type::none || s.type == Type::linear) return;
  need(s.original_context >= 1, line, "original_context for this scaling");
  need(s.type != Type::dynamic || rope.dim > 2, line, "dim above 2 for dynamic scaling");
  need(s.type != Type::llama3 || s.high_freq_factor > s.low_freq_factor, line,
       "high_freq_factor above low_freq_factor");
  const auto pairs = static_cast<size_t>(rope.dim / 2);
  need(s.type != Type::longrope || (s.short_factors.size() == pairs && s.long_factors.size() == pairs), line,
       "dim / 2 numbers in both lists of a longrope");
}

}  // namespace

void read_config(DecoderConfig& config, PlanLine& line) {
  read_fact(config_facts(), config, line);
}

void read_rope(DecoderConfig& config, PlanLine& line) {
  need(config.layers.empty(), line, "ropes before the layers");
  const auto index = line.number<size_t>("rope index", 0, kMostRopes - 1);
  need(index <= config.ropes.size() && index + 1 >= config.ropes.size(), line,
       "ropes to be numbered in order");
  config.ropes.resize(std::max(config.ropes.size(), index + 1));
  read_fact(rope_facts(), config.ropes[index], line);
}

void read_layers(DecoderConfig& config, PlanLine& line) {
  const int count = line.count("layers", kMostLayers - static_cast<int>(config.layers.size()));
  LayerSpec layer;
  std::set<std::string_view> said;
  while (!line.ended()) {
    const std::string_view name = read_fact(layer_facts(), layer, line);
    if (!said.insert(name).second) line.fail(std::string(name) + " is said twice");
  }
  for (const auto& fact : layer_facts())
    need(said.contains(fact.first), line, std::string(fact.first) + " of these layers");
  const AttentionMixer& mixer = layer.mixer;
  need(mixer.heads % mixer.kv_heads == 0, line, "heads to be a multiple of kv_heads");
  need(mixer.q_cols() <= kMostWidth, line, "heads * head_dim to be at most " + std::to_string(kMostWidth));
  need(mixer.rope < static_cast<int>(config.ropes.size()), line, "the rope of these layers");
  need(mixer.rope < 0 || config.ropes[static_cast<size_t>(mixer.rope)].dim <= mixer.head_dim, line,
       "a rope whose dim is at most head_dim");
  config.layers.insert(config.layers.end(), static_cast<size_t>(count), layer);
}

void check_config(const DecoderConfig& config, const PlanLine& line) {
  need(config.hidden > 0 && config.vocab > 0 && config.context_length > 0 && !config.layers.empty(), line,
       "hidden, vocab, context_length and layers");
  for (const RopeConfig& rope : config.ropes) check_rope(rope, line);
  const auto longropes = std::count_if(config.ropes.begin(), config.ropes.end(), [](const RopeConfig& rope) {
    return rope.scaling.type == RopeScaling::Type::longrope;
  });
  need(longropes <= 1, line, "one longrope at most");
}

}  // namespace quern
