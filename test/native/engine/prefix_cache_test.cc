#include "engine/prefix_cache.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "check.h"
#include "numbers.h"

namespace quern::test {
namespace {

using Tokens = std::vector<int32_t>;
constexpr int kPage = kPagePositions;

// Computes `tokens` as a sequence does: finds what is known, takes pages for the rest, and makes them known.
bool hold(PrefixCache& cache, const Tokens& tokens, std::vector<int32_t>& pages, int32_t variant = 0,
          PageOrigin origin = kComputedHere) {
  cache.extend(variant, tokens, origin, pages);
  const size_t known = pages.size(), full = tokens.size() / kPage;
  if (!cache.take(static_cast<int64_t>(full - known), pages)) {
    cache.cut(pages, 0);
    return false;
  }
  for (size_t i = known; i < full; ++i)
    pages[i] = cache.learn(PrefixCache::parent(variant, pages, i), &tokens[i * kPage], pages[i]);
  return true;
}

Tokens counting(int pages, int32_t first = 0) {
  Tokens tokens;
  for (int i = 0; i < pages * kPage; ++i) tokens.push_back(first + i);
  return tokens;
}

TEST(equal_prefixes_share_pages) {
  PrefixCache cache(10);
  std::vector<int32_t> a, b, c;
  CHECK(hold(cache, counting(3), a));
  Tokens other = counting(3);
  other[2 * kPage] = 999;
  CHECK(hold(cache, other, b));
  CHECK(a[0] == b[0] && a[1] == b[1] && a[2] != b[2]);
  CHECK_EQ(cache.in_use(), int64_t{4});
  CHECK(hold(cache, counting(3), c, 1));  // other angles
  CHECK_EQ(cache.in_use(), int64_t{7});
  cache.cut(a, 0);
  CHECK_EQ(cache.in_use(), int64_t{6});
  CHECK_EQ(cache.cached(), int64_t{1});
  CHECK_EQ(cache.free(), int64_t{4});
}

TEST(an_equal_page_after_another_prefix_is_another_page) {
  PrefixCache cache(10);
  std::vector<int32_t> a, b;
  CHECK(hold(cache, Tokens(3 * kPage, 7), a));
  CHECK_EQ(cache.in_use(), int64_t{3});
  Tokens shifted = counting(1);
  shifted.insert(shifted.end(), 2 * kPage, 7);
  CHECK(hold(cache, shifted, b));
  CHECK_EQ(cache.in_use(), int64_t{6});
}

// A cache of one page has one bucket, so that equality alone decides: all 16 tokens count, their places, and
// what the page follows.
TEST(every_token_of_a_page_counts) {
  PrefixCache cache(1);
  const Tokens page = counting(1);
  std::vector<int32_t> held;
  CHECK(hold(cache, page, held));
  const auto find = [&](int32_t variant, const Tokens& tokens) {
    return cache.find(PrefixCache::root(variant), tokens.data(), kComputedHere);
  };
  CHECK_EQ(find(0, page), held[0]);
  CHECK_EQ(find(1, page), PrefixCache::kNoPage);
  for (size_t i = 0; i < kPage; ++i) {
    Tokens other = page;
    ++other[i];
    CHECK_EQ(find(0, other), PrefixCache::kNoPage);
  }
  const Tokens turned(page.rbegin(), page.rend());
  CHECK_EQ(find(0, turned), PrefixCache::kNoPage);
}

TEST(who_learns_a_known_page_goes_on_with_that) {
  PrefixCache cache(4);
  const Tokens tokens = counting(1);
  std::vector<int32_t> a, b;
  CHECK(cache.take(1, a) && cache.take(1, b));
  CHECK_EQ(cache.learn(PrefixCache::root(0), tokens.data(), a[0]), a[0]);
  b[0] = cache.learn(PrefixCache::root(0), tokens.data(), b[0]);
  CHECK_EQ(b[0], a[0]);
  CHECK_EQ(cache.in_use(), int64_t{1});
  cache.cut(a, 0);
  CHECK_EQ(cache.in_use(), int64_t{1});
  cache.cut(b, 0);
  CHECK_EQ(cache.in_use(), int64_t{0});
  CHECK_EQ(cache.cached(), int64_t{1});
}

// Pages of `tokens` as a file brings them, after those that are known.
std::vector<int32_t> bring(PrefixCache& cache, const Tokens& tokens, PageOrigin origin) {
  std::vector<int32_t> pages;
  cache.extend(0, tokens, origin, pages);
  for (size_t i = pages.size(); i < tokens.size() / kPage; ++i) {
    CHECK(cache.take(1, pages));
    pages[i] = cache.learn_from(origin, PrefixCache::parent(0, pages, i), &tokens[i * kPage], pages[i]);
  }
  return pages;
}

size_t known(PrefixCache& cache, const Tokens& tokens, PageOrigin origin) {
  std::vector<int32_t> pages;
  cache.extend(0, tokens, origin, pages);
  const size_t count = pages.size();
  cache.cut(pages, 0);
  return count;
}

TEST(pages_from_a_file_are_found_by_their_origin_alone) {
  PrefixCache cache(20);
  auto lies = bring(cache, counting(2), 7);
  std::vector<int32_t> more;
  CHECK(hold(cache, counting(4), more, 0, 7));  // what is computed from them is no better than they are
  CHECK(more[0] == lies[0] && more[1] == lies[1]);
  for (const PageOrigin other : {kComputedHere, PageOrigin{6}, PageOrigin{8}})
    CHECK_EQ(known(cache, counting(4), other), size_t{0});
  CHECK_EQ(known(cache, counting(4), 7), size_t{4});

  // Who computes the same has pages of his own, which are everybody's; the file's owner keeps to the file's.
  std::vector<int32_t> truth;
  CHECK(hold(cache, counting(3), truth));
  CHECK(truth[0] != more[0] && truth[2] != more[2]);
  CHECK_EQ(known(cache, counting(4), kComputedHere), size_t{3});
  CHECK_EQ(known(cache, counting(4), 8), size_t{3});
  std::vector<int32_t> again;
  cache.extend(0, counting(4), 7, again);
  CHECK(again == more);
}

TEST(a_file_brings_only_what_was_not_computed) {
  PrefixCache cache(20);
  std::vector<int32_t> truth;
  CHECK(hold(cache, counting(2), truth));
  auto pages = bring(cache, counting(4), 7);
  CHECK(pages[0] == truth[0] && pages[1] == truth[1]);
  CHECK_EQ(known(cache, counting(4), kComputedHere), size_t{2});
  CHECK_EQ(known(cache, counting(4), 8), size_t{2});
  // After pages that were computed, its owner's own computing is everybody's.
  Tokens fork = counting(2);
  fork.insert(fork.end(), kPage, 999);
  std::vector<int32_t> forked;
  CHECK(hold(cache, fork, forked, 0, 7));
  CHECK_EQ(known(cache, fork, kComputedHere), size_t{3});
}

TEST(the_longest_unused_leaf_is_forgotten_first) {
  PrefixCache cache(6);
  std::vector<int32_t> old, recent, fresh;
  CHECK(hold(cache, counting(3), old));
  CHECK(hold(cache, counting(3, 1000), recent));
  cache.cut(old, 0);
  cache.cut(recent, 0);
  const auto known = [&](int32_t first) {
    std::vector<int32_t> pages;
    cache.extend(0, counting(3, first), kComputedHere, pages);
    const size_t count = pages.size();
    cache.cut(pages, 0);
    return count;
  };
  CHECK(cache.take(1, fresh));
  CHECK_EQ(known(0), size_t{2});  // its leaf; from now on it is the more recently used
  CHECK_EQ(known(1000), size_t{3});
  CHECK_EQ(known(0), size_t{2});
  CHECK(cache.take(2, fresh));
  CHECK_EQ(known(1000), size_t{1});
  CHECK_EQ(known(0), size_t{2});
  CHECK(!cache.take(4, fresh));
  CHECK(cache.take(3, fresh));
  CHECK_EQ(known(0) + known(1000), size_t{0});
  CHECK_EQ(cache.cached(), int64_t{0});
}

// ---- against the obvious implementation: prefixes as keys of a map, with their holders and last use

class Reference {
 public:
  explicit Reference(int64_t pages) : total_(pages) {}
  struct Entry {
    int holders = 0;
    int64_t used = 0;  // when the last holder let go
  };

