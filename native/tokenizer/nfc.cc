#include "tokenizer/nfc.h"

#include <algorithm>

#include "tokenizer/unicode.h"
#include "tokenizer/unicode_data.h"
#include "tokenizer/utf8.h"

namespace quern {
namespace {

// Hangul syllables compose by arithmetic: (leading, vowel) and (leading and vowel, trailing).
constexpr uint32_t kSyllables = 0xAC00, kLeading = 0x1100, kVowels = 0x1161, kTrailing = 0x11A7;
constexpr uint32_t kLeadingCount = 19, kVowelCount = 21, kTrailingCount = 28;
constexpr uint32_t kSyllableCount = kLeadingCount * kVowelCount * kTrailingCount;

uint32_t compose_hangul(uint32_t first, uint32_t second) {
  if (first - kLeading < kLeadingCount && second - kVowels < kVowelCount)
    return kSyllables + ((first - kLeading) * kVowelCount + (second - kVowels)) * kTrailingCount;
  const uint32_t syllable = first - kSyllables, trailing = second - kTrailing;
  if (syllable < kSyllableCount && syllable % kTrailingCount == 0 && trailing > 0 &&
      trailing < kTrailingCount)
    return first + trailing;
  return 0;
}

}  // namespace

const Nfc& Nfc::get() {
  static const Nfc nfc;
  return nfc;
}

Nfc::Nfc() {
  uint32_t end = 0;
  for (size_t i = 0; i + 2 < kCombiningClassRanges_count; i += 3) {
    const uint32_t first = end + kCombiningClassRanges[i];
    end = first + kCombiningClassRanges[i + 1];
    for (uint32_t c = first; c <= end; ++c)
      combining_classes_[c] = static_cast<uint8_t>(kCombiningClassRanges[i + 2]);
  }
  for (size_t i = 0; i + 2 < kCompositions_count; i += 3) {
    const uint32_t first = kCompositions[i], second = kCompositions[i + 1], composed = kCompositions[i + 2];
    compositions_[static_cast<uint64_t>(first) << 32 | second] = composed;
    decompositions_[composed] = {static_cast<char32_t>(first), static_cast<char32_t>(second)};
  }
  for (size_t i = 0; i + 3 < kDecompositions_count; i += 4) {
    std::u32string& parts = decompositions_[kDecompositions[i]];
    for (size_t j = 1; j <= 3 && kDecompositions[i + j] != 0; ++j) parts.push_back(kDecompositions[i + j]);
  }
}

std::vector<uint32_t> Nfc::unstable() const {
  std::vector<uint32_t> result;
  for (const auto& [code_point, rank] : combining_classes_) result.push_back(code_point);
  for (size_t i = 0; i + 2 < kCompositions_count; i += 3) result.push_back(kCompositions[i + 1]);
  for (size_t i = 0; i + 3 < kDecompositions_count; i += 4) result.push_back(kDecompositions[i]);
  for (uint32_t i = 0; i < kVowelCount; ++i) result.push_back(kVowels + i);
  for (uint32_t i = 1; i < kTrailingCount; ++i) result.push_back(kTrailing + i);
  return result;
}

uint8_t Nfc::combining_class(uint32_t code_point) const {
  const auto found = combining_classes_.find(code_point);
  return found == combining_classes_.end() ? 0 : found->second;
}

uint32_t Nfc::compose(uint32_t first, uint32_t second) const {
  if (const uint32_t syllable = compose_hangul(first, second)) return syllable;
  const auto found = compositions_.find(static_cast<uint64_t>(first) << 32 | second);
  return found == compositions_.end() ? 0 : found->second;
}

// Hangul syllables are left whole: what follows them can only be joined to the syllable as it is.
void Nfc::decompose(uint32_t code_point, std::u32string& out) const {
  const auto found = decompositions_.find(code_point);
  if (found == decompositions_.end()) {
    out.push_back(code_point);
    return;
  }
  for (const char32_t part : found->second) decompose(part, out);
}

void Nfc::normalize_segment(std::string_view segment, std::string& out) const {
  std::u32string text;
  for (const char* p = segment.data(); p < segment.data() + segment.size();) {
    const auto [code_point, length] = decode_code_point(p);
    decompose(code_point, text);
    p += length;
  }
  std::vector<uint8_t> ranks(text.size());
  std::transform(text.begin(), text.end(), ranks.begin(), [this](char32_t c) { return combining_class(c); });

  // Canonical order: each run of marks, stably, by class.
  std::vector<std::pair<uint8_t, char32_t>> run;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    run.clear();
    while (end < text.size() && ranks[end] != 0) run.emplace_back(ranks[end], text[end]), ++end;
    std::stable_sort(run.begin(), run.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t i = 0; i < run.size(); ++i) ranks[begin + i] = run[i].first, text[begin + i] = run[i].second;
    begin = end + 1;
  }

  // A mark joins the last starter unless one of its own class or higher, or another starter, stands between.
  std::u32string composed;
  size_t starter = text.size();  // none yet
  uint8_t last_rank = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (starter < composed.size() && (starter + 1 == composed.size() || last_rank < ranks[i])) {
      if (const uint32_t joined = compose(composed[starter], text[i])) {
        composed[starter] = joined;
        continue;
      }
    }
    if (ranks[i] == 0) starter = composed.size();
    last_rank = ranks[i];
    composed.push_back(text[i]);
  }
  for (const char32_t c : composed) append_code_point(c, out);
}

void Nfc::normalize(const UnicodeTable& table, std::string_view text, std::string& out) const {
  while (!text.empty()) {
    const size_t stable = nfc_stable_prefix(table, text);
    if (stable == text.size()) {
      out += text;
      return;
    }
    // The unstable code points and the one before them, up to the next stable one.
    const char* const begin = text.data();
    const char* const first_unstable = begin + stable;
    const char* segment = first_unstable;
    if (segment != begin) segment -= decode_code_point_before(segment).length;
    const char* end = first_unstable;
    while (end < begin + text.size()) {
      const auto [code_point, length] = decode_code_point(end);
      if (table[code_point].is_nfc_stable()) break;
      end += length;
    }
    out.append(begin, segment);
    normalize_segment({segment, static_cast<size_t>(end - segment)}, out);
    text.remove_prefix(static_cast<size_t>(end - begin));
  }
}

size_t nfc_stable_prefix(const UnicodeTable& table, std::string_view text) {
  const char* const end = text.data() + text.size();
  const char* p = text.data();
  while (p < end) {
    if (static_cast<unsigned char>(*p) < 0x80) {
      ++p;
      continue;
    }
    const auto [code_point, length] = decode_code_point(p);
    if (!table[code_point].is_nfc_stable()) break;
    p += length;
  }
  return static_cast<size_t>(p - text.data());
}

}  // namespace quern
