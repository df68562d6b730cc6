// What the tokenizers ask of a code point, in one byte from a two-stage table.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace quern {

// The classes of the pre-tokenizers' patterns. They exclude each other.
enum class CharClass : uint8_t { kOther = 0, kLetter = 1, kNumber = 2, kSpace = 3 };

class CodePointProperties {
 public:
  explicit CodePointProperties(uint8_t bits) : bits_(bits) {}

  CharClass char_class() const { return static_cast<CharClass>(bits_ & kClassMask); }
  bool is_numeric() const { return bits_ & kNumeric; }         // to the Digits step
  bool is_word() const { return bits_ & kWord; }               // \w
  bool is_nfc_stable() const { return !(bits_ & kUnstable); }  // NFC keeps it and can cut the text before it

  static constexpr uint8_t kClassMask = 3, kNumeric = 4, kWord = 8, kUnstable = 16;

 private:
  uint8_t bits_;
};

class UnicodeTable {
 public:
  // Built at the first call (a few milliseconds), then shared.
  static const UnicodeTable& get();

  CodePointProperties operator[](uint32_t code_point) const {
    return CodePointProperties(
        blocks_[static_cast<size_t>(index_[code_point / kBlock]) * kBlock + code_point % kBlock]);
  }
  // The first block holds ASCII.
  CodePointProperties ascii(unsigned char byte) const { return CodePointProperties(blocks_[byte]); }

 private:
  UnicodeTable();

  static constexpr uint32_t kBlock = 128;
  std::vector<uint16_t> index_;  // [0x110000 / kBlock]
  std::vector<uint8_t> blocks_;  // equal blocks are stored once
};

}  // namespace quern
