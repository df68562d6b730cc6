#include "model/plan.h"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "check.h"
#include "core/error.h"
#include "numbers.h"

namespace quern::test {
namespace {

// A plan with every kind of line.
const std::string kPlan = R"(quern-plan 3
config hidden 64
config vocab 300
config norm_eps 1e-5
config context_length 4096
config tied_embeddings 1
rope 0 theta 500000
rope 0 dim 12
rope 0 scaling yarn
rope 0 factor 4
rope 0 original_context 1024
rope 0 low_freq_factor 1
rope 0 high_freq_factor 4
rope 0 beta_fast 32
rope 0 beta_slow 1
rope 0 mscale 0.5
rope 0 mscale_all_dim -1
rope 0 truncate 0
rope 0 attention_factor 1.25
rope 0 short_factors 1 1.5 2 2.5 3 3.5
rope 0 long_factors 1 2 3 4 5 6
rope 1 dim 16
layers 1 mixer attention heads 6 kv_heads 2 head_dim 16 window 0 rope 0 alibi 0 qk_norm head bias none gate none sinks none keys_and_values own ffn dense width 128 activation silu norms before
layers 2 width 96 mixer attention kv_heads 2 heads 4 head_dim 16 window 1000 rope -1 alibi 1 qk_norm none bias qkv gate none sinks none keys_and_values own ffn dense activation silu norms before
file 0 100000 /models/a%20folder/model%25.safetensors
file 1 50 b
seed 18446744073709551615
weight embed bf16 300 64 file 0 128
weight final_norm f32 1 12 file 1 2
weight layers.0.q f16 96 64 random 0.25
weight layers.0.attention_norm f32 1 64 constant -1
weight layers.1.q bf16 6 6 parts
part bf16 1 4 3 0 128
part f32 0 2 1 1 2
end
)";

std::string replaced(const std::string& from, const std::string& to) {
  std::string text = kPlan;
  const size_t at = text.find(from);
  if (at == std::string::npos) throw std::logic_error("the plan has no '" + from + "'");
  return text.replace(at, from.size(), to);
}

TEST(reads_every_fact) {
  const ModelPlan plan = parse_plan(kPlan);
  const DecoderConfig& c = plan.config;
  CHECK(c.hidden == 64 && c.vocab == 300 && c.norm_eps == 1e-5 && c.context_length == 4096);
  CHECK(c.tied_embeddings);
  CHECK_EQ(c.ropes.size(), size_t{2});
  CHECK(c.ropes[0].theta == 500000 && c.ropes[0].dim == 12 && c.ropes[1].dim == 16);
  const RopeScaling& s = c.ropes[0].scaling;
  CHECK(s.type == RopeScaling::Type::yarn && s.factor == 4 && s.original_context == 1024);
  CHECK(s.low_freq_factor == 1 && s.high_freq_factor == 4 && s.beta_fast == 32 && s.beta_slow == 1);
  CHECK(s.mscale == 0.5 && s.mscale_all_dim == -1 && !s.truncate && s.attention_factor == 1.25);
  CHECK((s.short_factors == std::vector<double>{1, 1.5, 2, 2.5, 3, 3.5}));
  CHECK((s.long_factors == std::vector<double>{1, 2, 3, 4, 5, 6}));
  CHECK_EQ(c.layers.size(), size_t{3});
  const auto& [first, first_ffn] = c.layers[0];
  CHECK(first.heads == 6 && first.kv_heads == 2 && first.head_dim == 16 && first_ffn.width == 128);
  CHECK(first.window == 0 && first.rope == 0 && !first.alibi && first.qk_norm && !first.qkv_bias);
  for (const size_t i : {size_t{1}, size_t{2}}) {
    const auto& [mixer, ffn] = c.layers[i];
    CHECK(mixer.heads == 4 && mixer.kv_heads == 2 && mixer.head_dim == 16 && ffn.width == 96);
    CHECK(mixer.window == 1000 && mixer.rope == -1 && mixer.alibi && !mixer.qk_norm && mixer.qkv_bias);
  }
  CHECK_EQ(plan.files.size(), size_t{2});
  CHECK_EQ(plan.files[0].path, std::string("/models/a folder/model%.safetensors"));
  CHECK_EQ(plan.files[0].bytes, uint64_t{100000});
  CHECK_EQ(plan.seed, ~uint64_t{0});
  CHECK_EQ(plan.weights.size(), size_t{5});
  const PlannedWeight &embed = plan.weights[0], &q = plan.weights[2], &norm = plan.weights[3];
  CHECK(embed.slot == "embed" && embed.format->name == "BF16" && embed.rows == 300 && embed.cols == 64);
  CHECK(embed.source.kind == WeightSource::Kind::parts && embed.source.parts.size() == 1);
  const WeightPart& all = embed.source.parts[0];
  CHECK(all.format == embed.format && all.file == 0 && all.offset == 128);
  CHECK(all.first == 0 && all.count == 300 && all.stride == 1);
  const std::vector<WeightPart>& parts = plan.weights[4].source.parts;
  CHECK(plan.weights[4].rows == 6 && parts.size() == 2);
  CHECK(parts[0].format->name == "BF16" && parts[0].file == 0 && parts[0].offset == 128);
  CHECK(parts[0].first == 1 && parts[0].count == 4 && parts[0].stride == 3);
  CHECK(parts[1].format->name == "F32" && parts[1].file == 1 && parts[1].offset == 2);
  CHECK(parts[1].first == 0 && parts[1].count == 2 && parts[1].stride == 1);
  CHECK(q.format->name == "F16" && q.source.kind == WeightSource::Kind::random && q.source.value == 0.25f);
  CHECK(norm.source.kind == WeightSource::Kind::constant && norm.source.value == -1);
}

TEST(every_scaling) {
  for (const char* type : {"none", "linear", "dynamic", "yarn", "llama3", "longrope"})
    (void)parse_plan(replaced("scaling yarn", std::string("scaling ") + type));
}

TEST(a_weight_may_end_where_its_file_ends) {
  (void)parse_plan(kPlan);  // 2 + 1 * 12 * 4 = 50 bytes
  CHECK_ERROR(parse_plan(replaced("f32 1 12 file 1 2", "f32 1 12 file 1 3")), "invalid_plan");
  CHECK_ERROR(parse_plan(replaced("f32 1 12 file 1 2", "f32 1 13 file 1 0")), "invalid_plan");
  CHECK_ERROR(parse_plan(replaced("f32 1 12 file 1 2", "f32 16777216 16777216 file 1 0")), "invalid_plan");
  CHECK_ERROR(parse_plan(replaced("f32 1 12 file 1 2", "f32 1 1 file 1 18446744073709551615")),
              "invalid_plan");
}

TEST(cut_short_anywhere) {
  for (size_t length = 0; length + 1 < kPlan.size(); ++length) {
    CHECK_ERROR(parse_plan(std::string_view(kPlan).substr(0, length)), "invalid_plan");
  }
  (void)parse_plan(
      std::string_view(kPlan).substr(0, kPlan.size() - 1));  // the last line break may be missing
}

TEST(malformed_lines) {
  const std::vector<std::pair<std::string, std::string>> changes{
      {"quern-plan 3", "quern-plan 2"},
      {"a%20folder", "a%-1folder"},
      {"quern-plan 3", "quern-plan"},
      {"quern-plan 3", "plan 3"},
      {"quern-plan 3\n", ""},
      {"config hidden 64", "config hidden 0"},
      {"config hidden 64", "config hidden -2"},
      {"config hidden 64", "config hidden 2.5"},
      {"config hidden 64", "config hidden 99999999999999999999"},
      {"config hidden 64", "config hidden 1048577"},
      {"config hidden 64", "config hidden +2"},
      {"config hidden 64", "config hidden 64 3"},
      {"config hidden 64", "config hidden  64"},
      {"config hidden 64", "config hidden"},
      {"config hidden 64", "config"},
      {"config hidden 64", ""},
      {"config hidden 64", "config depth 64"},
      {"config hidden 64", "Config hidden 64"},
      {"config hidden 64\n", ""},
      {"config vocab 300", "config vocab 16777217"},
      {"config vocab 300\n", ""},
      {"config context_length 4096", "config context_length 268435457"},
      {"config context_length 4096\n", ""},
      {"config norm_eps 1e-5", "config norm_eps nan"},
      {"config norm_eps 1e-5", "config norm_eps inf"},
      {"config norm_eps 1e-5", "config norm_eps -1e-5"},
      {"config norm_eps 1e-5", "config norm_eps 1e-5x"},
      {"rope 0 theta 500000", "rope 0 theta 0"},
      {"rope 0 theta 500000", "rope 0 theta 1e400"},
      {"rope 0 theta 500000", "rope 1 theta 500000"},
      {"rope 0 theta 500000", "rope -1 theta 500000"},
      {"rope 0 theta 500000", "rope 0 base 500000"},
      {"rope 0 theta 500000", "rope 0"},
      {"rope 1 dim 16", "rope 2 dim 16"},
      {"rope 1 dim 16", "rope 1 dim 15"},
      {"rope 1 dim 16", "rope 1 theta 16"},
      {"rope 1 dim 16", "rope 1 dim 16\nrope 0 dim 12"},
      {"rope 1 dim 16", "rope 1 dim 16\nrope 2 dim 2\nrope 3 dim 2\nrope 4 dim 2"},
      {"rope 0 dim 12", "rope 0 dim 11"},
      {"rope 0 dim 12", "rope 0 dim 18"},
      {"scaling yarn", "scaling ntk"},
      {"scaling yarn", "scaling dynamic\nrope 0 dim 2"},
      {"rope 0 original_context 1024\n", ""},
      {"rope 0 high_freq_factor 4", "rope 0 high_freq_factor 1\nrope 0 scaling llama3"},
      {"short_factors 1 1.5 2 2.5 3 3.5", "short_factors 1 0"},
      {"rope 0 mscale 0.5", "rope 0 mscale 1e13"},
      {"layers 1 mixer", "layers 0 mixer"},
      {"layers 1 mixer", "layers -1 mixer"},
      {"layers 1 mixer", "layers 4095 mixer"},
      {"layers 1 mixer", "layers 4097 mixer"},
      {"layers 1 mixer", "layers mixer"},
      {"layers 1 mixer", "layers 1 1 mixer"},
      {"layers 1 mixer", "layers 1  mixer"},
      {"mixer attention heads 6", "mixer delta_net heads 6"},
      {"mixer attention heads 6", "mixer heads 6"},
      {"mixer attention heads 6", "heads 6"},
      {"heads 6 kv_heads 2", "heads 5 kv_heads 2"},
      {"heads 6 kv_heads 2", "heads 6 kv_heads 0"},
      {"heads 6 kv_heads 2", "heads 6 heads 6 kv_heads 2"},
      {"heads 6 kv_heads 2", "heads 6 experts 3 kv_heads 2"},
      {"heads 6 kv_heads 2 head_dim 16", "heads 18 kv_heads 2 head_dim 65536"},
      {"heads 6 kv_heads 2 head_dim 16", "heads 65536 kv_heads 65536 head_dim 65536"},
      {"heads 6 kv_heads 2 head_dim 16", "heads 6 kv_heads 2"},
      {"window 0", "window -1"},
      {"window 0", "window 268435457"},
      {"window 0 ", ""},
      {"rope 0 alibi 0", "rope 2 alibi 0"},
      {"rope 0 alibi 0", "rope -2 alibi 0"},
      {"rope 0 alibi 0", "rope 0 alibi 2"},
      {"qk_norm head", "qk_norm row"},
      {"qk_norm head", "qk_norm 1"},
      {"bias none", "bias all"},
      {"gate none", "gate per_head"},
      {"sinks none", "sinks learned"},
      {"keys_and_values own", "keys_and_values shared"},
      {"ffn dense", "ffn moe"},
      {"width 128", "width 1048577"},
      {"activation silu", "activation gelu_tanh"},
      {"norms before", "norms after"},
      {"norms before", "norms"},
      {"norms before", "norms before more"},
      {"file 0 100000", "file 1 100000"},
      {"file 0 100000", "file -1 100000"},
      {"file 1 50 b", "file 0 50 b"},
      {"file 1 50 b", "file 1 9223372036854775808 b"},
      {"file 1 50 b", "file 1 50"},
      {"file 1 50 b", "file 1 50 b c"},
      {"a%20folder", "a%2folder%"},
      {"a%20folder", "a%00folder"},
      {"seed 18446744073709551615", "seed 18446744073709551616"},
      {"seed 18446744073709551615", "seed -1"},
      {"seed 18446744073709551615", "seed"},
      {"embed bf16", "embed f64"},
      {"embed bf16", "embed BF16"},
      {"bf16 300 64", "bf16 0 64"},
      {"bf16 300 64", "bf16 300 -64"},
      {"bf16 300 64", "bf16 300"},
      {"file 0 128", "file 2 128"},
      {"file 0 128", "file -1 128"},
      {"file 0 128", "file 0 61601"},
      {"file 0 128", "file 0"},
      {"file 0 128", "tape 0 128"},
      {"random 0.25", "random nan"},
      {"random 0.25", "random 1e7"},
      {"random 0.25", "random"},
      {"constant -1", "constant -inf"},
      {"constant -1\n", "constant -1\r\n"},
      {"6 6 parts", "6 6 parts 2"},
      {"6 6 parts", "7 6 parts"},
      {"6 6 parts", "5 6 parts"},
      {"6 6 parts", "6 6 random 1"},
      {"part bf16 1 4 3 0 128\n", ""},
      {"part f32 0 2 1 1 2\n", ""},
      {"part f32 0 2 1 1 2\n", "part f32 0 2 1 1 2\npart f32 0 1 1 1 2\n"},
      {"part f32 0 2", "part f32 0 1"},
      {"part f32 0 2", "part f32 0 3"},
      {"part f32 0 2", "part f32 0 0"},
      {"part f32 0 2", "part f32 0 -2"},
      {"part f32 0 2", "part f32 0 9223372036854775807"},
      {"part f32 0 2", "part f32 -1 2"},
      {"part f32 0 2", "part f32 1 2"},
      {"part f32 0 2", "part f32 9223372036854775807 2"},
      {"part f32 0 2", "part f31 0 2"},
      {"2 1 1 2\n", "2 0 1 2\n"},
      {"2 1 1 2\n", "2 -1 1 2\n"},
      {"2 1 1 2\n", "2 2 1 2\n"},
      {"2 1 1 2\n", "2 2147483648 1 2\n"},
      {"2 1 1 2\n", "2 2147483649 1 2\n"},
      {"2 1 1 2\n", "2 1 2 2\n"},
      {"2 1 1 2\n", "2 1 1 3\n"},
      {"2 1 1 2\n", "2 1 1 51\n"},
      {"2 1 1 2\n", "2 1 1\n"},
      {"part f32", "file 2 1 c\npart f32"},
      {"end\n", "end now\n"},
      {"end\n", "ending\n"},
      {"end\n", ""},
  };
  for (const auto& [from, to] : changes) {
    std::string code = "no error", message;
    try {
      (void)parse_plan(replaced(from, to));
    } catch (const Error& error) {
      code = error.code();
      message = error.what();
    }
    CHECK_FOR(code == "invalid_plan", "'" + from + "' became '" + to + "': " + code + " " + message);
    CHECK_FOR(message.starts_with("plan"), message);
  }
}

TEST(rows_that_are_not_there_are_named) {
  const auto message = [](const std::string& from, const std::string& to) -> std::string {
    try {
      (void)parse_plan(replaced(from, to));
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  CHECK_EQ(message("part f32 0 2", "part f32 1 2"),
           std::string("plan, line 34: weight layers.1.q ends behind the end of its file"));
  CHECK_EQ(message("part f32 0 2 1 1 2\n", ""),
           std::string("plan, line 34: weight layers.1.q lacks 2 of its rows"));
  CHECK_EQ(message("part f32 0 2", "part f32 0 3"),
           std::string("plan, line 34: rows: expected a number from 1 to 2, got '3'"));
  CHECK_EQ(message("2 1 1 2\n", "2 0 1 2\n"),
           std::string("plan, line 34: stride: expected a number from 1 to 2147483648, got '0'"));
  CHECK_EQ(message("end\n", "part f32 0 2 1 1 2\nend\n"),
           std::string("plan, line 35: a part without a weight that lacks rows"));
}

// What models have and the engine has not is said by its name.
TEST(what_is_not_built_is_named) {
  try {
    (void)parse_plan(replaced("ffn dense", "ffn moe"));
    CHECK(false);
  } catch (const Error& error) {
    CHECK_EQ(std::string(error.what()),
             std::string("plan, line 23: ffn: 'moe' is not built, expected dense"));
  }
}

TEST(the_message_names_the_line) {
  try {
    (void)parse_plan(replaced("heads 6", "heads six"));
    CHECK(false);
  } catch (const Error& error) {
    CHECK_EQ(std::string(error.what()),
             std::string("plan, line 23: heads: expected a number from 1 to 65536, got 'six'"));
  }
}

TEST(longrope_needs_a_factor_for_each_pair) {
  for (const std::string list : {"short_factors 1 1.5 2 2.5 3", "long_factors 1 2 3 4 5"}) {
    std::string text = replaced("scaling yarn", "scaling longrope");
    const size_t end = text.find(list) + list.size();
    CHECK_ERROR(parse_plan(text.erase(end, text.find('\n', end) - end)), "invalid_plan");
  }
}

// One random change: bytes, whole words, whole lines.
std::string mutated(std::string text, Random& random) {
  static const std::vector<std::string> words{"0",
                                              "-1",
                                              "1",
                                              "nan",
                                              "inf",
                                              "-0",
                                              "1e308",
                                              "1e-320",
                                              "4294967296",
                                              "9223372036854775807",
                                              "18446744073709551615",
                                              "%",
                                              "%0",
                                              "%41",
                                              " ",
                                              "\n",
                                              "end",
                                              "file",
                                              "weight",
                                              "config",
                                              "layers",
                                              "layers 3",
                                              "rope 1",
                                              "window",
                                              "longrope",
                                              "dynamic",
                                              std::string("\0", 1)};
  const int length = static_cast<int>(text.size());
  const auto at = static_cast<size_t>(random.below(length));
  switch (random.below(6)) {
    case 0:
      text[at] = static_cast<char>(random.below(256));
      return text;
    case 1:
      return text.erase(at, static_cast<size_t>(random.between(1, 20)));
    case 2:
      return text.insert(at, words[static_cast<size_t>(random.below(static_cast<int>(words.size())))]);
    case 3: {  // another word instead
      const size_t begin = text.find_first_of(" \n", at), end = text.find_first_of(" \n", begin + 1);
      if (begin == std::string::npos || end == std::string::npos) return text;
      return text.replace(begin + 1, end - begin - 1,
                          words[static_cast<size_t>(random.below(static_cast<int>(words.size())))]);
    }
    case 4:  // a piece from elsewhere
      return text.insert(at, kPlan.substr(static_cast<size_t>(random.below(static_cast<int>(kPlan.size()))),
                                          static_cast<size_t>(random.between(1, 60))));
    default:
      text[at] = static_cast<char>('0' + random.below(10));
      return text;
  }
}

// Whatever is written there: a plan or an Error, never anything else.
TEST(mutated_plans) {
  Random random(2026);
  int accepted = 0;
  for (int round = 0; round < 200000; ++round) {
    std::string text = kPlan;
    for (int change = random.between(1, 4); change > 0 && !text.empty(); --change)
      text = mutated(std::move(text), random);
    try {
      const ModelPlan plan = parse_plan(text);
      ++accepted;
      for (const PlannedWeight& weight : plan.weights) {
        CHECK(weight.rows > 0 && weight.cols > 0);
        if (weight.source.kind != WeightSource::Kind::parts) continue;
        int64_t rows = 0;
        for (const WeightPart& part : weight.source.parts) {
          const PlannedFile& file = plan.files.at(static_cast<size_t>(part.file));
          const auto row_bytes = static_cast<uint64_t>(weight.cols * part.format->bytes);
          CHECK(part.first >= 0 && part.count > 0 && part.stride > 0 && part.offset <= file.bytes);
          const auto last = static_cast<uint64_t>(part.first + (part.count - 1) * part.stride);
          CHECK(last < (file.bytes - part.offset) / row_bytes);
          rows += part.count;
        }
        CHECK_EQ(rows, weight.rows);
      }
      CHECK(!plan.config.layers.empty() && plan.config.layers.size() <= 4096);
      for (const auto& [mixer, ffn] : plan.config.layers) {
        CHECK(mixer.heads % mixer.kv_heads == 0 && mixer.q_cols() <= 1 << 20 && ffn.width > 0);
        CHECK(mixer.window >= 0 && mixer.rope < static_cast<int>(plan.config.ropes.size()));
        if (mixer.rope >= 0) CHECK(plan.config.ropes[static_cast<size_t>(mixer.rope)].dim <= mixer.head_dim);
      }
    } catch (const Error& error) {
      CHECK_EQ(error.code(), std::string("invalid_plan"));
    }
  }
  CHECK(accepted > 1000);  // else the mutations are too coarse to reach the later checks
}

}  // namespace
}  // namespace quern::test
