#include "engine/state_cache.h"

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
bool hold(StateCache& cache, const Tokens& tokens, SequenceState& state, int32_t variant = 0,
          PageOrigin origin = kComputedHere) {
  state.variant = variant;
  cache.advance(state, tokens, origin);
  const auto full = static_cast<int32_t>(tokens.size() / kPage * kPage);
  if (!cache.reach(state, full)) {
    cache.release(state);
    return false;
  }
  cache.computed(state, tokens, full);
  return true;
}

// How many pages of the tokens are known.
size_t known(StateCache& cache, const Tokens& tokens, PageOrigin origin = kComputedHere,
             int32_t variant = 0) {
  SequenceState state;
  state.variant = variant;
  cache.advance(state, tokens, origin);
  const size_t count = state.pages();
  cache.release(state);
  return count;
}

int32_t page(const SequenceState& state, size_t index, size_t group = 0) {
  return state.tables[group][index];
}

Tokens counting(int pages, int32_t first = 0) {
  Tokens tokens;
  for (int i = 0; i < pages * kPage; ++i) tokens.push_back(first + i);
  return tokens;
}

TEST(equal_prefixes_share_pages) {
  StateCache cache({0}, 10);
  SequenceState a, b, c;
  CHECK(hold(cache, counting(3), a));
  Tokens other = counting(3);
  other[2 * kPage] = 999;
  CHECK(hold(cache, other, b));
  CHECK(page(a, 0) == page(b, 0) && page(a, 1) == page(b, 1) && page(a, 2) != page(b, 2));
  CHECK_EQ(cache.in_use(), int64_t{4});
  CHECK(hold(cache, counting(3), c, 1));  // other angles
  CHECK_EQ(cache.in_use(), int64_t{7});
  cache.release(a);
  CHECK_EQ(cache.in_use(), int64_t{6});
  CHECK_EQ(cache.cached(), int64_t{1});
  CHECK_EQ(cache.free(), int64_t{4});
}

TEST(an_equal_page_after_another_prefix_is_another_page) {
  StateCache cache({0}, 10);
  SequenceState a, b;
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
  StateCache cache({0}, 1);
  const Tokens tokens = counting(1);
  SequenceState held;
  CHECK(hold(cache, tokens, held));
  CHECK_EQ(known(cache, tokens), size_t{1});
  CHECK_EQ(known(cache, tokens, kComputedHere, 1), size_t{0});
  for (size_t i = 0; i < kPage; ++i) {
    Tokens other = tokens;
    ++other[i];
    CHECK_EQ(known(cache, other), size_t{0});
  }
  CHECK_EQ(known(cache, Tokens(tokens.rbegin(), tokens.rend())), size_t{0});
}

TEST(who_learns_a_known_page_goes_on_with_that) {
  StateCache cache({0}, 4);
  const Tokens tokens = counting(1);
  SequenceState a, b;
  CHECK(cache.reach(a, kPage) && cache.reach(b, kPage));
  const int32_t first = page(a, 0);
  cache.computed(a, tokens, kPage);
  CHECK_EQ(page(a, 0), first);
  cache.computed(b, tokens, kPage);
  CHECK_EQ(page(b, 0), first);
  CHECK_EQ(cache.in_use(), int64_t{1});
  cache.release(a);
  CHECK_EQ(cache.in_use(), int64_t{1});
  cache.release(b);
  CHECK_EQ(cache.in_use(), int64_t{0});
  CHECK_EQ(cache.cached(), int64_t{1});
}

// Pages of `tokens` as a file brings them, after those that are known.
SequenceState bring(StateCache& cache, const Tokens& tokens, PageOrigin origin) {
  const auto position = static_cast<int64_t>(tokens.size());
  SequenceState state;
  cache.advance(state, tokens, origin, position);
  while (state.known.size() < tokens.size() / kPage) {
    CHECK(cache.make_room(state, position));
    cache.brought(state, tokens, origin);
  }
  return state;
}

TEST(pages_from_a_file_are_found_by_their_origin_alone) {
  StateCache cache({0}, 20);
  auto lies = bring(cache, counting(2), 7);
  SequenceState more;
  CHECK(hold(cache, counting(4), more, 0, 7));  // what is computed from them is no better than they are
  CHECK(page(more, 0) == page(lies, 0) && page(more, 1) == page(lies, 1));
  for (const PageOrigin other : {kComputedHere, PageOrigin{6}, PageOrigin{8}})
    CHECK_EQ(known(cache, counting(4), other), size_t{0});
  CHECK_EQ(known(cache, counting(4), 7), size_t{4});

  // Who computes the same has pages of his own, which are everybody's; the file's owner keeps to the file's.
  SequenceState truth;
  CHECK(hold(cache, counting(3), truth));
  CHECK(page(truth, 0) != page(more, 0) && page(truth, 2) != page(more, 2));
  CHECK_EQ(known(cache, counting(4), kComputedHere), size_t{3});
  CHECK_EQ(known(cache, counting(4), 8), size_t{3});
  SequenceState again;
  cache.advance(again, counting(4), 7);
  CHECK(again.tables == more.tables);
}

