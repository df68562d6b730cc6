// Normalization form C, with the tables of the reference library (older than the other character classes).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace quern {

class UnicodeTable;

class Nfc {
 public:
  static const Nfc& get();

  // Appends the NFC of valid UTF-8. Linear, but for the sorting of long runs of combining marks.
  void normalize(const UnicodeTable& table, std::string_view text, std::string& out) const;

  // The code points that NFC may change or join to what stands before them.
  std::vector<uint32_t> unstable() const;

 private:
  Nfc();
  void decompose(uint32_t code_point, std::u32string& out) const;
  uint32_t compose(uint32_t first, uint32_t second) const;  // 0: they do not
  uint8_t combining_class(uint32_t code_point) const;
  void normalize_segment(std::string_view segment, std::string& out) const;

  std::unordered_map<uint32_t, uint8_t> combining_classes_;      // their order, not their numbers
  std::unordered_map<uint64_t, uint32_t> compositions_;          // first << 32 | second → composed
  std::unordered_map<uint32_t, std::u32string> decompositions_;  // one step
};

// The length of the prefix of valid UTF-8 that certainly is NFC whatever follows, the last code point
// excepted.
size_t nfc_stable_prefix(const UnicodeTable& table, std::string_view text);

}  // namespace quern
