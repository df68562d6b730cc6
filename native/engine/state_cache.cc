#include "engine/state_cache.h"

#include <algorithm>

#include "core/error.h"

namespace quern {

namespace {
constexpr int32_t kNone = PrefixTree::kNone;

int64_t pages_for(int64_t positions) {
  return (positions + kPagePositions - 1) / kPagePositions;
}
}  // namespace

// The rows of a step and what the first of them sees lie in one page more than their number fills, where they
// begin within a page.
int64_t pages_needed(std::span<const Sight> sights, int64_t length, int rows) {
  int64_t pages = 0;
  for (const auto& [window, sinks] : sights) {
    const int64_t all = pages_for(length);
    pages += window == 0 ? all : std::min(all, pages_for(int64_t{window} - 1 + rows) + 1 + pages_for(sinks));
  }
  return pages;
}

StateCache::StateCache(std::vector<Sight> sights, int64_t pages)
    : sights_(std::move(sights)),
      has_windows_(std::ranges::any_of(sights_, [](const Sight& sight) { return sight.window > 0; })),
      tree_(static_cast<int>(sights_.size()), pages),
      entries_(sights_.size()) {}

// A row at `position` sees itself and the window - 1 positions before it, and the sinks.
StateCache::Passed StateCache::passed_at(size_t group, int64_t position) const {
  const auto [window, sinks] = sights_[group];
  if (window == 0 || position < window) return {0, 0};
  const auto begin = static_cast<size_t>(pages_for(sinks));
  return {begin, std::max(begin, static_cast<size_t>((position - window + 1) / kPagePositions))};
}

size_t StateCache::seen(size_t group, size_t count, int64_t position) const {
  const auto [begin, end] = passed_at(group, position);
  return std::min(count, begin) + std::max(count, end) - end;
}

int64_t StateCache::longest(int64_t most) const {
  int64_t fits = 0, too_long = most + 1;
  while (fits + 1 < too_long) {
    const int64_t middle = fits + (too_long - fits) / 2;
    (needed(middle, 1) <= total() ? fits : too_long) = middle;
  }
  return fits;
}

bool StateCache::advance(SequenceState& state, std::span<const int32_t> tokens, PageOrigin origin,
                         int64_t position) {
  const size_t from = state.known.size(), most = tokens.size() / kPagePositions;
  path_.clear();
  int32_t node = state.parent(from);
  while (from + path_.size() < most) {
    node = tree_.find(node, &tokens[(from + path_.size()) * kPagePositions], origin);
    if (node == kNone) break;
    path_.push_back(node);
  }
  const size_t count = usable(state, position);
  if (count == 0) return false;
  cut(state, from);
  begin(state);
  position = std::max(position, static_cast<int64_t>((from + count) * kPagePositions));
  for (size_t i = 0; i < count; ++i) {
    state.known.push_back(path_[i]);
    tree_.hold_node(path_[i]);
  }
  for (size_t group = 0; group < sights_.size(); ++group) {
    const Passed passed = passed_at(group, position);
    for (size_t i = 0; i < count; ++i) {
      const int32_t page = passed.has(from + i) ? kNone : tree_.page(path_[i], static_cast<int>(group));
      state.tables[group].push_back(page);
      if (page == kNone) continue;
      tree_.hold_page(page);
      ++state.held;
    }
  }
  pass(state, position);
  return true;
}

// How much of path_ can be gone on from: to where every group has all pages that are seen. Where one lacks,
// all ends behind it that see it are spoiled, so the next to look at is just before it.
size_t StateCache::usable(const SequenceState& state, int64_t position) const {
  const size_t from = state.known.size();
  const auto lacking = [&](size_t group, size_t count) {  // its place in path_, or count
    const auto end = std::max(position, static_cast<int64_t>((from + count) * kPagePositions));
    const Passed passed = passed_at(group, end);
    for (size_t i = count; i-- > 0;) {
      if (passed.has(from + i))
        i = std::max(passed.begin, from) - from;  // the pages between are not seen
      else if (tree_.page(path_[i], static_cast<int>(group)) == kNone)
        return i;
    }
    return count;
  };
  size_t count = path_.size();
  for (size_t group = 0, complete = 0; complete < sights_.size(); group = (group + 1) % sights_.size()) {
    const size_t before = lacking(group, count);
    complete = before == count ? complete + 1 : 0;
    count = before;
  }
  return count;
}

bool StateCache::reach(SequenceState& state, int64_t positions) {
  const int64_t missing = pages_for(positions) - static_cast<int64_t>(state.pages());
  if (missing <= 0) return true;
  taken_.clear();
  const int64_t count = missing * static_cast<int64_t>(sights_.size());
  if (!tree_.take(count, taken_)) return false;
  begin(state);
  auto next = taken_.begin();
  for (std::vector<int32_t>& table : state.tables) {
    table.insert(table.end(), next, next + missing);
    next += missing;
  }
  state.held += count;
  return true;
}

void StateCache::computed(SequenceState& state, std::span<const int32_t> tokens, int32_t end) {
  while ((state.known.size() + 1) * kPagePositions <= static_cast<size_t>(end))
    learn(state, tokens, tree_.origin_of(state.parent(state.known.size())));
  pass(state, end);
}

// The page after the known ones is full.
void StateCache::learn(SequenceState& state, std::span<const int32_t> tokens, PageOrigin origin) {
  const size_t index = state.known.size();
  for (size_t group = 0; group < sights_.size(); ++group) entries_[group] = &state.tables[group][index];
  state.known.push_back(tree_.learn(origin, state.parent(index), &tokens[index * kPagePositions], entries_));
}

bool StateCache::make_room(SequenceState& state, int64_t position) {
  const size_t index = state.pages();
  const auto is_seen = [&](size_t group) { return !passed_at(group, position).has(index); };
  int64_t count = 0;
  for (size_t group = 0; group < sights_.size(); ++group) count += is_seen(group);
  taken_.clear();
  if (!tree_.take(count, taken_)) return false;
  begin(state);
  auto next = taken_.begin();
  for (size_t group = 0; group < sights_.size(); ++group)
    state.tables[group].push_back(is_seen(group) ? *next++ : kNone);
  state.held += count;
  return true;
}

void StateCache::brought(SequenceState& state, std::span<const int32_t> tokens, PageOrigin origin) {
  QUERN_CHECK(state.pages() == state.known.size() + 1);
  learn(state, tokens, origin);
}

void StateCache::pass(SequenceState& state, int64_t position) {
  for (size_t group = 0; group < sights_.size(); ++group) {
    const auto [begin, end] = passed_at(group, position);
    size_t& index = state.passed[group];
    index = std::max(index, std::min(begin, state.pages()));
    for (; index < std::min(end, state.pages()); ++index) {
      int32_t& page = state.tables[group][index];
      if (page == kNone) continue;
      tree_.let_go_page(page);
      page = kNone;
      --state.held;
    }
  }
}

// The last page first: what nobody holds goes in this order, a page before what it follows.
void StateCache::cut(SequenceState& state, size_t keep) {
  for (size_t index = state.pages(); index-- > keep;) {
    for (std::vector<int32_t>& table : state.tables) {
      if (table[index] != kNone) {
        tree_.let_go_page(table[index]);
        --state.held;
      }
      table.pop_back();
    }
    if (index < state.known.size()) {
      tree_.let_go_node(state.known.back());
      state.known.pop_back();
    }
  }
  for (size_t& passed : state.passed) passed = std::min(passed, keep);
}

void StateCache::begin(SequenceState& state) const {
  state.tables.resize(sights_.size());
  state.passed.resize(sights_.size());
}

void StateCache::release(SequenceState& state) {
  cut(state, 0);
}

int64_t StateCache::held_by(std::span<const SequenceState* const> states) const {
  std::vector<int32_t> held;  // a page as often as they hold it
  for (const SequenceState* const state : states)
    for (const std::vector<int32_t>& table : state->tables)
      std::ranges::copy_if(table, std::back_inserter(held), [](int32_t page) { return page != kNone; });
  std::ranges::sort(held);
  int64_t count = 0;
  for (size_t first = 0, end = 0; first < held.size(); first = end) {
    while (end < held.size() && held[end] == held[first]) ++end;
    if (static_cast<int32_t>(end - first) == tree_.holders(held[first])) ++count;  // else others hold it too
  }
  return count;
}

}  // namespace quern
