#pragma once
#include <algorithm>
#include <cstddef>

namespace quern {

// How far keys may lie from where a hash table with open addressing would have them. A file chooses the keys,
// and may choose those that one hash function puts together, which makes every search long: a table that goes
// over its budget is filled again with another function. The table is at most half full; then keys that
// nobody chose stay far below.
class ProbeBudget {
 public:
  static constexpr int kMostFunctions = 8;

  explicit ProbeBudget(size_t keys) : left_(8 * keys + kMostProbes) {}

  // A key lies `probes` places behind its own.
  bool spend(size_t probes) {
    const size_t before = left_;
    left_ -= std::min(left_, probes);
    return probes <= kMostProbes && probes < before;
  }

 private:
  static constexpr size_t kMostProbes = 256;
  size_t left_;
};

}  // namespace quern
