// Which PTX of a fat binary a computed GPU takes. The binaries are made here, of the layout that nvcc 13
// writes.
#include "emulator/fat_binary.h"

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "check.h"

using namespace quern::emulator;

namespace {

struct Wrapper {
  uint32_t magic = 0x466243b1, version = 1;
  const void* data = nullptr;
  const void* unused = nullptr;
};

// What ptx_of answers for these payloads; a text without ".version" stands for compressed PTX.
std::string taken(const char* arch, const std::vector<std::string>& payloads, uint16_t kind = 1) {
  std::vector<char> bytes;
  const auto put = [&](auto value) {
    const auto* from = reinterpret_cast<const char*>(&value);
    bytes.insert(bytes.end(), from, from + sizeof value);
  };
  put(uint32_t{0xba55ed50});
  put(uint16_t{1});
  put(uint16_t{16});
  put(uint64_t{0});  // the length, below
  for (std::string payload : payloads) {
    payload.resize((payload.size() + 8) / 8 * 8);  // zeros behind it
    put(kind);
    put(uint16_t{0x101});
    put(uint32_t{64});
    put(uint64_t{payload.size()});
    bytes.resize(bytes.size() + 48);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
  }
  *reinterpret_cast<uint64_t*>(bytes.data() + 8) = bytes.size() - 16;
  Wrapper wrapper;
  wrapper.data = bytes.data();
  setenv("QUERN_EMULATOR_ARCH", arch, 1);
  try {
    return ptx_of(&wrapper);
  } catch (const std::runtime_error& error) {
    return std::string("error: ") + error.what();
  }
}

std::string ptx(const std::string& target) {
  return ".version 9.0\n.target sm_" + target + "\n";
}

}  // namespace

TEST(the_highest_ptx_that_the_device_has_is_taken) {
  const std::vector<std::string> all = {ptx("75"), ptx("90a"), ptx("80"), ptx("90"), ptx("100")};
  CHECK_EQ(taken("80", all), ptx("80"));
  CHECK_EQ(taken("", all), ptx("80"));
  CHECK_EQ(taken("86", all), ptx("80"));
  CHECK_EQ(taken("90", all), ptx("90"));
  CHECK_EQ(taken("90a", all), ptx("90a"));
  CHECK_EQ(taken("120", all), ptx("100"));
}

TEST(what_cannot_be_read_says_why_and_what_to_do) {
  const auto says = [](const std::string& text, const char* part) {
    CHECK_FOR(text.find("error: ") == 0 && text.find(part) != std::string::npos, text);
  };
  says(taken("80", {"\x28\xb5\x2f\xfd compressed"}), "--no-compress");
  says(taken("70", {ptx("80")}), "no PTX for sm_70");
  says(taken("80", {ptx("90a")}), "no PTX for sm_80");
  says(taken("80", {ptx("80")}, 2), "no PTX for sm_80");  // machine code alone
  Wrapper wrong;
  wrong.magic = 1;
  try {
    ptx_of(&wrong);
    CHECK(false);
  } catch (const std::runtime_error&) {
  }
}
