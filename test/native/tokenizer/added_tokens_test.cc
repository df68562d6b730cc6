#include "tokenizer/added_tokens.h"

#include <algorithm>
#include <cctype>
#include <random>
#include <string>

#include "check.h"
#include "linear.h"

namespace quern::test {
namespace {

struct Piece {
  std::string text;
  int32_t id;
  bool operator==(const Piece&) const = default;
};

std::vector<Piece> pieces_of(const std::vector<AddedToken>& tokens, std::string_view text) {
  const AddedTokenMatcher matcher(tokens);
  AddedTokenMatcher::Walk walk(matcher, UnicodeTable::get(), text);
  std::vector<Piece> pieces;
  for (AddedTokenMatcher::Piece piece; walk.next(piece);)
    pieces.push_back({std::string(piece.text), piece.id});
  return pieces;
}

// The reference library's AddedVocabulary::find_matches, over every place and every token, for ASCII.
std::vector<Piece> reference(const std::vector<AddedToken>& tokens, const std::string& text) {
  const auto is_word = [&](size_t i) { return std::isalnum(text[i]) || text[i] == '_'; };
  std::vector<Piece> pieces;
  size_t given = 0;
  for (size_t place = 0; place < text.size();) {
    const AddedToken* found = nullptr;
    for (const AddedToken& token : tokens) {
      if (text.compare(place, token.content.size(), token.content) != 0) continue;
      if (found == nullptr || token.content.size() > found->content.size()) found = &token;
    }
    if (found == nullptr) {
      ++place;
      continue;
    }
    size_t begin = place, end = place + found->content.size();
    place = end;
    if (found->single_word && ((begin > 0 && is_word(begin - 1)) || (end < text.size() && is_word(end))))
      continue;
    if (found->lstrip) {
      while (begin > 0 && text[begin - 1] == ' ') --begin;
      begin = std::max(begin, given);
    }
    if (found->rstrip)
      while (end < text.size() && text[end] == ' ') ++end;
    const std::string before = given < begin ? text.substr(given, begin - given) : "";
    given = end;
    if (begin < end) pieces.push_back({before, found->id});
  }
  pieces.push_back({text.substr(given), -1});
  return pieces;
}

std::string random_text(std::mt19937& random, size_t most) {
  std::string text(random() % (most + 1), ' ');
  for (char& c : text) c = "ab -"[random() % 4];
  return text;
}

TEST(random_tokens_in_random_texts) {
  std::mt19937 random(5);
  int found = 0;
  for (int run = 0; run < 20000; ++run) {
    std::vector<AddedToken> tokens;
    for (size_t n = random() % 6; tokens.size() < n;) {
      const auto flag = [&] { return random() % 3 == 0; };
      std::string content = random_text(random, 4) + "ab -"[random() % 4];
      tokens.push_back({static_cast<int32_t>(tokens.size()), content, false, flag(), flag(), flag(), false});
    }
    const std::string text = random_text(random, 30);
    const auto want = reference(tokens, text);
    CHECK_FOR(pieces_of(tokens, text) == want, text);
    found += want.size() > 1 ? 1 : 0;
  }
  CHECK(found > 8000);
}

TEST(a_token_takes_the_spaces_that_the_one_before_it_left) {
  const AddedToken left{1, "<l>", false, true, false, false, false};
  const AddedToken both{2, "<b>", false, true, true, false, false};
  CHECK(pieces_of({left, both}, "x <b>  <l> y") == (std::vector<Piece>{{"x", 2}, {"", 1}, {" y", -1}}));
  CHECK(pieces_of({left, both}, "x <l>  <b> y") == (std::vector<Piece>{{"x", 1}, {"", 2}, {"y", -1}}));
}

TEST(of_equal_tokens_the_first_counts) {
  CHECK(pieces_of({{7, "ab"}, {3, "ab"}}, "ab") == (std::vector<Piece>{{"", 7}, {"", -1}}));
}

// Texts are looked at in stretches: tokens at and across their borders, and far apart.
TEST(tokens_anywhere_in_a_long_text) {
  const std::string longest(AddedTokenMatcher::kMaxContent, 'b');
  const std::vector<AddedToken> tokens = {{0, longest}, {1, "bc"}, {2, "c"}};
  std::mt19937 random(6);
  for (const size_t border : {size_t{65536}, size_t{131072}}) {
    for (int run = 0; run < 40; ++run) {
      std::string text(border + 3000, 'a');
      const size_t at = border - longest.size() - 2 + random() % (longest.size() + 4);
      text.replace(at, longest.size(), longest);
      if (run % 2 == 0) text[at + longest.size()] = 'c';
      CHECK_FOR(pieces_of(tokens, text) == reference(tokens, text), std::to_string(at));
    }
  }
}

// ---- twice the text takes twice the time

double seconds_to_walk(const AddedTokenMatcher& matcher, const std::string& text) {
  return check::processor_seconds([&] {
    AddedTokenMatcher::Walk walk(matcher, UnicodeTable::get(), text);
    for (AddedTokenMatcher::Piece piece; walk.next(piece);) {
    }
  });
}

void check_linear(const std::vector<AddedToken>& tokens, std::string_view piece) {
  const AddedTokenMatcher matcher(tokens);
  check::linear(20'000, std::string(piece), [&](size_t size) {
    std::string text;
    while (text.size() < size) text += piece;
    return seconds_to_walk(matcher, text);
  });
}

TEST(spaces_that_swallow_spaces) {
  AddedToken space{0, " "};
  space.rstrip = true;
  check_linear({space}, " ");
  space.lstrip = true;
  check_linear({space}, " ");
  space.rstrip = false;
  check_linear({space}, " ");
  check_linear({space, {1, "x", false, true, true, false, false}}, "   x  ");
}

TEST(beginnings_of_long_tokens) {
  const std::string many_a(1023, 'a');
  check_linear({{0, many_a + 'b'}}, "a");
  check_linear({{0, 'b' + many_a}}, "a");
  check_linear({{0, "a"}, {1, many_a + 'b'}}, "a");
  check_linear({{0, "a"}, {1, 'b' + many_a}, {2, many_a + 'b'}}, "a");
}

// However much the tokens have in common: they differ in cost by a small factor from one that has nothing.
TEST(long_tokens_with_common_beginnings_and_ends) {
  std::vector<AddedToken> siblings;
  for (size_t length = 1; length < 1000; ++length) {
    for (char last = 'A'; last < 'M'; ++last) {
      siblings.push_back({0, std::string(length, 'a') + last});
      siblings.push_back({0, last + std::string(length, 'a')});
    }
  }
  const std::string text(200'000, 'a');
  const AddedTokenMatcher many(siblings), one({{0, "b"}});
  double with_many = 1e9, with_one = 1e9;
  for (int run = 0; run < 5; ++run) {
    with_many = std::min(with_many, seconds_to_walk(many, text));
    with_one = std::min(with_one, seconds_to_walk(one, text));
  }
  std::printf("     %.2f ms, a byte that is no token %.2f ms\n", 1e3 * with_many, 1e3 * with_one);
  CHECK(with_many < 200 * with_one);  // 1,000 lengths and 24 letters to tell apart
  check_linear(siblings, "a");
}

}  // namespace
}  // namespace quern::test
