// Every form of kernels/instructions.h over the corners of its operands, against what a real GPU gave, if
// one has been recorded: instructions.txt, by `QUERN_INSTRUCTIONS_WRITE=<path> gpu.emulator.instructions`,
// which scripts/gpu.sh runs. What is approximate may be off by a few units in the last place.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "backend/cuda/device_array.h"
#include "check.h"
#include "kernels/instructions.h"
#include "numbers.h"
#include "results.h"

namespace quern::test {
namespace {

using instructions::Form;
using instructions::Operands;

constexpr int kWords = 64;
constexpr int kThreads = kWords * kWords;
constexpr int64_t kMostUnits = 4;  // that an approximate result may be off by

// Integers and floats at the ends of what they can be, and in between.
std::vector<uint32_t> corners() {
  std::vector<uint32_t> words = {
      0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x00800000, 0x80800000, 0x3f800000,
      0xbf800000, 0x3f800001, 0x3f7fffff, 0x3f000000, 0xbf000000, 0x3fc00000, 0x40200000, 0xc0200000,
      0x40490fdb, 0x4b000001, 0x4b7fffff, 0x4effffff, 0x4f000000, 0xcf000000, 0x4f800000, 0x7f7fffff,
      0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0x7fffffff, 0xffc12345, 0x7f812345, 0xffffffff,
      0x7ffffffe, 0x80000002, 0x0000001f, 0x00000020, 0x00000021, 0x0000003f, 0x00000040, 0x00ff00ff,
      0x3c003c00, 0xbc007bff, 0x7c00fc00, 0x00010400, 0x03ff8001, 0x7e003555, 0x477fe000, 0x387fc000,
      0x33800000, 0x42fe0000, 0xc3160000, 0x3f317218};
  Random random(1);
  while (words.size() < kWords) words.push_back(static_cast<uint32_t>(random.bits()));
  return words;
}

struct Inputs {
  std::vector<uint32_t> a, b, c;
};

// Every word with every other.
Inputs all_pairs() {
  const std::vector<uint32_t> words = corners();
  Inputs in;
  for (int i = 0; i < kThreads; ++i) {
    in.a.push_back(words[static_cast<size_t>(i / kWords)]);
    in.b.push_back(words[static_cast<size_t>(i % kWords)]);
    in.c.push_back(words[static_cast<size_t>((i / kWords * 7 + i % kWords * 13 + 5) % kWords)]);
  }
  return in;
}

// Halves and floats whose exponents are near each other, then far, then any word at all: what is infinite or
// no number ends all sums that it is in.
Inputs matrices() {
  Random random(2);
  Inputs in;
  const auto halves = [&](int spread) {
    uint32_t word = 0;
    for (int half = 0; half < 2; ++half) {
      const auto exponent = static_cast<uint32_t>(random.between(127 - spread, 127 + spread));
      const auto bits = static_cast<uint32_t>(random.bits());
      word = word << 16 | (bits & 0x8000) | exponent << 7 | (bits & 0x7f);
    }
    return word;
  };
  for (int i = 0; i < kThreads; ++i) {
    const int kind = i / 32 % 4, spread = kind == 0 ? 3 : kind == 1 ? 12 : 40;
    for (std::vector<uint32_t>* of : {&in.a, &in.b, &in.c})
      of->push_back(kind < 3 ? halves(spread) : static_cast<uint32_t>(random.bits()));
  }
  return in;
}

// Of every first operand: what an approximate form gave, or a hash of what came of it with every second one.
std::vector<uint32_t> summary(const Form& form, const std::vector<uint32_t>& out) {
  std::vector<uint32_t> words;
  const size_t each = out.size() / kWords;
  for (size_t i = 0; i < kWords; ++i) {
    uint32_t hash = 0x811c9dc5;  // FNV-1a
    for (size_t at = i * each; at < (i + 1) * each; ++at)
      for (int byte = 0; byte < 4; ++byte) hash = (hash ^ (out[at] >> 8 * byte & 255)) * 0x01000193;
    words.push_back(form.is_approximate ? out[i * each] : hash);
  }
  return words;
}

std::vector<uint32_t> run(const Form& form) {
  static const Inputs pairs = all_pairs(), entries = matrices();
  const Inputs& in = form.operands == Operands::words ? pairs : entries;
  const DeviceArray<uint32_t> a(in.a), b(in.b), c(in.c), out(size_t{4} * kThreads);
  form.launch(a.data(), b.data(), c.data(), out.data(), kThreads);
  must(cudaGetLastError());
  must(cudaDeviceSynchronize());
  return summary(form, out.read());
}

std::map<std::string, std::vector<uint32_t>> read_recorded() {
  std::map<std::string, std::vector<uint32_t>> recorded;
  std::ifstream file(QUERN_SOURCE_DIR "/test/native/emulator/instructions.txt");
  for (std::string line, name; std::getline(file, line);) {
    std::istringstream words(line);
    words >> name >> std::hex;
    for (uint32_t word; words >> word;) recorded[name].push_back(word);
  }
  return recorded;
}

// Floats between two, those included that are no number: these are all the same.
int64_t units_between(uint32_t a, uint32_t b) {
  const auto is_nan = [](uint32_t word) { return (word & 0x7fffffff) > 0x7f800000; };
  if (is_nan(a) || is_nan(b)) return is_nan(a) && is_nan(b) ? 0 : INT64_MAX;
  const auto place = [](uint32_t word) {
    const auto magnitude = static_cast<int64_t>(word & 0x7fffffff);
    return word >> 31 ? -magnitude : magnitude;
  };
  return std::abs(place(a) - place(b));
}

TEST(every_form_gives_what_a_gpu_gave) {
  const auto recorded = read_recorded();
  if (recorded.empty()) std::printf("     none is recorded: they are run, and compared with nothing\n");
  std::ofstream into;
  if (const char* const path = std::getenv("QUERN_INSTRUCTIONS_WRITE")) into.open(path);
  for (const Form& form : instructions::forms()) {
    std::vector<uint32_t> got;
    try {
      got = run(form);
    } catch (const std::exception& error) {
      CHECK_FOR(false, form.name + ": " + error.what());
      cudaDeviceReset();
      continue;
    }
    if (into.is_open()) {
      into << form.name << std::hex;
      for (const uint32_t word : got) into << ' ' << word;
      into << '\n';
    }
    if (recorded.empty()) continue;
    const auto found = recorded.find(form.name);
    CHECK_FOR(found != recorded.end() && found->second.size() == got.size(), form.name + " is not recorded");
    if (found == recorded.end() || found->second.size() != got.size()) continue;
    int64_t most = 0;
    std::string differing;
    const std::vector<uint32_t> words = corners();
    for (size_t i = 0; i < got.size(); ++i) {
      const int64_t units =
          form.is_approximate ? units_between(got[i], found->second[i]) : got[i] != found->second[i];
      most = std::max(most, units);
      if (units <= (form.is_approximate ? kMostUnits : 0)) continue;
      char text[64];
      std::snprintf(text, sizeof text, " [%zu, of %08x] %08x/%08x", i, words[i], got[i], found->second[i]);
      differing += text;
    }
    CHECK_FOR(differing.empty(), form.name + " differs at" + differing);
    ResultLine()
        .add("instruction", form.name)
        .add("agrees", differing.empty())
        .add("units", static_cast<double>(most))
        .write();
  }
}

}  // namespace
}  // namespace quern::test
