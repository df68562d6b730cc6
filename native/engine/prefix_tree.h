#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "engine/page_pool.h"

namespace quern {

// Who vouches for what a page holds. 0: this engine computed it, and all that it follows. Any other number:
// it came from a file, or was computed after what came from it; nobody knows whether it is true.
using PageOrigin = int64_t;
constexpr PageOrigin kComputedHere = 0;

// The pages of the KV cache, and what they hold: a tree over tokens. A node stands for kPagePositions tokens
// after those of its parent, and has one page of each group of layers (StateShape), or none where that page
// was let go. Sequences with equal prefixes share nodes and pages, both of which count their holders. Nobody
// writes to a page of a node any more. One that nobody holds stays until its memory is needed; the one that
// was let go longest ago goes first.
//
// A node stays as long as it has a page, or somebody holds it, or one stays that follows it.
//
// Nodes from files are found by those alone who name their origin. What follows a node has its origin: only
// after one that was computed here may nodes of another origin stand beside those that are computed.
class PrefixTree {
 public:
  static constexpr int32_t kNone = INT32_MIN;  // no node, no page

  PrefixTree(int groups, int64_t pages);

  int groups() const { return groups_; }
  int64_t total() const { return pool_.total(); }
  int64_t in_use() const { return in_use_; }                   // pages that somebody holds
  int64_t free() const { return pool_.total() - in_use_; }     // pages that take() can give
  int64_t cached() const { return pool_.in_use() - in_use_; }  // pages of nodes that nobody holds
  int32_t holders(int32_t page) const { return page_at(page).holders; }
  int64_t nodes() const { return static_cast<int64_t>(nodes_.size() - unused_nodes_); }

  // What the first node of a sequence follows. Sequences of different variants share nothing, though their
  // tokens are equal: their rotary angles differ (Rope::variant).
  static constexpr int32_t root(int32_t variant) { return -1 - variant; }

  // The node of these tokens [kPagePositions] after `parent`, a node or a root; or kNone. One of this origin
  // comes before one that was computed here.
  int32_t find(int32_t parent, const int32_t* tokens, PageOrigin origin) const;
  int32_t page(int32_t node, int group) const { return pages_of(node)[group]; }
  PageOrigin origin_of(int32_t parent) const { return parent < 0 ? kComputedHere : node_at(parent).origin; }

  // Adds `count` pages of which nothing is known, held once, or none: then returns false.
  bool take(int64_t count, std::vector<int32_t>& pages);

  // Makes pages [groups] known, each kNone or one that the caller alone holds: from now on they are those of
  // the tokens after `parent`, which is of this origin or was computed here. Where a page is known there
  // already, that one is held in its place, and written to `pages`. Returns the node, held.
  int32_t learn(PageOrigin origin, int32_t parent, const int32_t* tokens, std::span<int32_t* const> pages);

  void hold_node(int32_t node) { ++node_at(node).holders; }
  void hold_page(int32_t page);
  void let_go_node(int32_t node);
  void let_go_page(int32_t page);

 private:
  struct Node {
    int32_t parent = kNone;
    int32_t children = 0, holders = 0;
    int32_t next_in_bucket = kNone;  // of an unused node: the next unused one
    PageOrigin origin = kComputedHere;
    int32_t tokens[kPagePositions] = {};
  };
  struct Page {
    int32_t holders = 0;
    int32_t node = kNone;                  // kNone: nothing is known of this page
    int32_t older = kNone, newer = kNone;  // while known and held by nobody
  };
  Node& node_at(int32_t node) { return nodes_[static_cast<size_t>(node)]; }
  const Node& node_at(int32_t node) const { return nodes_[static_cast<size_t>(node)]; }
  Page& page_at(int32_t page) { return pages_[static_cast<size_t>(page)]; }
  const Page& page_at(int32_t page) const { return pages_[static_cast<size_t>(page)]; }
  int32_t* pages_of(int32_t node) { return &node_pages_[static_cast<size_t>(node * groups_)]; }
  const int32_t* pages_of(int32_t node) const { return &node_pages_[static_cast<size_t>(node * groups_)]; }
  size_t bucket(int32_t parent, const int32_t* tokens) const;
  int32_t find_of(PageOrigin origin, int32_t parent, const int32_t* tokens) const;
  int32_t add_node(PageOrigin origin, int32_t parent, const int32_t* tokens);
  void spread_nodes();
  void prune(int32_t node);
  void forget_oldest();
  void unlink(Page& page);

  int groups_;
  PagePool pool_;  // its free pages are those of which nothing is known
  int64_t in_use_ = 0;
  std::vector<Page> pages_;
  int32_t oldest_ = kNone, newest_ = kNone;
  std::vector<Node> nodes_;
  std::vector<int32_t> node_pages_;  // [nodes, groups]
  int32_t unused_node_ = kNone;
  size_t unused_nodes_ = 0;
  std::vector<int32_t> buckets_;  // by hash of parent and tokens: the first node
};

}  // namespace quern
