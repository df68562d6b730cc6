// What changes single logits, against its definition taken literally.
#include "backend/cpu/sampling/penalties.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "check.h"
#include "linear.h"
#include "numbers.h"

namespace quern::test {
namespace {

using Tokens = std::vector<int32_t>;
using Breakers = std::vector<Tokens>;

// Where the last breaker leaves off: looking back from the end, the first place where one begins decides, and
// there the longest.
size_t after_breaker(const Tokens& context, const Breakers& breakers) {
  for (size_t begin = context.size(); begin-- > 0;) {
    size_t longest = 0;
    for (const Tokens& breaker : breakers) {
      const bool fits = breaker.size() <= context.size() - begin;
      if (fits &&
          std::equal(breaker.begin(), breaker.end(), context.begin() + static_cast<std::ptrdiff_t>(begin)))
        longest = std::max(longest, breaker.size());
    }
    if (longest > 0) return begin + longest;
  }
  return 0;
}

// By token, the longest suffix that occurred before it.
std::map<int32_t, int> repetitions(Tokens context, const DryOptions& options) {
  if (options.last_tokens == 0) return {};
  const auto last = static_cast<size_t>(options.last_tokens);
  if (options.last_tokens > 0 && last < context.size())
    context.erase(context.begin(), context.end() - options.last_tokens);
  const size_t most = context.size() - after_breaker(context, options.breakers);
  std::map<int32_t, int> longest;
  for (size_t next = 1; next < context.size(); ++next) {
    size_t same = 0;
    while (same < std::min(most, next) && context[next - 1 - same] == context[context.size() - 1 - same])
      ++same;
    int& length = longest[context[next]];
    length = std::max(length, static_cast<int>(same));
  }
  for (const Tokens& breaker : options.breakers)
    if (breaker.size() == 1) longest.erase(breaker[0]);
  std::erase_if(longest, [&](const auto& one) { return one.second < options.allowed_length; });
  return longest;
}

std::vector<float> with_dry(int vocab, const Tokens& context, const DryOptions& options) {
  cpu::Penalties penalties;
  penalties.reserve(vocab);
  std::vector<float> logits(static_cast<size_t>(vocab));
  penalties.dry(logits, context, options);
  return logits;
}

void check_dry(int vocab, const Tokens& context, const DryOptions& options) {
  const auto got = with_dry(vocab, context, options);
  const auto lengths = repetitions(context, options);
  for (int token = 0; token < vocab; ++token) {
    const auto found = lengths.find(token);
    const double loss = found == lengths.end()
                            ? 0
                            : double{options.multiplier} *
                                  std::pow(double{options.base}, found->second - options.allowed_length);
    CHECK_NEAR(double{got[static_cast<size_t>(token)]}, -loss, 0, 1e-6);
  }
}

TEST(where_breakers_overlap_the_last_that_begins_decides) {
  const Tokens context{0, 0, 1, 1, 2, 2, 0, 2, 2, 1, 1, 2, 0, 0, 1};
  const auto got = with_dry(3, context, {2, 3, 1, -1, {{0}, {0, 0, 1}}});
  CHECK_EQ(got[0], 0.0f);
  CHECK_EQ(got[1], -2.0f);
  CHECK_EQ(got[2], -2.0f);
}

TEST(dry_on_random_contexts) {
  Random random(12);
  int penalised = 0;
  for (int run = 0; run < 20000; ++run) {
    const int vocab = random.between(2, 4);
    const auto some = [&](int least, int most) {
      Tokens tokens(static_cast<size_t>(random.between(least, most)));
      for (int32_t& token : tokens) token = random.below(vocab);
      return tokens;
    };
    const Tokens context = some(0, 24);
    const auto size = static_cast<int>(context.size());
    DryOptions options{2, 3, random.between(1, 3), -1, {}};
    if (random.below(2) == 0) options.last_tokens = random.between(std::max(0, size - 3), size + 1);
    for (int n = random.below(4); n > 0; --n) options.breakers.push_back(some(1, 4));
    check_dry(vocab, context, options);
    penalised += repetitions(context, options).empty() ? 0 : 1;
  }
  CHECK(penalised > 5000);
}

// A context of `last_tokens` and one more: the first is not looked at, and with it the longest repetition.
TEST(dry_looks_back_just_as_far_as_asked) {
  const Tokens context{1, 2, 3, 1, 2};
  for (const auto& [last, loss] : {std::pair{5, 2.0f}, {6, 2.0f}, {-1, 2.0f}, {4, 0.0f}})
    CHECK_EQ(with_dry(4, context, {2, 3, 2, last, {}})[3], -loss);
}

TEST(penalties_of_long_contexts) {
  const auto linear = [](const std::string& what, const Tokens& period, const Breakers& breakers) {
    check::linear(50'000, what, [&](size_t size) {
      cpu::Penalties penalties;
      penalties.reserve(1000);
      Tokens context;
      while (context.size() < size) context.insert(context.end(), period.begin(), period.end());
      std::vector<float> logits(1000);
      return check::processor_seconds([&] {
        penalties.dry(logits, context, {1, 1.75f, 2, -1, breakers});
        penalties.repetition(logits, context, 1.1f);
        penalties.counts(logits, context, 0.1f, 0.1f);
      });
    });
  };
  linear("one token", {5}, {});
  linear("one token, breakers that nearly come", {5}, {{5, 5, 5, 5, 6}, {6}, {7, 5}});
  linear("two tokens", {5, 6}, {{7}});
  Tokens fibonacci{5}, before{6};
  while (fibonacci.size() < 4000) {
    Tokens next = fibonacci;
    next.insert(next.end(), before.begin(), before.end());
    before = std::exchange(fibonacci, next);
  }
  linear("repetitions of repetitions", fibonacci, {});
}

}  // namespace
}  // namespace quern::test
