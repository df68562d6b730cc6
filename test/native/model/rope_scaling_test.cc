// Scaled rotary frequencies against the formulas in float64, written anew from the papers, at settings where
// each clamp, rounding and case of them matters. golden_tables (rope_test.cc) has the settings of real
// models.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "check.h"
#include "model/rope.h"

namespace quern::test {
namespace {

using Type = RopeScaling::Type;

RopeConfig config(Type type, int dim, double theta, double factor, double original) {
  RopeConfig c;
  c.dim = dim;
  c.theta = theta;
  c.scaling.type = type;
  c.scaling.factor = factor;
  c.scaling.original_context = original;
  return c;
}

void check_frequencies(const RopeConfig& c, const std::vector<double>& want, const std::string& context) {
  const auto got = Rope(c).frequencies(1).inverse;
  CHECK_FOR(got.size() == want.size(), context);
  for (size_t i = 0; i < want.size(); ++i)
    CHECK_FOR(std::abs(got[i] - want[i]) <= 1e-12 * std::abs(want[i]),
              context + ", pair " + std::to_string(i));
}

// Peng et al. 2023: dimension d of D turns original/(2 pi theta^(2d/D)) times within the trained context.
// Where it turns beta_fast times or more it stays, where beta_slow times or fewer it is stretched, linear in
// between. As published, the ends are whole dimensions, the ramp ends within the head, and is never empty.
std::vector<double> yarn(const RopeConfig& c) {
  const RopeScaling& s = c.scaling;
  const double dims = c.dim;
  const auto dimension_that_turns = [&](double times) {
    // original / (2 pi theta^(2 d / D)) = times
    return dims / 2 * (std::log(s.original_context / (2 * std::numbers::pi * times)) / std::log(c.theta));
  };
  double from = dimension_that_turns(s.beta_fast), to = dimension_that_turns(s.beta_slow);
  if (s.truncate) from = std::floor(from), to = std::ceil(to);
  if (from < 0) from = 0;
  if (to > dims - 1) to = dims - 1;
  if (from == to) to = from + 0.001;
  std::vector<double> inverse;
  for (int i = 0; i < c.dim / 2; ++i) {
    const double plain = 1 / std::pow(c.theta, 2 * i / dims);
    double stretched = (i - from) / (to - from);
    stretched = stretched < 0 ? 0 : stretched > 1 ? 1 : stretched;
    inverse.push_back(plain * (1 - stretched) + plain / s.factor * stretched);
  }
  return inverse;
}

TEST(yarn_ramps) {
  struct Setting {
    const char* what;
    int dim;
    double theta, factor, original, fast, slow;
  };
  const Setting settings[] = {
      {"a usual one", 64, 1e4, 8, 4096, 32, 1},
      {"a small base: the ramp would end beyond the head", 64, 10, 4, 32768, 32, 1},
      {"a small context: the ramp would begin before the head", 64, 1e4, 4, 100, 32, 1},
      {"both ends beyond the head", 16, 3, 4, 1e6, 4, 1},
      {"both ends before the head", 64, 1e6, 4, 8, 32, 16},
      {"equal numbers of turns", 64, 1e4, 4, 4096, 8, 8},
      {"an empty ramp", 64, 1e6, 4, 8, 32, 1.5},
      {"other numbers of turns", 128, 1e6, 16, 32768, 20, 3}};
  int truncated_otherwise = 0;
  for (const Setting& s : settings) {
    std::vector<double> by_truncate[2];
    for (const bool truncate : {false, true}) {
      RopeConfig c = config(Type::yarn, s.dim, s.theta, s.factor, s.original);
      c.scaling.beta_fast = s.fast;
      c.scaling.beta_slow = s.slow;
      c.scaling.truncate = truncate;
      by_truncate[truncate] = yarn(c);
      check_frequencies(c, by_truncate[truncate], std::string(s.what) + (truncate ? ", truncated" : ""));
    }
    truncated_otherwise += by_truncate[0] != by_truncate[1];
  }
  CHECK(truncated_otherwise >= 3);
}

TEST(yarn_attention_factors) {
  const auto factor = [](double scale, double given, double mscale, double all_dim) {
    RopeConfig c = config(Type::yarn, 64, 1e4, scale, 4096);
    c.scaling.attention_factor = given;
    c.scaling.mscale = mscale;
    c.scaling.mscale_all_dim = all_dim;
    return Rope(c).frequencies(1).attention_factor;
  };
  const double of_4 = 0.1 * std::log(4.0);
  CHECK_NEAR(factor(4, 0, 0, 0), of_4 + 1, 0, 1e-12);
  CHECK_NEAR(factor(4, 1.5, 0.5, 2), 1.5, 0, 0);
  CHECK_NEAR(factor(4, 0, 0.5, 2), (0.5 * of_4 + 1) / (2 * of_4 + 1), 0, 1e-12);
  CHECK_NEAR(factor(4, 0, 0.5, 0), of_4 + 1, 0, 1e-12);  // both or none
  CHECK_NEAR(factor(4, 0, 0, 0.5), of_4 + 1, 0, 1e-12);
  CHECK_NEAR(factor(0.5, 0, 0, 0), 1, 0, 0);  // nothing is stretched
  CHECK_NEAR(factor(1, 0, 2, 1), 1, 0, 0);
}

// Grattafiori et al. 2024: by wavelength.
TEST(llama3_bands) {
  for (const auto& [low, high] : {std::pair{1.0, 4.0}, {2.0, 16.0}, {0.5, 3.0}}) {
    RopeConfig c = config(Type::llama3, 64, 500, 8, 1024);
    c.scaling.low_freq_factor = low;
    c.scaling.high_freq_factor = high;
    std::vector<double> want;
    int bands[3] = {};
    for (int i = 0; i < 32; ++i) {
      const double plain = 1 / std::pow(500, i / 32.0), turns = 1024 * plain / (2 * std::numbers::pi);
      const double kept = std::clamp((turns - low) / (high - low), 0.0, 1.0);
      ++bands[kept == 0 ? 0 : kept == 1 ? 2 : 1];
      want.push_back(plain * kept + plain / 8 * (1 - kept));
    }
    CHECK(bands[0] > 0 && bands[1] > 1 && bands[2] > 1);
    check_frequencies(c, want, "llama3");
  }
}

// Up to the trained context the base is the trained one, beyond it grows with the length.
TEST(dynamic_bases) {
  const RopeConfig c = config(Type::dynamic, 32, 1e4, 3, 1000);
  for (const int length : {1, 999, 1000, 1001, 5000}) {
    const double beyond = std::max(length, 1000) / 1000.0;
    const double theta = 1e4 * std::pow(3 * beyond - 2, 32.0 / 30);
    const auto got = Rope(c).frequencies(length).inverse;
    for (size_t i = 0; i < 16; ++i)
      CHECK_NEAR(got[i], std::pow(theta, -static_cast<double>(i) / 16), 0, 1e-12);
  }
}

TEST(longrope_factors) {
  const auto scaled = [](double factor, double given) {
    RopeConfig c = config(Type::longrope, 4, 100, factor, 1000);
    c.scaling.attention_factor = given;
    c.scaling.short_factors = {1, 2};
    c.scaling.long_factors = {3, 4};
    return Rope(c);
  };
  CHECK_NEAR(scaled(8, 0).frequencies(1).attention_factor, std::sqrt(1 + std::log(8) / std::log(1000)), 0,
             1e-12);
  CHECK_NEAR(scaled(8, 1.25).frequencies(1).attention_factor, 1.25, 0, 0);
  CHECK_NEAR(scaled(0.5, 0).frequencies(1).attention_factor, 1, 0, 0);
  CHECK_NEAR(scaled(8, 0).frequencies(1000).inverse[1], 0.1 / 2, 0, 1e-12);
  CHECK_NEAR(scaled(8, 0).frequencies(1001).inverse[1], 0.1 / 4, 0, 1e-12);
}

}  // namespace
}  // namespace quern::test
