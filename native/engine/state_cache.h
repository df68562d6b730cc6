#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "engine/prefix_tree.h"
#include "model/state_shape.h"

namespace quern {

// What a sequence keeps between steps. All tables have the same length.
struct SequenceState {
  int32_t variant = 0;  // of the rotary angles: sequences of other variants share no pages
  // [groups]: the page of position p is tables[group][p / kPagePositions]; PrefixTree::kNone where the
  // group's window has passed it.
  std::vector<std::vector<int32_t>> tables;
  std::vector<size_t> passed;  // [groups]: where in a table those end that are
  // The nodes of the first pages: those that are full, and whose steps were collected.
  std::vector<int32_t> known;
  int64_t held = 0;  // pages

  size_t pages() const { return tables.empty() ? 0 : tables.front().size(); }
  // What page `index` follows; kNone: something that is not known yet.
  int32_t parent(size_t index) const {
    if (index > known.size()) return PrefixTree::kNone;
    return index == 0 ? PrefixTree::root(variant) : known[index - 1];
  }
};

// Pages that a sequence of `length` positions holds at most, where steps have `rows` of it. sights: [groups]
int64_t pages_needed(std::span<const Sight> sights, int64_t length, int rows);

// The states of all sequences, over the pages of one cache. A group of layers (StateShape) sees all positions
// before a row, or those of its window and the sinks; a page that no later row sees is let go.
class StateCache {
 public:
  // sights: [groups]
  StateCache(std::vector<Sight> sights, int64_t pages);

  int64_t total() const { return tree_.total(); }
  int64_t in_use() const { return tree_.in_use(); }
  int64_t free() const { return tree_.free(); }
  int64_t cached() const { return tree_.cached(); }
  int64_t nodes() const { return tree_.nodes(); }
  bool has_windows() const { return has_windows_; }

  // See pages_needed. Any thread may ask.
  int64_t needed(int64_t length, int rows) const { return pages_needed(sights_, length, rows); }
  // The longest sequence that fits, in steps of one row; at most `most`.
  int64_t longest(int64_t most) const;

  // Goes on from the known pages of `state` as far as those after them are known too: all that is seen of
  // them by rows from there on, or from `position` on if that is further. Pages that were begun are let go
  // for that. False: not at all.
  bool advance(SequenceState& state, std::span<const int32_t> tokens, PageOrigin origin,
               int64_t position = 0);

  // Adds pages until the tables hold `positions`, or none: then returns false.
  bool reach(SequenceState& state, int64_t positions);

  // All positions below `end` are computed: full pages are known from now on, by their tokens; and of what
  // follows the rows there is none that sees the pages that a window has passed.
  void computed(SequenceState& state, std::span<const int32_t> tokens, int32_t end);

  // Pages that are not computed, but come from elsewhere: adds those of the next kPagePositions positions,
  // one of each group that a row at `position` sees there. False: there is no room.
  bool make_room(SequenceState& state, int64_t position);
  // They have come. `state` has no other pages that are not known.
  void brought(SequenceState& state, std::span<const int32_t> tokens, PageOrigin origin);

  // How many of a group's first `count` pages rows from `position` on see.
  size_t seen(size_t group, size_t count, int64_t position) const;
  size_t groups() const { return sights_.size(); }

  // Lets go of everything.
  void release(SequenceState& state);

  // Pages that nobody would hold if these states were released.
  int64_t held_by(std::span<const SequenceState* const> states) const;

 private:
  // The pages of a group that no row from a position on sees: [begin, end) of its table.
  struct Passed {
    size_t begin, end;
    bool has(size_t index) const { return index >= begin && index < end; }
  };
  Passed passed_at(size_t group, int64_t position) const;
  size_t usable(const SequenceState& state, int64_t position) const;
  void begin(SequenceState& state) const;
  void cut(SequenceState& state, size_t keep);
  void pass(SequenceState& state, int64_t position);
  void learn(SequenceState& state, std::span<const int32_t> tokens, PageOrigin origin);

  std::vector<Sight> sights_;
  bool has_windows_;
  PrefixTree tree_;
  std::vector<int32_t> path_, taken_;  // kept for their memory
  std::vector<int32_t*> entries_;      // [groups]
};

}  // namespace quern
