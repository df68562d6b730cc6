#include "tokenizer/pretokenizer.h"

#include "tokenizer/utf8.h"

namespace quern {
namespace {

struct Char {
  CharClass char_class;
  int length;  // 0 at the end of the text
  bool operator==(CharClass other) const { return length > 0 && char_class == other; }
};

// Reads the classes of one piece's characters.
class Scanner {
 public:
  Scanner(const UnicodeTable& table, const char* end) : table_(table), end_(end) {}

  Char at(const char* p) const {
    if (p >= end_) return {CharClass::kOther, 0};
    const auto byte = static_cast<unsigned char>(*p);
    if (byte < 0x80) return {table_.ascii(byte).char_class(), 1};
    const auto [code_point, length] = decode_code_point(p);
    return {table_[code_point].char_class(), length};
  }

  const char* skip(CharClass char_class, const char* p) const {
    for (Char c = at(p); c == char_class; c = at(p)) p += c.length;
    return p;
  }

  const char* skip(CharClass char_class, const char* p, int32_t most) const {
    for (Char c = at(p); most > 0 && c == char_class; c = at(p), --most) p += c.length;
    return p;
  }

  bool is_newline(const char* p) const { return p < end_ && (*p == '\r' || *p == '\n'); }

  // The end of 's 't 're 've 'm 'll 'd at p, where an apostrophe stands; or p.
  const char* skip_contraction(const char* p, bool ignore_case) const {
    const auto letter = [&](int i) -> char {
      if (end_ - p <= i) return 0;
      return ignore_case && p[i] >= 'A' && p[i] <= 'Z' ? static_cast<char>(p[i] | 0x20) : p[i];
    };
    switch (letter(1)) {
      case 's':
      case 't':
      case 'm':
      case 'd':
        return p + 2;
      case 'r':
      case 'v':
        return letter(2) == 'e' ? p + 3 : p;
      case 'l':
        return letter(2) == 'l' ? p + 3 : p;
      case '\xC5':  // U+017F, the long s, which is an s when case is ignored
        return ignore_case && letter(2) == '\xBF' ? p + 3 : p;
      default:
        return p;
    }
  }

  // \s+(?!\S)|\s+ where a space stands: a run leaves its last space to the word that follows.
  const char* skip_spaces(const char* p) const {
    const char* last = p;
    const char* run = p;
    for (Char c = at(run); c == CharClass::kSpace; c = at(run)) {
      last = run;
      run += c.length;
    }
    return run == end_ || last == p ? run : last;
  }

 private:
  const UnicodeTable& table_;
  const char* const end_;
};

const char* next_gpt2(const Scanner& scan, const char* p) {
  if (*p == '\'') {
    if (const char* q = scan.skip_contraction(p, false); q != p) return q;
  }
  const char* const word = *p == ' ' ? p + 1 : p;
  const Char first = scan.at(word);
  if (first.length > 0 && first.char_class != CharClass::kSpace)
    return scan.skip(first.char_class, word + first.length);
  return scan.skip_spaces(p);
}

const char* next_cl100k(const Scanner& scan, const char* p, int32_t max_digits) {
  if (*p == '\'') {
    if (const char* q = scan.skip_contraction(p, true); q != p) return q;
  }
  const Char first = scan.at(p);
  if (first == CharClass::kLetter) return scan.skip(CharClass::kLetter, p + first.length);
  if (first == CharClass::kNumber) return scan.skip(CharClass::kNumber, p, max_digits);
  const Char second = scan.at(p + first.length);
  if (second == CharClass::kLetter && !scan.is_newline(p))
    return scan.skip(CharClass::kLetter, p + first.length + second.length);
  const bool spaced = *p == ' ' && second == CharClass::kOther;
  if (first == CharClass::kOther || spaced) {
    p = scan.skip(CharClass::kOther, spaced ? p + 1 : p);
    while (scan.is_newline(p)) ++p;
    return p;
  }
  // \s*[\r\n]+ reaches to the last line break of the run.
  const char* after_newline = nullptr;
  const char* run = p;
  for (Char c = first; c == CharClass::kSpace; c = scan.at(run)) {
    const bool newline = scan.is_newline(run);
    run += c.length;
    if (newline) after_newline = run;
  }
  return after_newline != nullptr ? after_newline : scan.skip_spaces(p);
}

const char* next_digits(const UnicodeTable& table, const char* p, const char* end, int64_t most) {
  bool numeric = false;
  for (const char* q = p;; --most) {
    if (q == end) return q;
    const auto [code_point, length] = decode_code_point(q);
    if (q == p)
      numeric = table[code_point].is_numeric();
    else if (table[code_point].is_numeric() != numeric || (numeric && most <= 0))
      return q;
    q += length;
  }
}

}  // namespace

const char* next_piece(const PretokenizerStep& step, const UnicodeTable& table, const char* p,
                       const char* end) {
  switch (step.kind) {
    case PretokenizerStep::Kind::kGpt2:
      return next_gpt2(Scanner(table, end), p);
    case PretokenizerStep::Kind::kCl100k:
      return next_cl100k(Scanner(table, end), p, step.max_digits);
    case PretokenizerStep::Kind::kDigits:
      return next_digits(table, p, end, step.max_digits);
  }
  return end;
}

}  // namespace quern
