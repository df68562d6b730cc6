#include "core/format.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "golden.h"

namespace quern::test {
namespace {

// The same bits; one NaN is as good as another.
bool identical(float a, float b) {
  return std::isnan(a) ? std::isnan(b) : std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

// raw: [blocks, bytes], values: [blocks, numbers]
void check_blocks(const Format& format, const std::vector<std::byte>& raw, const std::vector<float>& values) {
  const auto numbers = static_cast<size_t>(format.numbers), bytes = static_cast<size_t>(format.bytes);
  const size_t blocks = raw.size() / bytes;
  CHECK_FOR(blocks > 0 && raw.size() == blocks * bytes, std::string(format.name));
  CHECK_FOR(values.size() == blocks * numbers, std::string(format.name));
  std::vector<float> got(numbers);
  for (size_t block = 0; block < blocks && values.size() == blocks * numbers; ++block) {
    format.decode(raw.data() + block * bytes, got.data());
    for (size_t e = 0; e < numbers; ++e)
      CHECK_FOR(identical(got[e], values[block * numbers + e]),
                std::string(format.name) + " block " + std::to_string(block) + " number " +
                    std::to_string(e) + ": " + std::to_string(got[e]));
  }
}

struct Layout {
  std::string_view name;
  int numbers, bytes;
};
constexpr Layout kInGguf[] = {
    {"Q8_0", 32, 34},   {"Q4_0", 32, 18},   {"Q4_1", 32, 20},     {"Q5_0", 32, 22},   {"Q5_1", 32, 24},
    {"MXFP4", 32, 17},  {"Q2_K", 256, 84},  {"Q3_K", 256, 110},   {"Q4_K", 256, 144}, {"Q5_K", 256, 176},
    {"Q6_K", 256, 210}, {"IQ4_NL", 32, 18}, {"IQ4_XS", 256, 136}, {"F16", 1, 2},      {"BF16", 1, 2},
};
constexpr std::string_view kElsewhere[] = {"F32", "F8_E4M3", "F8_E5M2"};

TEST(layouts) {
  for (const Layout& layout : kInGguf) {
    const Format* format = find_format(layout.name);
    CHECK_FOR(format != nullptr && format->numbers == layout.numbers && format->bytes == layout.bytes,
              std::string(layout.name));
  }
  CHECK_EQ(formats().size(), std::size(kInGguf) + std::size(kElsewhere));
  for (const Format& format : formats()) CHECK(find_format(format.name) == &format);
  for (const std::string_view name : {"", "q4_0", "Q4_", "Q4_0 ", "Q8_K", "F64"})
    CHECK_FOR(find_format(name) == nullptr, std::string(name));
}

TEST(golden_blocks) {
  const auto golden = Golden::open("models/gguf-block-vectors/blocks.safetensors");
  if (!golden) return;
  for (const Layout& layout : kInGguf) {
    const std::string name(layout.name);
    const Format* format = find_format(name);
    if (format != nullptr)
      check_blocks(*format, golden->read<std::byte>(name + ".raw"), golden->read<float>(name + ".values"));
  }
}

TEST(golden_eight_bit_floats) {
  const auto golden = Golden::open("models/unit-vectors/vectors.safetensors");
  if (!golden) return;
  std::vector<std::byte> every_byte(256);
  for (size_t i = 0; i < 256; ++i) every_byte[i] = static_cast<std::byte>(i);
  check_blocks(*find_format("F8_E4M3"), every_byte, golden->read<float>("float8_e4m3.decode"));
  check_blocks(*find_format("F8_E5M2"), every_byte, golden->read<float>("float8_e5m2.decode"));
}

// A part of the goldens that a published checkout has too: blocks, each followed by its numbers.
TEST(fixture_blocks) {
  for (const Format& format : formats()) {
    const std::string path = QUERN_SOURCE_DIR "/test/fixtures/blocks/" + std::string(format.name) + ".bin";
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> content{std::istreambuf_iterator<char>(file), {}};
    const auto numbers = static_cast<size_t>(format.numbers), bytes = static_cast<size_t>(format.bytes);
    const size_t record = bytes + numbers * sizeof(float), blocks = content.size() / record;
    CHECK_FOR(content.size() == blocks * record, path);
    std::vector<std::byte> raw(blocks * bytes);
    std::vector<float> values(blocks * numbers);
    for (size_t block = 0; block < blocks; ++block) {
      const char* from = content.data() + block * record;
      std::memcpy(raw.data() + block * bytes, from, bytes);
      std::memcpy(values.data() + block * numbers, from + bytes, numbers * sizeof(float));
    }
    check_blocks(format, raw, values);
  }
}

// Any bytes decode, at any alignment, the same each time, and nothing around the block is read or written.
TEST(random_bytes) {
  constexpr float kUntouched = 12345.0f;
  std::mt19937 random(1);
  for (const Format& format : formats()) {
    const auto numbers = static_cast<size_t>(format.numbers), bytes = static_cast<size_t>(format.bytes);
    for (size_t round = 0; round < 500; ++round) {
      const size_t before = round % 8;
      // The block ends where its memory ends: AddressSanitizer sees a read behind it.
      std::vector<std::byte> memory(before + bytes);
      for (std::byte& byte : memory) byte = static_cast<std::byte>(round == 0 ? 0xffu : random() & 0xffu);
      std::vector<float> out(numbers + 2, kUntouched), again(numbers);
      format.decode(memory.data() + before, out.data() + 1);
      CHECK_FOR(out.front() == kUntouched && out.back() == kUntouched, std::string(format.name));

      std::vector<std::byte> aligned(memory.begin() + static_cast<std::ptrdiff_t>(before), memory.end());
      format.decode(aligned.data(), again.data());
      CHECK_FOR(std::equal(again.begin(), again.end(), out.begin() + 1, identical), std::string(format.name));
    }
  }
}

// A scale that is infinite or no number reaches every number of its block.
TEST(scales_that_are_no_numbers) {
  struct Scale {
    std::string_view name;
    size_t at;
  };
  for (const auto& [name, at] : {Scale{"Q8_0", 0},
                                 {"Q4_0", 0},
                                 {"Q4_1", 0},
                                 {"Q4_1", 2},
                                 {"Q5_0", 0},
                                 {"Q5_1", 0},
                                 {"Q5_1", 2},
                                 {"IQ4_NL", 0},
                                 {"Q2_K", 80},
                                 {"Q2_K", 82},
                                 {"Q3_K", 108},
                                 {"Q4_K", 0},
                                 {"Q4_K", 2},
                                 {"Q5_K", 0},
                                 {"Q5_K", 2},
                                 {"Q6_K", 208},
                                 {"IQ4_XS", 0}}) {
    const Format* format = find_format(name);
    for (const unsigned upper : {0x7cu, 0x7eu, 0xfcu}) {
      std::vector<std::byte> block(static_cast<size_t>(format->bytes));
      block[at + 1] = static_cast<std::byte>(upper);
      std::vector<float> out(static_cast<size_t>(format->numbers));
      format->decode(block.data(), out.data());
      for (const float value : out) CHECK_FOR(!std::isfinite(value), std::string(name));
    }
  }
}

}  // namespace
}  // namespace quern::test