  int64_t in_use() const {
    return std::ranges::count_if(entries_, [](const auto& e) { return e.second.holders > 0; });
  }
  size_t known(const Tokens& tokens) const {
    size_t pages = 0;
    while (pages < tokens.size() / kPage && entries_.contains(prefix(tokens, pages + 1))) ++pages;
    return pages;
  }
  bool hold(const Tokens& tokens) {
    const size_t full = tokens.size() / kPage, found = known(tokens);
    for (size_t i = 1; i <= found; ++i) ++entries_[prefix(tokens, i)].holders;
    if (static_cast<int64_t>(full - found) > total_ - in_use()) {
      let_go(tokens, found);
      return false;
    }
    while (total_ - static_cast<int64_t>(entries_.size()) < static_cast<int64_t>(full - found)) evict();
    for (size_t i = found + 1; i <= full; ++i) entries_[prefix(tokens, i)].holders = 1;
    return true;
  }
  void let_go(const Tokens& tokens, size_t pages) {
    for (size_t i = pages; i > 0; --i) {
      Entry& entry = entries_[prefix(tokens, i)];
      if (--entry.holders == 0) entry.used = ++clock_;
    }
  }

 private:
  static Tokens prefix(const Tokens& tokens, size_t pages) {
    return {tokens.begin(), tokens.begin() + static_cast<int64_t>(pages) * kPage};
  }
  void evict() {
    const Tokens* oldest = nullptr;
    for (const auto& [tokens, entry] : entries_)
      if (entry.holders == 0 && (!oldest || entry.used < entries_[*oldest].used)) oldest = &tokens;
    CHECK(oldest != nullptr);
    const Tokens victim = *oldest;
    for (const auto& [tokens, entry] : entries_)  // it is a leaf
      CHECK(tokens.size() <= victim.size() || !std::equal(victim.begin(), victim.end(), tokens.begin()));
    entries_.erase(victim);
  }

