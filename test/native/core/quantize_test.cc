#include "core/quantize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "core/format.h"
#include "numbers.h"

namespace quern::test {
namespace {

constexpr const char* kFormats[] = {"Q8_0", "Q4_0"};

using Block = std::array<float, 32>;

Block through(const Format& format, const Block& numbers) {
  std::byte bytes[34];
  format.encode(numbers.data(), bytes);
  Block back;
  format.decode(bytes, back.data());
  return back;
}

// What header and guide say of normally distributed numbers.
TEST(relative_errors) {
  for (const auto& [name, want] : {std::pair{"Q8_0", 0.00535}, std::pair{"Q4_0", 0.0859}}) {
    const Format& format = *find_format(name);
    Random random(1);
    double errors = 0, squares = 0;
    for (int round = 0; round < 20000; ++round) {
      Block numbers;
      for (float& number : numbers) number = 0.02f * random.normal();
      const Block back = through(format, numbers);
      for (size_t i = 0; i < numbers.size(); ++i) {
        errors += std::pow(double{back[i]} - double{numbers[i]}, 2);
        squares += double{numbers[i]} * double{numbers[i]};
      }
    }
    CHECK_NEAR(std::sqrt(errors / squares), want, 0, 0.01);
  }
}

// Rounding to the nearest in float64, with the scale that f16 has.
TEST(four_bits_are_rounded_to_the_nearest) {
  const Format& format = *find_format("Q4_0");
  Random random(2);
  for (int round = 0; round < 20000; ++round) {
    Block numbers;
    for (float& number : numbers) number = random.normal();
    const Block back = through(format, numbers);
    float most = 0;
    for (const float number : numbers)
      if (std::abs(number) > std::abs(most)) most = number;
    const double scale = double{to_f32(to_f16(most / -8))};
    for (size_t i = 0; i < numbers.size(); ++i) {
      const double x = double{numbers[i]};
      const double nearest = std::clamp(std::nearbyint(x / scale), -8.0, 7.0) * scale;
      CHECK(std::abs(double{back[i]} - x) <= std::abs(nearest - x) + 1e-6);
    }
  }
}

TEST(numbers_that_are_there_come_back) {
  for (const char* name : kFormats) {
    const Format& format = *find_format(name);
    CHECK(through(format, Block{}) == Block{});
    Block levels;
    for (size_t i = 0; i < levels.size(); ++i)
      levels[i] = 0.25f * static_cast<float>(static_cast<int>(i % 16) - 8);
    const Block back = through(format, levels);
    for (size_t i = 0; i < levels.size(); ++i) CHECK_NEAR(back[i], levels[i], name[1] == '4' ? 0 : 0.009, 0);
  }
}

// Half a step, or a whole one at the end of the range that is an integer short; and what f16 cannot tell of a
// scale.
TEST(tiny_and_huge_numbers) {
  for (const char* name : kFormats) {
    const Format& format = *find_format(name);
    for (const float scale : {1e-38f, 1e-30f, 1e-9f, 1e-6f, 1e3f}) {
      Block numbers;
      for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = scale * (static_cast<float>(i) - 15.5f);
      const Block back = through(format, numbers);
      for (size_t i = 0; i < numbers.size(); ++i)
        CHECK(std::abs(back[i] - numbers[i]) <= 15.6f / 8 * scale + 8 * 0x1p-25f);
    }
  }
}

TEST(what_is_no_number_is_not_lost) {
  for (const char* name : kFormats) {
    for (const float odd : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity(), 3e38f}) {
      Block numbers{};
      numbers[3] = odd;
      numbers[20] = 1;
      for (const float number : through(*find_format(name), numbers)) CHECK(!std::isfinite(number));
    }
  }
}

// A row that ends within a block has zeros behind it.
TEST(rows_of_any_length) {
  for (const char* name : kFormats) {
    const Format& format = *find_format(name);
    for (const int64_t cols : {1, 31, 32, 33, 100}) {
      Random random(static_cast<uint64_t>(cols));
      const auto numbers = random.reals(static_cast<size_t>(cols), 1);
      std::vector<std::byte> row(static_cast<size_t>(format.row_bytes(cols)));
      encode_row(format, numbers.data(), cols, row.data());
      std::vector<float> back(numbers.size());
      decode_row(format, row.data(), cols, back.data());
      for (size_t i = 0; i < back.size(); ++i) CHECK_NEAR(back[i], numbers[i], 0.14, 0);
    }
  }
}

}  // namespace
}  // namespace quern::test
