#include "tokenizer/unicode.h"

#include <string>
#include <vector>

#include "check.h"
#include "core/error.h"
#include "tokenizer/nfc.h"
#include "tokenizer/pretokenizer.h"
#include "tokenizer/utf8.h"

using namespace quern;
using Kind = PretokenizerStep::Kind;
using Pieces = std::vector<std::string>;

static std::string utf8(const std::u32string& text) {
  std::string out;
  for (const char32_t c : text) append_code_point(c, out);
  return out;
}

static std::string nfc(const std::u32string& text) {
  std::string out;
  Nfc::get().normalize(UnicodeTable::get(), utf8(text), out);
  return out;
}

static Pieces pieces(PretokenizerStep step, std::string_view text) {
  Pieces result;
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p < end) {
    const char* const next = next_piece(step, UnicodeTable::get(), p, end);
    result.emplace_back(p, next);
    if (next <= p) break;
    p = next;
  }
  return result;
}

TEST(classes_of_code_points) {
  const UnicodeTable& table = UnicodeTable::get();
  CHECK(table['a'].char_class() == CharClass::kLetter && table['7'].char_class() == CharClass::kNumber);
  CHECK(table[0x3000].char_class() == CharClass::kSpace && table[0x85].char_class() == CharClass::kSpace);
  CHECK(table[0x1C].char_class() == CharClass::kOther && table[0xFEFF].char_class() == CharClass::kOther);
  CHECK(table[0x4E16].char_class() == CharClass::kLetter &&
        table[0x10FFFF].char_class() == CharClass::kOther);
  CHECK(table['_'].is_word() && !table['-'].is_word());
  CHECK(table[0x11DE0].is_numeric() && table[0x11DE0].char_class() != CharClass::kNumber);
}

TEST(nfc_composes_and_reorders) {
  CHECK_EQ(nfc(U"e\u0301"), utf8(U"\u00e9"));
  CHECK_EQ(nfc(U"\u212b\u2126"), utf8(U"\u00c5\u03a9"));
  CHECK_EQ(nfc(U"a\u0301\u0323"), utf8(U"\u1ea1\u0301"));  // the lower mark comes first
  CHECK_EQ(nfc(U"\u0301\u0323"), utf8(U"\u0323\u0301"));
  CHECK_EQ(nfc(U"\u0958"), utf8(U"\u0915\u093c"));  // excluded from composition
  CHECK_EQ(nfc(U"\u1100\u1161\u11a8"), utf8(U"\uac01"));
  CHECK_EQ(nfc(U"\uac00\u11a8\u11a8"), utf8(U"\uac01\u11a8"));
  CHECK_EQ(nfc(U"\u1e9b\u0323"), utf8(U"\u1e9b\u0323"));
  CHECK_EQ(nfc(U"x\u00e9\u0323y"), utf8(U"x\u1eb9\u0301y"));  // a composed letter is taken apart for a mark
  CHECK_EQ(nfc(U"\U00016d67\U00016d67"), utf8(U"\U00016d67\U00016d67"));  // composes since Unicode 16 only
}

TEST(utf8_is_repaired_by_maximal_subparts) {
  const std::string r(kReplacementCharacter);
  CHECK_EQ(repair_utf8("a\xFF"
                       "b"),
           "a" + r + "b");
  CHECK_EQ(repair_utf8("\xE2\x82"), r);
  CHECK_EQ(repair_utf8("\xE2\x82"
                       "a"),
           r + "a");
  CHECK_EQ(repair_utf8("\xF0\x9F\x8C\xF0\x9F\x8C\x8D"), r + "\xF0\x9F\x8C\x8D");
  CHECK_EQ(repair_utf8("\xED\xA0\x80"), r + r + r);  // a surrogate
  CHECK_EQ(repair_utf8("\xC0\x80"), r + r);          // overlong
  CHECK_EQ(repair_utf8("\xF4\x90\x80\x80"), r + r + r + r);
}

TEST(gpt2_pieces) {
  const PretokenizerStep step{Kind::kGpt2, 1};
  CHECK_EQ(pieces(step, "it's  12 x!?\n\n"), (Pieces{"it", "'s", " ", " 12", " x", "!?", "\n\n"}));
  CHECK_EQ(pieces(step, "IT'S \n a"), (Pieces{"IT", "'", "S", " \n", " a"}));
  CHECK_EQ(pieces(step, "'"), (Pieces{"'"}));
}

TEST(cl100k_pieces) {
  const PretokenizerStep one{Kind::kCl100k, 1}, three{Kind::kCl100k, 3};
  CHECK_EQ(pieces(one, "IT'LL 12\r\n\n x"), (Pieces{"IT", "'LL", " ", "1", "2", "\r\n\n", " x"}));
  CHECK_EQ(pieces(three, "1234"), (Pieces{"123", "4"}));
  CHECK_EQ(pieces(one, "'\xC5\xBFx"), (Pieces{"'\xC5\xBF", "x"}));  // the long s
  CHECK_EQ(pieces(one, "\tx \t?!\n\n y  "), (Pieces{"\tx", " ", "\t", "?!\n\n", " y", "  "}));
  CHECK_EQ(pieces(one, "a \n \n  b"), (Pieces{"a", " \n \n", " ", " b"}));
  CHECK_EQ(pieces(one, "\nx"), (Pieces{"\n", "x"}));
}

TEST(digit_pieces) {
  CHECK_EQ(pieces({Kind::kDigits, 1}, "a12 b"), (Pieces{"a", "1", "2", " b"}));
  CHECK_EQ(pieces({Kind::kDigits, 0x7FFFFFFF}, "a12 b"), (Pieces{"a", "12", " b"}));
}
