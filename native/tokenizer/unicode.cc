#include "tokenizer/unicode.h"

#include <cstddef>
#include <map>
#include <string>

#include "tokenizer/nfc.h"
#include "tokenizer/unicode_data.h"

namespace quern {
namespace {

constexpr uint32_t kCodePoints = 0x110000;

void mark(std::vector<uint8_t>& all, const uint32_t* ranges, size_t count, uint8_t bits) {
  uint32_t end = 0;
  for (size_t i = 0; i + 1 < count; i += 2) {
    const uint32_t first = end + ranges[i];
    end = first + ranges[i + 1];
    for (uint32_t c = first; c <= end; ++c) all[c] |= bits;
  }
}

}  // namespace

const UnicodeTable& UnicodeTable::get() {
  static const UnicodeTable table;
  return table;
}

UnicodeTable::UnicodeTable() {
  std::vector<uint8_t> all(kCodePoints, 0);
  mark(all, kLetterRanges, kLetterRanges_count, static_cast<uint8_t>(CharClass::kLetter));
  mark(all, kNumberRanges, kNumberRanges_count, static_cast<uint8_t>(CharClass::kNumber));
  mark(all, kSpaceRanges, kSpaceRanges_count, static_cast<uint8_t>(CharClass::kSpace));
  mark(all, kNumericRanges, kNumericRanges_count, CodePointProperties::kNumeric);
  mark(all, kWordRanges, kWordRanges_count, CodePointProperties::kWord);
  for (const uint32_t code_point : Nfc::get().unstable()) all[code_point] |= CodePointProperties::kUnstable;

  index_.resize(kCodePoints / kBlock);
  std::map<std::string, uint16_t> known;
  for (size_t i = 0; i < index_.size(); ++i) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(i * kBlock);
    const auto [entry, is_new] =
        known.try_emplace(std::string(begin, begin + kBlock), static_cast<uint16_t>(known.size()));
    if (is_new) blocks_.insert(blocks_.end(), begin, begin + kBlock);
    index_[i] = entry->second;
  }
}

}  // namespace quern
