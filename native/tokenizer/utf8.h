// Reading, writing and repairing UTF-8. Bytes that are no UTF-8 become one U+FFFD per maximal subpart, as
// WHATWG's decoder and Rust's from_utf8_lossy do.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace quern {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

struct DecodedCodePoint {
  uint32_t value;
  int length;  // bytes
};

// The code point at p. The text must be valid UTF-8.
inline DecodedCodePoint decode_code_point(const char* p) {
  const auto byte = [p](int i) { return static_cast<uint32_t>(static_cast<unsigned char>(p[i])); };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (lead < 0xF0) return {(lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

// The code point that ends before p. The text must be valid UTF-8, and p not its start.
inline DecodedCodePoint decode_code_point_before(const char* p) {
  const char* start = p - 1;
  while ((static_cast<unsigned char>(*start) & 0xC0) == 0x80) --start;
  return decode_code_point(start);
}

void append_code_point(uint32_t code_point, std::string& out);

bool is_valid_utf8(std::string_view text);

// Appends bytes as valid UTF-8. They may come in any pieces: the first bytes of a character wait (at most 3)
// for the rest.
class Utf8Assembler {
 public:
  void push(std::string_view bytes, std::string& out);
  // No more bytes will come: a waiting beginning becomes U+FFFD.
  void end(std::string& out);

 private:
  char tail_[4] = {};
  int tail_size_ = 0;
};

// All the text at once.
std::string repair_utf8(std::string_view text);

}  // namespace quern
