#include "model/state_shape.h"

#include <algorithm>
#include <map>

namespace quern {

namespace {
constexpr size_t kMostGroups = 8;  // each has a page table for every sequence
}

int StateShape::page_layers() const {
  size_t most = 0;
  for (const KvGroup& group : groups) most = std::max(most, group.layers.size());
  return static_cast<int>(most);
}

int64_t StateShape::page_bytes() const {
  return 2 * page_layers() * kv.page_bytes();
}

std::vector<Sight> StateShape::sights() const {
  std::vector<Sight> sights;
  for (const KvGroup& group : groups) sights.emplace_back(group.window, group.window > 0 ? sinks : 0);
  return sights;
}

// With n_k layers of kind k and m layers a page, a position takes sum over k of ceil(n_k / m) * m of them.
// The least of these counts; of equal ones the fewest groups.
std::vector<KvGroup> group_layers(std::span<const int> windows) {
  std::map<int, std::vector<int>> kinds;  // by window
  for (size_t layer = 0; layer < windows.size(); ++layer)
    kinds[windows[layer]].push_back(static_cast<int>(layer));
  const auto groups_of = [&](size_t m) {
    size_t count = 0;
    for (const auto& [window, layers] : kinds) count += (layers.size() + m - 1) / m;
    return count;
  };
  size_t best = windows.size();
  for (size_t m = windows.size(); m > 0; --m)
    if (groups_of(m) <= std::max(kMostGroups, kinds.size()) && groups_of(m) * m < groups_of(best) * best)
      best = m;
  std::vector<KvGroup> groups;
  for (const auto& [window, layers] : kinds) {
    for (size_t first = 0; first < layers.size(); first += best) {
      const size_t end = std::min(first + best, layers.size());
      groups.push_back(
          {window,
           {layers.begin() + static_cast<int64_t>(first), layers.begin() + static_cast<int64_t>(end)}});
    }
  }
  return groups;
}

}  // namespace quern
