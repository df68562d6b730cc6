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

// The pages of the KV cache, and what they hold. Sequences with equal prefixes share pages: a page counts its
// holders, and once it is full and computed it is known by its tokens and the page before it. Nobody writes
// to a known page any more. A known page that nobody holds stays until its memory is needed; the one that was
// used longest ago goes first, and always before the page that it follows.
//
// Pages from files are found by those alone who name their origin. What follows a page has its origin: only
// after one that was computed here may pages of another origin stand beside those that are computed.
//
// All memory is taken at construction: a page has one place in the tree, so the page's number is that place.
class PrefixCache {
 public:
  static constexpr int32_t kNoPage = INT32_MIN;

  explicit PrefixCache(int64_t pages);

  int64_t total() const { return pool_.total(); }
  int64_t in_use() const { return in_use_; }                   // pages that somebody holds
  int64_t free() const { return pool_.total() - in_use_; }     // pages that take() can give
  int64_t cached() const { return pool_.in_use() - in_use_; }  // known pages that nobody holds
  int32_t holders(int32_t page) const { return at(page).holders; }

  // What the first page of a sequence follows. Sequences of different variants share nothing, though their
  // tokens are equal: their rotary angles differ (Rope::variant).
  static constexpr int32_t root(int32_t variant) { return -1 - variant; }
  static int32_t parent(int32_t variant, std::span<const int32_t> pages, size_t index) {
    return index == 0 ? root(variant) : pages[index - 1];
  }

  // The known page with these tokens [kPagePositions] after `parent`, a known page or a root; or kNoPage. One
  // of this origin comes before one that was computed here.
  int32_t find(int32_t parent, const int32_t* tokens, PageOrigin origin) const;

  // `pages` are held and known. Adds those known pages that go on with `tokens`, and holds them.
  void extend(int32_t variant, std::span<const int32_t> tokens, PageOrigin origin,
              std::vector<int32_t>& pages);

  // Adds `count` pages of which nothing is known, held once, or none: then returns false.
  bool take(int64_t count, std::vector<int32_t>& pages);

  // From now on a page that the caller alone holds is known by its tokens [kPagePositions], computed from
  // `parent` and so of its origin. Where another page is known by them already, that one is held in its
  // place. Returns the page to go on with.
  int32_t learn(int32_t parent, const int32_t* tokens, int32_t page);

  // The same for a page that was not computed. `parent` is of this origin, or was computed here.
  int32_t learn_from(PageOrigin origin, int32_t parent, const int32_t* tokens, int32_t page);

  // Lets go of all but the first `keep` pages.
  void cut(std::vector<int32_t>& pages, size_t keep);

 private:
  struct Page {
    int32_t holders = 0;
    int32_t parent = kNoPage;  // kNoPage: nothing is known of this page
    PageOrigin origin = kComputedHere;
    int32_t tokens[kPagePositions] = {};
    int32_t next_in_bucket = kNoPage;
    int32_t older = kNoPage, newer = kNoPage;  // while known and held by nobody
  };
  Page& at(int32_t page) { return pages_[static_cast<size_t>(page)]; }
  const Page& at(int32_t page) const { return pages_[static_cast<size_t>(page)]; }
  int32_t& bucket(int32_t parent, const int32_t* tokens);
  PageOrigin origin_of(int32_t parent) const { return parent < 0 ? kComputedHere : at(parent).origin; }
  int32_t find_of(PageOrigin origin, int32_t parent, const int32_t* tokens) const;
  void hold(int32_t page);
  void let_go(int32_t page);
  void forget_oldest();
  void unlink(Page& page);

  PagePool pool_;  // its free pages are those of which nothing is known
  int64_t in_use_ = 0;
  std::vector<Page> pages_;
  std::vector<int32_t> buckets_;  // by hash of parent and tokens: the first page
  int32_t oldest_ = kNoPage, newest_ = kNoPage;
};

}  // namespace quern
