#include "engine/page_pool.h"

#include <set>
#include <vector>

#include "check.h"
#include "numbers.h"

namespace quern::test {
namespace {

// The last one first, so that they are given out again in their order.
void give_back_all(PagePool& pool, std::vector<int32_t>& pages) {
  for (; !pages.empty(); pages.pop_back()) pool.give_back(pages.back());
}

TEST(gives_all_or_nothing) {
  PagePool pool(5);
  std::vector<int32_t> a, b;
  CHECK(pool.take(3, a));
  CHECK_EQ(a.size(), size_t{3});
  CHECK(!pool.take(3, b));
  CHECK(b.empty());
  CHECK(pool.take(2, b));
  CHECK(pool.take(0, b));
  CHECK(!pool.take(1, b));
  CHECK(pool.free() == 0 && pool.in_use() == 5 && pool.total() == 5);
  give_back_all(pool, a);
  CHECK(pool.free() == 3 && pool.in_use() == 2);
}

TEST(the_last_freed_page_comes_first) {
  PagePool pool(100);
  std::vector<int32_t> a, b, again;
  CHECK(pool.take(2, a) && pool.take(2, b));
  const auto freed = a;
  give_back_all(pool, a);
  CHECK(pool.take(2, again));
  CHECK(again == freed);
}

TEST(never_the_same_page_twice) {
  constexpr int kPages = 200, kHolders = 12;
  PagePool pool(kPages);
  std::vector<std::vector<int32_t>> holders(kHolders);
  Random random(1);
  for (int round = 0; round < 20000; ++round) {
    auto& holder = holders[static_cast<size_t>(random.below(kHolders))];
    if (random.below(3) == 0) {
      give_back_all(pool, holder);
    } else {
      const int64_t wanted = random.below(40), free = pool.free();
      const size_t before = holder.size();
      const bool taken = pool.take(wanted, holder);
      CHECK_EQ(taken, wanted <= free);
      CHECK_EQ(holder.size(), before + static_cast<size_t>(taken ? wanted : 0));
    }
    if (round % 100 != 0) continue;
    std::set<int32_t> held;
    int64_t count = 0;
    for (const auto& pages : holders) {
      held.insert(pages.begin(), pages.end());
      count += static_cast<int64_t>(pages.size());
    }
    CHECK_EQ(static_cast<int64_t>(held.size()), count);
    CHECK_EQ(pool.in_use(), count);
    CHECK(held.empty() || (*held.begin() >= 0 && *held.rbegin() < kPages));
  }
  for (auto& holder : holders) give_back_all(pool, holder);
  CHECK_EQ(pool.free(), int64_t{kPages});
}

}  // namespace
}  // namespace quern::test
