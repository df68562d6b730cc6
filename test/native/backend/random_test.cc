#include "backend/random.h"

#include <array>
#include <cmath>

#include "check.h"

namespace quern::test {
namespace {

using Words = std::array<uint32_t, 4>;

// Philox4x32-10 word by word, as in section 3.3 of the paper.
Words philox(Words counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t low = uint64_t{0xd2511f53u} * counter[0], high = uint64_t{0xcd9e8d57u} * counter[2];
    counter = {static_cast<uint32_t>(high >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(high),
               static_cast<uint32_t>(low >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(low)};
    key = {key[0] + 0x9e3779b9u, key[1] + 0xbb67ae85u};
  }
  return counter;
}

double draw(const Words& words) {
  return static_cast<double>((uint64_t{words[0]} << 32 | words[1]) >> 11) * 0x1p-53;
}

// The known answers that come with the authors' library, Random123.
TEST(known_answers) {
  constexpr uint32_t kOnes = 0xffffffffu;
  CHECK((philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}));
  CHECK((philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}) ==
         Words{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}));
  CHECK((philox({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}) ==
         Words{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}));
  CHECK_EQ(uniform_draw(0, 0), draw({0x6627e8d5u, 0xe169c58du, 0, 0}));
}

TEST(seed_is_the_key_and_index_the_counter) {
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{0x123456789abcdef0u}, ~uint64_t{0}}) {
    for (const uint64_t index : {uint64_t{0}, uint64_t{1}, uint64_t{4095}, uint64_t{1} << 32, ~uint64_t{0}}) {
      const auto low = static_cast<uint32_t>(index), high = static_cast<uint32_t>(index >> 32);
      const Words words =
          philox({low, high, 0, 0}, {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
      CHECK_EQ(uniform_draw(seed, index), draw(words));
      const Words other =
          philox({low, high, 1, 0}, {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
      CHECK_EQ(uniform_draw(seed, index, DrawStream::xtc), draw(other));
    }
  }
}

// n draws fall into b bins like a multinomial: the statistic has mean b - 1 and standard deviation
// sqrt(2 (b - 1)); five of them.
TEST(uniform) {
  constexpr int kBins = 256, kDraws = 1 << 18;
  std::array<int, kBins> along_index{}, along_seed{};
  for (int i = 0; i < kDraws; ++i) {
    const double a = uniform_draw(42, static_cast<uint64_t>(i)),
                 b = uniform_draw(static_cast<uint64_t>(i), 7);
    CHECK(a >= 0 && a < 1 && b >= 0 && b < 1);
    ++along_index[static_cast<size_t>(a * kBins)];
    ++along_seed[static_cast<size_t>(b * kBins)];
  }
  for (const auto& bins : {along_index, along_seed}) {
    double statistic = 0;
    for (const int count : bins) statistic += std::pow(count - kDraws / kBins, 2) / (kDraws / kBins);
    CHECK_NEAR(statistic, kBins - 1, 5 * std::sqrt(2.0 * (kBins - 1)), 0);
  }
}

}  // namespace
}  // namespace quern::test
