#include "engine/prefix_cache.h"

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

PrefixCache::PrefixCache(int64_t pages)
    : pool_(pages),
      pages_(static_cast<size_t>(pages)),
      buckets_(std::bit_ceil(static_cast<size_t>(std::max<int64_t>(pages, 1))), kNoPage) {}

int32_t& PrefixCache::bucket(int32_t parent, const int32_t* tokens) {
  return buckets_[hash(parent, tokens) & (buckets_.size() - 1)];
}

int32_t PrefixCache::find_of(PageOrigin origin, int32_t parent, const int32_t* tokens) const {
  int32_t page = buckets_[hash(parent, tokens) & (buckets_.size() - 1)];
  while (page != kNoPage && !(at(page).parent == parent && at(page).origin == origin &&
                              std::equal(tokens, tokens + kPagePositions, at(page).tokens)))
    page = at(page).next_in_bucket;
  return page;
}

int32_t PrefixCache::find(int32_t parent, const int32_t* tokens, PageOrigin origin) const {
  const int32_t page = find_of(origin, parent, tokens);
  return page == kNoPage && origin != kComputedHere ? find_of(kComputedHere, parent, tokens) : page;
}

void PrefixCache::extend(int32_t variant, std::span<const int32_t> tokens, PageOrigin origin,
                         std::vector<int32_t>& pages) {
  const size_t full = tokens.size() / kPagePositions;
  while (pages.size() < full) {
    const int32_t page =
        find(parent(variant, pages, pages.size()), &tokens[pages.size() * kPagePositions], origin);
    if (page == kNoPage) return;
    pages.push_back(page);
    hold(page);
  }
}

bool PrefixCache::take(int64_t count, std::vector<int32_t>& pages) {
  if (count > free()) return false;
  while (pool_.free() < count) forget_oldest();
  const size_t first = pages.size();
  pool_.take(count, pages);
  for (size_t i = first; i < pages.size(); ++i) at(pages[i]).holders = 1;
  in_use_ += count;
  return true;
}

int32_t PrefixCache::learn(int32_t parent, const int32_t* tokens, int32_t page) {
  return learn_from(origin_of(parent), parent, tokens, page);
}

int32_t PrefixCache::learn_from(PageOrigin origin, int32_t parent, const int32_t* tokens, int32_t page) {
  QUERN_CHECK(at(page).holders == 1 && at(page).parent == kNoPage);
  QUERN_CHECK(origin_of(parent) == origin || origin_of(parent) == kComputedHere);
  if (const int32_t known = find_of(origin, parent, tokens); known != kNoPage) {
    hold(known);
    let_go(page);
    return known;
  }
  Page& learned = at(page);
  learned.parent = parent;
  learned.origin = origin;
  std::copy(tokens, tokens + kPagePositions, learned.tokens);
  int32_t& first = bucket(parent, tokens);
  learned.next_in_bucket = first;
  first = page;
  return page;
}

// The last page first. So in the list of pages that nobody holds a page always comes before its parent: who
// holds a page holds its parent too, hence the parent is let go later.
void PrefixCache::cut(std::vector<int32_t>& pages, size_t keep) {
  while (pages.size() > keep) {
    let_go(pages.back());
    pages.pop_back();
  }
}

void PrefixCache::hold(int32_t number) {
  Page& page = at(number);
  if (page.holders++ > 0) return;
  ++in_use_;
  unlink(page);
}

void PrefixCache::let_go(int32_t number) {
  Page& page = at(number);
  QUERN_CHECK(page.holders > 0);
  if (--page.holders > 0) return;
  --in_use_;
  if (page.parent == kNoPage) return pool_.give_back(number);
  page.older = newest_;
  page.newer = kNoPage;
  (newest_ == kNoPage ? oldest_ : at(newest_).newer) = number;
  newest_ = number;
}

void PrefixCache::unlink(Page& page) {
  (page.older == kNoPage ? oldest_ : at(page.older).newer) = page.newer;
  (page.newer == kNoPage ? newest_ : at(page.newer).older) = page.older;
  page.older = page.newer = kNoPage;
}

void PrefixCache::forget_oldest() {
  const int32_t number = oldest_;
  QUERN_CHECK(number != kNoPage);
  Page& page = at(number);
  int32_t* link = &bucket(page.parent, page.tokens);
  while (*link != number) link = &at(*link).next_in_bucket;
  *link = page.next_in_bucket;
  unlink(page);
  page.parent = page.next_in_bucket = kNoPage;
  pool_.give_back(number);
}

}  // namespace quern
