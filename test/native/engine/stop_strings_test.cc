#include "engine/stop_strings.h"

#include <algorithm>
#include <random>

#include "check.h"

namespace quern::test {
namespace {

struct Found {
  std::string text;
  bool stopped = false;
  int32_t which = -1;
};

// What a stop string is, looked for in the whole text at once: the first place where one ends, then the
// longest that ends there.
Found in_the_whole(const std::vector<std::string>& stops, const std::string& text) {
  for (size_t end = 1; end <= text.size(); ++end) {
    size_t longest = 0;
    for (const std::string& stop : stops) {
      if (stop.size() <= end && text.compare(end - stop.size(), stop.size(), stop) == 0)
        longest = std::max(longest, stop.size());
    }
    if (longest == 0) continue;
    const auto which = std::ranges::find(stops, text.substr(end - longest, longest)) - stops.begin();
    return {text.substr(0, end - longest), true, static_cast<int32_t>(which)};
  }
  return {text, false};
}

Found in_pieces(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopStrings matcher(stops);
  Found found;
  for (const std::string& piece : pieces) {
    found.stopped = matcher.push(piece, found.text);
    found.which = matcher.found();
    if (found.stopped) return found;
  }
  matcher.end(found.text);
  return found;
}

TEST(no_stop_strings_keep_nothing_back) {
  StopStrings matcher({});
  std::string out;
  CHECK(!matcher.push("abc", out));
  CHECK_EQ(out, std::string("abc"));
}

TEST(what_may_be_a_beginning_waits) {
  StopStrings matcher({"\nUser:"});
  std::string out;
  CHECK(!matcher.push("Hi\nUs", out));
  CHECK_EQ(out, std::string("Hi"));
  CHECK(!matcher.push("a\nUser", out));
  CHECK_EQ(out, std::string("Hi\nUsa"));
  CHECK(matcher.push(": and more", out));
  CHECK_EQ(out, std::string("Hi\nUsa"));
}

TEST(what_waited_comes_at_the_end) {
  StopStrings matcher({"###"});
  std::string out;
  CHECK(!matcher.push("a##", out));
  matcher.end(out);
  CHECK_EQ(out, std::string("a##"));
}

TEST(of_two_that_end_together_the_longest_counts) {
  CHECK_EQ(in_pieces({"c", "abc"}, {"xxa", "bc"}).text, std::string("xx"));
}

TEST(a_shorter_one_within_a_longer_one_stops_first) {
  CHECK_EQ(in_pieces({"abcd", "bc"}, {"xabcd"}).text, std::string("xa"));
}

TEST(random_texts_in_random_pieces) {
  std::mt19937 random(11);
  const auto some = [&](size_t most) {
    std::string text(random() % (most + 1), 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % 2);
    return text;
  };
  int stopped = 0;
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::string> stops;
    for (size_t n = 1 + random() % 3; n > 0; --n) stops.push_back(some(7) + 'b');
    const std::string text = some(24);
    std::vector<std::string> pieces;
    for (size_t at = 0; at < text.size();) {
      const size_t length = 1 + random() % 4;
      pieces.push_back(text.substr(at, length));
      at += length;
    }
    const Found expected = in_the_whole(stops, text), found = in_pieces(stops, pieces);
    CHECK_EQ(found.text, expected.text);
    CHECK_EQ(found.stopped, expected.stopped);
    CHECK_EQ(found.which, expected.which);
    stopped += expected.stopped ? 1 : 0;
  }
  CHECK(stopped > 1000 && stopped < 19900);
}

}  // namespace
}  // namespace quern::test