TEST(a_file_brings_only_what_was_not_computed) {
  StateCache cache({0}, 20);
  SequenceState truth;
  CHECK(hold(cache, counting(2), truth));
  auto pages = bring(cache, counting(4), 7);
  CHECK(page(pages, 0) == page(truth, 0) && page(pages, 1) == page(truth, 1));
  CHECK_EQ(known(cache, counting(4), kComputedHere), size_t{2});
  CHECK_EQ(known(cache, counting(4), 8), size_t{2});
  // After pages that were computed, its owner's own computing is everybody's.
  Tokens fork = counting(2);
  fork.insert(fork.end(), kPage, 999);
  SequenceState forked;
  CHECK(hold(cache, fork, forked, 0, 7));
  CHECK_EQ(known(cache, fork, kComputedHere), size_t{3});
}

TEST(the_longest_unused_leaf_is_forgotten_first) {
  StateCache cache({0}, 6);
  SequenceState old, recent, fresh;
  CHECK(hold(cache, counting(3), old));
  CHECK(hold(cache, counting(3, 1000), recent));
  cache.release(old);
  cache.release(recent);
  const auto left = [&](int32_t first) { return known(cache, counting(3, first)); };
  const auto take = [&](int pages) {
    return cache.reach(fresh, static_cast<int64_t>(fresh.pages() + pages) * kPage);
  };
  CHECK(take(1));
  CHECK_EQ(left(0), size_t{2});  // its leaf; from now on it is the more recently used
  CHECK_EQ(left(1000), size_t{3});
  CHECK_EQ(left(0), size_t{2});
  CHECK(take(2));
  CHECK_EQ(left(1000), size_t{1});
  CHECK_EQ(left(0), size_t{2});
  CHECK(!take(4));
  CHECK(take(3));
  CHECK_EQ(left(0) + left(1000), size_t{0});
  CHECK_EQ(cache.cached(), int64_t{0});
  CHECK_EQ(cache.nodes(), int64_t{0});
}

// ---- windows

TEST(a_window_lets_go_of_what_no_row_sees) {
  StateCache cache({32}, 40);
  SequenceState state;
  const Tokens tokens = counting(20);
  for (int32_t end = 1; end <= 20 * kPage; ++end) {
    CHECK(cache.reach(state, end));
    cache.computed(state, tokens, end);
    // The next row, at `end`, sees the 31 positions before it.
    const int32_t first = end < 32 ? 0 : (end - 31) / kPage;
    CHECK_EQ(state.held, int64_t{(end + kPage - 1) / kPage - first});
    for (int32_t index = 0; index < (end + kPage - 1) / kPage; ++index)
      CHECK_EQ(page(state, static_cast<size_t>(index)) == PrefixTree::kNone, index < first);
    CHECK(state.held <= cache.needed(end, 1));
  }
  CHECK_EQ(cache.in_use(), state.held);
  CHECK_EQ(cache.nodes(), int64_t{20});
  cache.release(state);
  CHECK_EQ(cache.in_use(), int64_t{0});
}

TEST(a_prefix_is_known_where_its_window_is) {
  StateCache cache({32}, 40);
  SequenceState a, b;
  const Tokens tokens = counting(20);
  CHECK(hold(cache, tokens, a));
  cache.release(a);
  // All pages are cached. Those that passed first are the first to be forgotten.
  CHECK(cache.reach(b, 25 * kPage));
  CHECK_EQ(known(cache, counting(5)), size_t{0});
  CHECK_EQ(known(cache, tokens), size_t{20});
  SequenceState again;
  CHECK(cache.advance(again, tokens, kComputedHere));
  CHECK_EQ(again.held, int64_t{2});  // of position 320 the window begins at 289, in page 18
  CHECK(page(again, 18) != PrefixTree::kNone && page(again, 17) == PrefixTree::kNone);
  // Held by nobody, its last pages go at last, and the nodes of all with them.
  cache.release(again);
  CHECK(cache.reach(b, 40 * kPage));
  CHECK_EQ(known(cache, tokens), size_t{0});
  CHECK_EQ(cache.nodes(), int64_t{0});
}

TEST(groups_share_one_pool) {
  StateCache cache({0, 16, 16}, 60);
  SequenceState a, b;
  const Tokens tokens = counting(20);
  for (int32_t end = kPage; end <= 20 * kPage; end += kPage) {
    CHECK(cache.reach(a, end));
    cache.computed(a, tokens, end);
  }
  CHECK_EQ(a.held, int64_t{20 + 1 + 1});  // of position 320 a window of 16 begins at 305, in page 19
  CHECK(hold(cache, tokens, b));
  CHECK_EQ(cache.in_use(), int64_t{22});
  cache.release(a);
  cache.release(b);
  CHECK_EQ(cache.longest(1 << 20), int64_t{(60 - 2 * 2) * kPage});
}

