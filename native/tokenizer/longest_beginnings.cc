#include "tokenizer/longest_beginnings.h"

#include <algorithm>
#include <numeric>
#include <string>

namespace quern {

LongestBeginnings::LongestBeginnings(const std::vector<std::string_view>& strings) {
  std::vector<std::string> backwards;
  for (const std::string_view string : strings) {
    backwards.emplace_back(string.rbegin(), string.rend());
    longest_ = std::max(longest_, string.size());
  }
  build_states(backwards);
  link_states();
}

// The trie of the strings, level by level: each state is a range of the sorted strings, which begin alike.
void LongestBeginnings::build_states(const std::vector<std::string>& strings) {
  struct Range {
    size_t begin, end, depth;
  };
  std::vector<int32_t> order(strings.size());
  std::iota(order.begin(), order.end(), 0);
  const auto string = [&](size_t place) -> const std::string& {
    return strings[static_cast<size_t>(order[place])];
  };
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return strings[static_cast<size_t>(a)] < strings[static_cast<size_t>(b)];
  });
  std::vector<Range> ranges = {{0, order.size(), 0}};
  byte_ = {0};
  for (size_t state = 0; state < ranges.size(); ++state) {
    auto [at, end, depth] = ranges[state];
    string_.push_back(at < end && string(at).size() == depth ? order[at] : -1);
    while (at < end && string(at).size() == depth) ++at;
    first_child_.push_back(static_cast<int32_t>(ranges.size()));
    while (at < end) {
      const char byte = string(at)[depth];
      const size_t begin = at;
      while (at < end && string(at)[depth] == byte) ++at;
      ranges.push_back({begin, at, depth + 1});
      byte_.push_back(static_cast<unsigned char>(byte));
    }
  }
  first_child_.push_back(static_cast<int32_t>(ranges.size()));
}

void LongestBeginnings::link_states() {
  for (int32_t state = first_child_[0]; state < first_child_[1]; ++state)
    first_step_[byte_[static_cast<size_t>(state)]] = state;
  failure_.assign(byte_.size(), kRoot);
  for (size_t parent = 0; parent < byte_.size(); ++parent) {
    for (int32_t i = first_child_[parent]; i < first_child_[parent + 1]; ++i) {
      const auto state = static_cast<size_t>(i);
      if (parent != kRoot) failure_[state] = step(failure_[parent], byte_[state]);
      if (string_[state] < 0) string_[state] = string_[static_cast<size_t>(failure_[state])];
    }
  }
}

int32_t LongestBeginnings::child(int32_t state, unsigned char byte) const {
  const auto begin = byte_.begin() + first_child_[static_cast<size_t>(state)];
  const auto end = byte_.begin() + first_child_[static_cast<size_t>(state) + 1];
  const auto found = std::lower_bound(begin, end, byte);
  return found != end && *found == byte ? static_cast<int32_t>(found - byte_.begin()) : kRoot;
}

int32_t LongestBeginnings::step(int32_t state, unsigned char byte) const {
  for (; state != kRoot; state = failure_[static_cast<size_t>(state)])
    if (const int32_t next = child(state, byte); next != kRoot) return next;
  return first_step_[byte];
}

void LongestBeginnings::find(std::string_view text, size_t from, size_t to, std::vector<Found>& found) const {
  int32_t state = kRoot;
  for (size_t i = std::min(text.size(), to + longest_); i-- > from;) {
    state = step(state, static_cast<unsigned char>(text[i]));
    if (const int32_t string = string_[static_cast<size_t>(state)]; string >= 0 && i < to)
      found.push_back({i, string});
  }
}

}  // namespace quern
