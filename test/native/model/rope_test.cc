#include "model/rope.h"

#include <cmath>
#include <iterator>
#include <string>
#include <vector>

#include "check.h"
#include "golden.h"

namespace quern::test {
namespace {

using Type = RopeScaling::Type;

constexpr int kPositions[] = {0, 1, 2, 17, 255, 4095, 4096, 32767, 32768, 131071, 200003, 262143};

RopeConfig config(int head_dim, double theta, Type type = Type::none) {
  RopeConfig c;
  c.dim = head_dim;
  c.theta = theta;
  c.scaling.type = type;
  return c;
}
RopeConfig linear() {
  RopeConfig c = config(128, 1e6, Type::linear);
  c.scaling.factor = 4;
  return c;
}
RopeConfig dynamic() {
  RopeConfig c = config(128, 1e4, Type::dynamic);
  c.scaling.factor = 2;
  c.scaling.original_context = 4096;
  return c;
}
RopeConfig yarn() {
  RopeConfig c = config(128, 1e6, Type::yarn);
  c.scaling.factor = 4;
  c.scaling.original_context = 32768;
  return c;
}
RopeConfig llama3(int head_dim, double factor) {
  RopeConfig c = config(head_dim, 5e5, Type::llama3);
  c.scaling.factor = factor;
  c.scaling.low_freq_factor = 1;
  c.scaling.high_freq_factor = 4;
  c.scaling.original_context = 8192;
  return c;
}
RopeConfig longrope() {
  RopeConfig c = config(96, 1e4, Type::longrope);
  c.scaling.factor = 131072.0 / 4096;
  c.scaling.original_context = 4096;
  for (int i = 0; i < 48; ++i) {
    c.scaling.short_factors.push_back(1 + 0.01 * i);
    c.scaling.long_factors.push_back(1 + 1.3 * i);
  }
  return c;
}

// As in golden/models/unit-vectors/vectors.json.
struct Table {
  const char* name;
  RopeConfig config;
  int sequence_length;
  double attention_factor;
};

std::vector<Table> tables() {
  return {{"qwen3-4b-2507", config(128, 5e6), 1, 1},
          {"qwen3-8b-yarn4", yarn(), 1, 1.138629436111989},
          {"linear4", linear(), 1, 1},
          {"dynamic2-length-8192", dynamic(), 8192, 1},
          {"llama-3.1-8b", llama3(128, 8), 1, 1},
          {"llama-3.2-1b", llama3(64, 32), 1, 1},
          {"phi3-like-short", longrope(), 4096, 1.1902380714238083},
          {"phi3-like-long", longrope(), 4097, 1.1902380714238083}};
}

TEST(golden_tables) {
  const auto vectors = Golden::open("models/unit-vectors/vectors.safetensors");
  if (!vectors) return;
  for (const Table& table : tables()) {
    const std::string at = std::string("rope.") + table.name;
    const auto inverse = vectors->read<double>(at + ".inv_freq");
    const auto cos = vectors->read<float>(at + ".cos"), sin = vectors->read<float>(at + ".sin");
    const Rope rope(table.config);
    const RopeFrequencies got = rope.frequencies(table.sequence_length);
    const size_t pairs = inverse.size();
    CHECK_EQ(got.inverse.size(), pairs);
    CHECK_EQ(cos.size(), pairs * std::size(kPositions));
    CHECK_NEAR(got.attention_factor, table.attention_factor, 0, 1e-12);
    for (size_t i = 0; i < pairs; ++i) CHECK_NEAR(got.inverse[i], inverse[i], 0, 1e-12);
    const bool by_length = table.sequence_length > 1;
    for (size_t row = 0; row < std::size(kPositions); ++row) {
      const int position = kPositions[row];
      std::vector<float> got_cos(pairs), got_sin(pairs);
      // Tables of a fixed length go on beyond it; a sequence there would be a longer one.
      if (by_length && position >= table.sequence_length) continue;
      rope.angles(position, table.sequence_length, got_cos.data(), got_sin.data());
      for (size_t i = 0; i < pairs; ++i) {
        CHECK_NEAR(got_cos[i], cos[row * pairs + i], 1e-6, 0);
        CHECK_NEAR(got_sin[i], sin[row * pairs + i], 1e-6, 0);
      }
    }
    for (size_t row = 0; row < std::size(kPositions); ++row) {
      for (size_t i = 0; i < pairs; ++i) {
        const double angle = kPositions[row] * got.inverse[i];
        CHECK_NEAR(std::cos(angle) * got.attention_factor, cos[row * pairs + i], 1e-6, 0);
        CHECK_NEAR(std::sin(angle) * got.attention_factor, sin[row * pairs + i], 1e-6, 0);
      }
    }
  }
}

TEST(plain_angles) {
  const Rope rope(config(8, 100));
  float cos[4], sin[4];
  rope.angles(3, 1, cos, sin);
  for (int i = 0; i < 4; ++i) {
    CHECK_NEAR(cos[i], std::cos(3 * std::pow(100, -i / 4.0)), 1e-7, 0);
    CHECK_NEAR(sin[i], std::sin(3 * std::pow(100, -i / 4.0)), 1e-7, 0);
  }
  CHECK_EQ(rope.dim(), 8);
}

// What a query has by two turns is what it has by one, however far away it is.
TEST(a_turn_leads_to_the_angles_of_another_position) {
  for (const RopeConfig& c : {config(128, 1e6), linear(), yarn(), llama3(64, 32), longrope(), dynamic()}) {
    const int seen = 4500;
    const Rope rope(c, seen);
    const auto pairs = static_cast<size_t>(c.dim / 2);
    std::vector<float> cos(pairs), sin(pairs), cos_turn(pairs), sin_turn(pairs), cos_to(pairs), sin_to(pairs);
    for (const int position : {seen - 1, seen, 262143, 1 << 24, (1 << 30) - 1}) {
      rope.angles(position, 5000, cos.data(), sin.data());
      rope.turn(position, seen - 1, 5000, cos_turn.data(), sin_turn.data());
      rope.angles(seen - 1, 5000, cos_to.data(), sin_to.data());
      for (size_t i = 0; i < pairs; ++i) {
        CHECK_NEAR(double{cos[i]} * cos_turn[i] - double{sin[i]} * sin_turn[i], cos_to[i], 1e-6, 0);
        CHECK_NEAR(double{sin[i]} * cos_turn[i] + double{cos[i]} * sin_turn[i], sin_to[i], 1e-6, 0);
        if (position == seen - 1) CHECK(cos_turn[i] == 1 && sin_turn[i] == 0);
      }
    }
  }
}

// Where a row sees so many positions at most, a longer sequence is turned as one of that length.
TEST(what_is_seen_bounds_the_length) {
  CHECK_EQ(Rope(dynamic(), 5000).variant(9000), 5000);
  CHECK_EQ(Rope(dynamic(), 5000).variant(4500), 4500);
  CHECK_EQ(Rope(dynamic(), 4096).variant(9000), 0);
  CHECK_EQ(Rope(longrope(), 4096).variant(9000), 0);
  CHECK_EQ(Rope(longrope(), 4096).turning_length(), 0);
  CHECK_EQ(Rope(longrope(), 4097).variant(9000), 1);
  CHECK_EQ(Rope(longrope(), 4097).turning_length(), 4096);
}

// A token's angles depend on its position and the prompt, and for tokens after the prompt on the position
// alone.
TEST(angles_by_length) {
  for (const RopeConfig& c : {dynamic(), longrope()}) {
    const Rope rope(c);
    const auto pairs = static_cast<size_t>(c.dim / 2);
    const auto cos_at = [&](int position, int prompt) {
      std::vector<float> cos(pairs), sin(pairs);
      rope.angles(position, prompt, cos.data(), sin.data());
      return cos;
    };
    CHECK(cos_at(100, 1) == cos_at(100, 4096));     // within the trained context nothing changes
    CHECK(cos_at(100, 4096) != cos_at(100, 4200));  // a prompt beyond it: one base for all its tokens
    CHECK(cos_at(4500, 10) == cos_at(4500, 4501));
    CHECK(cos_at(4500, 10) == cos_at(4500, 4000));
  }
}

// Equal variants promise equal angles: that is what lets sequences share keys and values.
TEST(prompts_of_one_variant_have_the_same_angles) {
  for (const RopeConfig& c : {dynamic(), longrope(), yarn()}) {
    const Rope rope(c);
    const auto pairs = static_cast<size_t>(c.dim / 2);
    const auto angles = [&](int position, int prompt) {
      std::vector<float> both(2 * pairs);
      rope.angles(position, prompt, both.data(), both.data() + pairs);
      return both;
    };
    const int lengths[] = {1, 100, 4095, 4096, 4097, 4200, 6000};
    int different = 0;
    for (const int a : lengths) {
      for (const int b : lengths) {
        different += rope.variant(a) != rope.variant(b);
        if (rope.variant(a) != rope.variant(b)) continue;
        for (const int position : {0, 77, 4095, 4096, 4097, 4199, 4300, 5999, 6000, 7000})
          CHECK(angles(position, a) == angles(position, b));
      }
    }
    CHECK((different > 0) == (c.scaling.type != RopeScaling::Type::yarn));
  }
}

}  // namespace
}  // namespace quern::test
