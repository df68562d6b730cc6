#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quern {

// The longest of some strings that begins at each place of a text. Text and strings are read backwards, by
// Aho and Corasick's automaton (1975): after a byte, its state is the longest piece from there on that ends
// one of the strings, and so knows which whole string begins there. A byte of text costs a step, however long
// the strings are and however much they have in common.
class LongestBeginnings {
 public:
  struct Found {
    size_t begin;
    int32_t string;
  };

  // Strings that are not empty; of equal ones the first is found.
  explicit LongestBeginnings(const std::vector<std::string_view>& strings);

  // Appends what begins in [from, to) of the text, the last first. Each may reach behind `to`.
  void find(std::string_view text, size_t from, size_t to, std::vector<Found>& found) const;

 private:
  static constexpr int32_t kRoot = 0;

  void build_states(const std::vector<std::string>& backwards);
  void link_states();
  int32_t child(int32_t state, unsigned char byte) const;  // kRoot: none
  int32_t step(int32_t state, unsigned char byte) const;

  size_t longest_ = 0;  // string, in bytes
  // By state, in order of depth, so that the children of a state lie together, in order of their bytes.
  std::vector<int32_t> first_child_;  // and one more, where the last one's children end
  std::vector<unsigned char> byte_;   // that leads to it
  std::vector<int32_t> failure_;      // the longest other state that ends it
  std::vector<int32_t> string_;       // the longest string that begins there, -1: none
  std::array<int32_t, 256> first_step_{};
};

}  // namespace quern
