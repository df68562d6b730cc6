// The layout: a wrapper {magic, version, data} points at a header {magic, version, header bytes, bytes of all
// entries}, which entries follow, each {kind, version, header bytes, payload bytes …} and its payload. Of PTX
// the target is read in the text itself.
#include "emulator/fat_binary.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "emulator/asked.h"

namespace quern::emulator {
namespace {

constexpr uint32_t kWrapperMagic = 0x466243b1, kBinaryMagic = 0xba55ed50;
constexpr uint16_t kPtx = 1;

struct Wrapper {
  uint32_t magic, version;
  const char* data;
  const void* unused;
};
struct Header {
  uint32_t magic;
  uint16_t version, header_bytes;
  uint64_t bytes;
};
struct Entry {
  uint16_t kind, version;
  uint32_t header_bytes;
  uint64_t payload_bytes;
};

template <typename T>
T read(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

Architecture parse(std::string_view text) {
  Architecture parsed{0, false};
  size_t at = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; at++) {
    parsed.number = parsed.number * 10 + (text[at] - '0');
  }
  parsed.is_exact = at < text.size() && (text[at] == 'a' || text[at] == 'f');
  return parsed;
}

Architecture target_of(std::string_view ptx) {
  constexpr std::string_view kTarget = ".target sm_";
  const size_t at = ptx.find(kTarget);
  return at == std::string_view::npos ? Architecture{0, false} : parse(ptx.substr(at + kTarget.size()));
}

}  // namespace

Architecture architecture() {
  constexpr const char* kVariable = "QUERN_EMULATOR_ARCH";
  const std::string_view text = asked_text(kVariable);
  if (text.empty()) return {};
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view rest = text.substr(digits);
  if (digits < 2 || digits > 3 || text[0] == '0' || !(rest.empty() || rest == "a" || rest == "f"))
    refuse_asked(kVariable, "a compute capability such as 80, 86, 90a or 120");
  return parse(text);
}

std::string ptx_of(const void* wrapper_at) {
  const auto wrapper = read<Wrapper>(static_cast<const char*>(wrapper_at));
  const auto header = wrapper.magic == kWrapperMagic ? read<Header>(wrapper.data) : Header{};
  if (header.magic != kBinaryMagic) throw std::runtime_error("what was registered is no fat binary of nvcc");
  const Architecture device = architecture();
  std::string_view best;
  bool has_compressed = false;
  const char* at = wrapper.data + header.header_bytes;
  const char* end = at + header.bytes;
  while (at + sizeof(Entry) <= end) {
    const auto entry = read<Entry>(at);
    std::string_view text(at + entry.header_bytes, entry.payload_bytes);
    at += entry.header_bytes + entry.payload_bytes;
    if (entry.kind != kPtx) continue;
    if (text.find(".version") == std::string_view::npos) {
      has_compressed = true;
      continue;
    }
    text = text.substr(0, text.find('\0'));
    const Architecture target = target_of(text);
    const bool fits =
        target.is_exact ? device.is_exact && target.number == device.number : target.number <= device.number;
    if (fits && (best.empty() || target.number > target_of(best).number ||
                 (target.number == target_of(best).number && target.is_exact))) {
      best = text;
    }
  }
  if (!best.empty()) return std::string(best);
  const std::string name = "sm_" + std::to_string(device.number) + (device.is_exact ? "a" : "");
  throw std::runtime_error(
      has_compressed ? "the PTX in this object is compressed: build it with nvcc --no-compress"
                     : "no PTX for " + name + " in this object: build it with -gencode=…,code=compute_80");
}

}  // namespace quern::emulator
