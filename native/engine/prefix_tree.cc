#include "engine/prefix_tree.h"

#include <algorithm>
#include <bit>

#include "core/error.h"

namespace quern {

namespace {

// Mixes well enough that buckets stay short; equality is always checked on the tokens themselves.
uint64_t hash(int32_t parent, const int32_t* tokens) {
  uint64_t state = static_cast<uint32_t>(parent) * uint64_t{0x9e3779b97f4a7c15u};
  for (int i = 0; i < kPagePositions; ++i) {
    state = (state ^ static_cast<uint32_t>(tokens[i])) * uint64_t{0xff51afd7ed558ccdu};
    state ^= state >> 32;
  }
  return state;
}

}  // namespace

// One node a page is what a cache has without windows. With them there are more: those whose pages were all
// let go, before others that have theirs.
PrefixTree::PrefixTree(int groups, int64_t pages)
    : groups_(groups),
      pool_(pages),
      pages_(static_cast<size_t>(pages)),
      buckets_(std::bit_ceil(static_cast<size_t>(std::max<int64_t>(pages, 1))), kNone) {
  nodes_.reserve(pages_.size());
  node_pages_.reserve(pages_.size() * static_cast<size_t>(groups));
}

size_t PrefixTree::bucket(int32_t parent, const int32_t* tokens) const {
  return hash(parent, tokens) & (buckets_.size() - 1);
}

int32_t PrefixTree::find_of(PageOrigin origin, int32_t parent, const int32_t* tokens) const {
  int32_t node = buckets_[bucket(parent, tokens)];
  while (node != kNone && !(node_at(node).parent == parent && node_at(node).origin == origin &&
                            std::equal(tokens, tokens + kPagePositions, node_at(node).tokens)))
    node = node_at(node).next_in_bucket;
  return node;
}

int32_t PrefixTree::find(int32_t parent, const int32_t* tokens, PageOrigin origin) const {
  const int32_t node = find_of(origin, parent, tokens);
  return node == kNone && origin != kComputedHere ? find_of(kComputedHere, parent, tokens) : node;
}

bool PrefixTree::take(int64_t count, std::vector<int32_t>& pages) {
  if (count > free()) return false;
  while (pool_.free() < count) forget_oldest();
  const size_t first = pages.size();
  pool_.take(count, pages);
  for (size_t i = first; i < pages.size(); ++i) page_at(pages[i]).holders = 1;
  in_use_ += count;
  return true;
}

int32_t PrefixTree::learn(PageOrigin origin, int32_t parent, const int32_t* tokens,
                          std::span<int32_t* const> pages) {
  QUERN_CHECK(origin_of(parent) == origin || origin_of(parent) == kComputedHere);
  int32_t node = find_of(origin, parent, tokens);
  if (node == kNone) node = add_node(origin, parent, tokens);
  hold_node(node);
  for (int group = 0; group < groups_; ++group) {
    int32_t &ours = *pages[static_cast<size_t>(group)], &known = pages_of(node)[group];
    if (ours == kNone) continue;
    QUERN_CHECK(page_at(ours).holders == 1 && page_at(ours).node == kNone);
    if (known == kNone) {
      known = ours;
      page_at(ours).node = node;
    } else {
      hold_page(known);
      let_go_page(ours);
      ours = known;
    }
  }
  return node;
}

int32_t PrefixTree::add_node(PageOrigin origin, int32_t parent, const int32_t* tokens) {
  int32_t node = unused_node_;
  if (node == kNone) {
    node = static_cast<int32_t>(nodes_.size());
    nodes_.emplace_back();
    node_pages_.resize(nodes_.size() * static_cast<size_t>(groups_));
    if (nodes_.size() > buckets_.size()) spread_nodes();
  } else {
    unused_node_ = node_at(node).next_in_bucket;
    --unused_nodes_;
  }
  int32_t& first = buckets_[bucket(parent, tokens)];
  Node& added = node_at(node);
  added = {parent, 0, 0, first, origin, {}};
  std::copy(tokens, tokens + kPagePositions, added.tokens);
  std::fill_n(pages_of(node), groups_, kNone);
  first = node;
  if (parent >= 0) ++node_at(parent).children;
  return node;
}

// Twice as many buckets; the last node is not in one yet.
void PrefixTree::spread_nodes() {
  buckets_.assign(2 * buckets_.size(), kNone);
  for (size_t i = 0; i + 1 < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    int32_t& first = buckets_[bucket(node.parent, node.tokens)];
    node.next_in_bucket = first;
    first = static_cast<int32_t>(i);
  }
}

void PrefixTree::hold_page(int32_t number) {
  Page& page = page_at(number);
  if (page.holders++ > 0) return;
  ++in_use_;
  unlink(page);
}

void PrefixTree::let_go_page(int32_t number) {
  Page& page = page_at(number);
  QUERN_CHECK(page.holders > 0);
  if (--page.holders > 0) return;
  --in_use_;
  if (page.node == kNone) return pool_.give_back(number);
  page.older = newest_;
  page.newer = kNone;
  (newest_ == kNone ? oldest_ : page_at(newest_).newer) = number;
  newest_ = number;
}

void PrefixTree::let_go_node(int32_t node) {
  QUERN_CHECK(node_at(node).holders > 0);
  --node_at(node).holders;
  prune(node);
}

void PrefixTree::unlink(Page& page) {
  (page.older == kNone ? oldest_ : page_at(page.older).newer) = page.newer;
  (page.newer == kNone ? newest_ : page_at(page.newer).older) = page.older;
  page.older = page.newer = kNone;
}

void PrefixTree::forget_oldest() {
  const int32_t number = oldest_;
  QUERN_CHECK(number != kNone);
  Page& page = page_at(number);
  unlink(page);
  const int32_t node = page.node;
  std::replace(pages_of(node), pages_of(node) + groups_, number, kNone);
  page.node = kNone;
  pool_.give_back(number);
  prune(node);
}

// Forgets a node that is of no use any more, and those before it that are not either, then.
void PrefixTree::prune(int32_t number) {
  while (number >= 0) {
    Node& node = node_at(number);
    const int32_t* const pages = pages_of(number);
    if (node.children > 0 || node.holders > 0 ||
        !std::all_of(pages, pages + groups_, [](int32_t page) { return page == kNone; }))
      return;
    int32_t* link = &buckets_[bucket(node.parent, node.tokens)];
    while (*link != number) link = &node_at(*link).next_in_bucket;
    *link = node.next_in_bucket;
    node.next_in_bucket = unused_node_;
    unused_node_ = number;
    ++unused_nodes_;
    number = node.parent;
    if (number >= 0) --node_at(number).children;
  }
}

}  // namespace quern
