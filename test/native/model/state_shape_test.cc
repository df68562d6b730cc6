#include "model/state_shape.h"

#include <set>
#include <sstream>

#include "check.h"

namespace quern::test {
namespace {

// "window:layers window:layers", by group.
std::string shown(const std::vector<int>& windows) {
  std::ostringstream text;
  std::set<int> seen;
  for (const KvGroup& group : group_layers(windows)) {
    text << (seen.empty() ? "" : " ") << group.window << ':' << group.layers.size();
    for (const int layer : group.layers) {
      CHECK(seen.insert(layer).second);
      CHECK_EQ(windows[static_cast<size_t>(layer)], group.window);
    }
  }
  CHECK_EQ(seen.size(), windows.size());
  return text.str();
}

std::vector<int> alternating(int layers, int every, int window) {
  std::vector<int> windows;
  for (int i = 0; i < layers; ++i) windows.push_back((i + 1) % every == 0 ? 0 : window);
  return windows;
}

TEST(equal_layers_are_one_group) {
  CHECK_EQ(shown(std::vector<int>(36, 0)), std::string("0:36"));
  CHECK_EQ(shown(std::vector<int>(32, 4096)), std::string("4096:32"));
}

TEST(mixed_layers_make_groups_of_one_size) {
  CHECK_EQ(shown(alternating(24, 2, 128)), std::string("0:12 128:12"));
  CHECK_EQ(shown(alternating(24, 4, 512)), std::string("0:6 512:6 512:6 512:6"));
  CHECK_EQ(shown(alternating(26, 6, 512)), std::string("0:4 512:4 512:4 512:4 512:4 512:4 512:2"));
}

TEST(a_page_holds_the_largest_group) {
  const StateShape state{{Dtype::f16, 2, 64, 10}, group_layers(alternating(26, 6, 512))};
  CHECK_EQ(state.page_layers(), 4);
  CHECK_EQ(state.page_bytes(), int64_t{4} * 2 * 2 * 16 * 64 * 2);
}

}  // namespace
}  // namespace quern::test