  int64_t total_, clock_ = 0;
  std::map<Tokens, Entry> entries_;
};

// One of two pages each time, which differ in a single token, now here, now there.
Tokens random_tokens(Random& random) {
  Tokens tokens;
  for (int page = 0, pages = random.between(1, 6); page < pages; ++page) {
    for (int i = 0; i < kPage; ++i) tokens.push_back(100 * (page % 2) + i);
    if (random.below(2) == 0) ++tokens[tokens.size() - 1 - static_cast<size_t>(5 * page % kPage)];
  }
  return tokens;
}

TEST(random_holders_against_the_obvious_implementation) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    const int64_t total = random.between(4, 40);
    PrefixCache cache(total);
    Reference reference(total);
    std::vector<std::pair<Tokens, std::vector<int32_t>>> holders;
    for (int round = 0; round < 600; ++round) {
      if (!holders.empty() && random.below(2) == 0) {
        auto& [tokens, pages] = holders[static_cast<size_t>(random.below(static_cast<int>(holders.size())))];
        reference.let_go(tokens, pages.size());
        cache.cut(pages, 0);
        std::swap(holders.back(), *std::ranges::find_if(holders, [](auto& h) { return h.second.empty(); }));
        holders.pop_back();
      } else {
        const Tokens tokens = random_tokens(random);
        std::vector<int32_t> pages;
        const bool held = hold(cache, tokens, pages);
        CHECK_EQ(held, reference.hold(tokens));
        if (held) holders.emplace_back(tokens, pages);
      }
      CHECK_EQ(cache.in_use(), reference.in_use());
      // One prefix, one page, and the other way round.
      std::map<int32_t, Tokens> meaning;
      for (const auto& [tokens, pages] : holders) {
        for (size_t i = 0; i < pages.size(); ++i) {
          const Tokens prefix(tokens.begin(), tokens.begin() + static_cast<int64_t>(i + 1) * kPage);
          CHECK(meaning.emplace(pages[i], prefix).first->second == prefix);
        }
      }
      CHECK_EQ(static_cast<int64_t>(meaning.size()), cache.in_use());
      const Tokens probe = random_tokens(random);
      std::vector<int32_t> found;
      cache.extend(0, probe, kComputedHere, found);
      CHECK_EQ(found.size(), reference.known(probe));
      reference.hold(Tokens(probe.begin(), probe.begin() + static_cast<int64_t>(found.size()) * kPage));
      reference.let_go(probe, found.size());
      cache.cut(found, 0);
    }
  }
}

}  // namespace
}  // namespace quern::test