TEST(a_file_brings_what_the_window_sees) {
  StateCache cache({0, 32}, 60);
  const Tokens tokens = counting(10);
  auto state = bring(cache, tokens, 7);
  CHECK_EQ(state.held, int64_t{10 + 2});
  cache.release(state);
  CHECK_EQ(known(cache, tokens, 7), size_t{10});
  CHECK_EQ(known(cache, counting(9), 7), size_t{0});  // its window would see page 7
}

// ---- sinks

TEST(sinks_stay) {
  StateCache cache({Sight{32, 20}}, 40);
  SequenceState state;
  const Tokens tokens = counting(20);
  for (int32_t end = 1; end <= 20 * kPage; ++end) {
    CHECK(cache.reach(state, end));
    cache.computed(state, tokens, end);
    const int32_t first = end < 32 ? 0 : (end - 31) / kPage, pages = (end + kPage - 1) / kPage;
    for (int32_t index = 0; index < pages; ++index)
      CHECK_EQ(page(state, static_cast<size_t>(index)) == PrefixTree::kNone, index >= 2 && index < first);
    CHECK_EQ(state.held, int64_t{pages - std::max(0, first - 2)});
    CHECK(state.held <= cache.needed(end, 1));
  }
  CHECK_EQ(cache.in_use(), state.held);
  CHECK_EQ(cache.longest(1 << 30), int64_t{1} << 30);
  cache.release(state);
  CHECK_EQ(cache.in_use(), int64_t{0});
}

TEST(a_prefix_is_known_where_its_window_and_its_sinks_are) {
  StateCache cache({Sight{32, 20}}, 40);
  SequenceState a, b, again;
  const Tokens tokens = counting(20);
  CHECK(hold(cache, tokens, a));
  cache.release(a);
  CHECK(cache.reach(b, 25 * kPage));  // those between are forgotten first
  CHECK_EQ(known(cache, counting(5)), size_t{2});
  CHECK(cache.advance(again, tokens, kComputedHere));
  CHECK_EQ(again.pages(), size_t{20});
  CHECK_EQ(again.held, int64_t{2 + 2});
  CHECK(page(again, 1) != PrefixTree::kNone && page(again, 2) == PrefixTree::kNone);
  cache.release(again);  // the last page first, so the sinks are the last to go
  CHECK(cache.reach(b, 37 * kPage));
  CHECK_EQ(known(cache, tokens), size_t{2});
  CHECK(cache.reach(b, 40 * kPage));
  CHECK_EQ(known(cache, tokens), size_t{0});
  CHECK_EQ(cache.nodes(), int64_t{0});
}

TEST(a_file_brings_the_sinks_and_what_the_window_sees) {
  StateCache cache({Sight{32, 20}}, 60);
  const Tokens tokens = counting(10);
  auto state = bring(cache, tokens, 7);
  CHECK_EQ(state.held, int64_t{2 + 2});
  CHECK_EQ(cache.seen(0, 10, 10 * kPage), size_t{4});
  CHECK_EQ(cache.seen(0, 9, 10 * kPage), size_t{3});
  CHECK_EQ(cache.seen(0, 3, 10 * kPage), size_t{2});
  cache.release(state);
  CHECK_EQ(known(cache, tokens, 7), size_t{10});
  CHECK_EQ(known(cache, counting(9), 7), size_t{2});  // the window would see page 7
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
    StateCache cache({0}, total);
    Reference reference(total);
    std::vector<std::pair<Tokens, SequenceState>> holders;
    for (int round = 0; round < 600; ++round) {
      if (!holders.empty() && random.below(2) == 0) {
        auto& [tokens, state] = holders[static_cast<size_t>(random.below(static_cast<int>(holders.size())))];
        reference.let_go(tokens, state.pages());
        cache.release(state);
        std::swap(holders.back(),
                  *std::ranges::find_if(holders, [](auto& h) { return h.second.pages() == 0; }));
        holders.pop_back();
      } else {
        const Tokens tokens = random_tokens(random);
        SequenceState state;
        const bool held = hold(cache, tokens, state);
        CHECK_EQ(held, reference.hold(tokens));
        if (held) holders.emplace_back(tokens, state);
      }
      CHECK_EQ(cache.in_use(), reference.in_use());
      // One prefix, one page, and the other way round.
      std::map<int32_t, Tokens> meaning;
      for (const auto& [tokens, state] : holders) {
        for (size_t i = 0; i < state.pages(); ++i) {
          const Tokens prefix(tokens.begin(), tokens.begin() + static_cast<int64_t>(i + 1) * kPage);
          CHECK(meaning.emplace(page(state, i), prefix).first->second == prefix);
        }
      }
      CHECK_EQ(static_cast<int64_t>(meaning.size()), cache.in_use());
      const Tokens probe = random_tokens(random);
      const size_t found = known(cache, probe);
      CHECK_EQ(found, reference.known(probe));
      reference.hold(Tokens(probe.begin(), probe.begin() + static_cast<int64_t>(found) * kPage));
      reference.let_go(probe, found);
    }
  }
}

}  // namespace
}  // namespace quern::test
