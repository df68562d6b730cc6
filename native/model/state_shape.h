#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "backend/backend.h"

namespace quern {

// Which of the positions before it a row sees.
struct Sight {
  int window = 0;  // the last, its own included; 0: all
  int sinks = 0;   // with a window: the first too
  // From a number alone, since most have no sinks.
  constexpr Sight(int last = 0, int first = 0) : window(last), sinks(first) {}
};

// Layers whose keys and values are kept for equally long.
struct KvGroup {
  int window = 0;  // see Sight
  std::vector<int> layers;
};

// What a decoder keeps of a sequence between steps. A page holds the keys and values of kPagePositions
// positions for the layers of one group. All pages are of one size, that of the largest group, so that one
// pool serves all.
struct StateShape {
  KvShape kv;  // of one layer, and how many pages there are
  std::vector<KvGroup> groups;
  int sinks = 0;  // that windows have beside them

  int page_layers() const;            // that a page has room for
  int64_t page_bytes() const;         // keys and values
  std::vector<Sight> sights() const;  // [groups]
};

// Cuts layers with these windows into groups that waste little of a page. Layers of one kind may make several
// groups.
std::vector<KvGroup> group_layers(std::span<const int> windows);

}  // namespace quern
