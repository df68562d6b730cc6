#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quern {

// Finds the first of some strings in a text that comes in pieces, and keeps back what may be the beginning of
// one: so neither a stop string nor a part of it gets out, however the pieces are cut. Knuth, Morris and
// Pratt's automaton (1977) for each string: every byte is looked at once.
class StopStrings {
 public:
  // Strings that are not empty, in UTF-8.
  explicit StopStrings(const std::vector<std::string>& strings);

  // Appends to `out` what is certain to stand before any stop string. True: one is complete; it and all that
  // follows it are left out, and nothing more may come. Of several that end at the same place, the longest
  // counts.
  bool push(std::string_view text, std::string& out);
  // Which of them was complete: its place among the strings, the first of equal ones; -1: none yet.
  int32_t found() const { return found_; }
  // Appends what was kept back: no stop string comes any more.
  void end(std::string& out);

 private:
  struct Pattern {
    std::string text;
    std::vector<size_t>
        border;          // border[n]: the longest proper prefix of the first n bytes that also ends them
    size_t matched = 0;  // how many of its first bytes the text so far ends with

    void advance(char byte);
  };
  std::vector<Pattern> patterns_;
  std::string kept_;  // the end of the text that is the beginning of a pattern
  int32_t found_ = -1;
};

}  // namespace quern
