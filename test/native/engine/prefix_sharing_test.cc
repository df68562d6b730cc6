// A cache hit changes nothing but the time: the same bits with a cold cache, a warm one, one that knows a
// part, after eviction, and for sequences that branch off from each other.
#include <string>
#include <vector>

#include "check.h"
#include "engine/served.h"
#include "numbers.h"

namespace quern::test {
namespace {

Asked request_for(std::vector<int32_t> prompt, int max_tokens = 40, uint64_t seed = 1) {
  Asked request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.sampling.temperature = seed == 0 ? 0 : 1;
  request.seed = seed;
  return request;
}

Asked logits_of(std::vector<int32_t> tokens, Kind logits = Kind::last_logits) {
  Asked request;
  request.prompt = std::move(tokens);
  request.kind = logits;
  return request;
}

std::vector<int32_t> joined(std::vector<int32_t> first, const std::vector<int32_t>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

Result run(Served& served, const Asked& request) {
  const uint32_t id = served.submit(request);
  CHECK(served.read_all());
  return served.result(id);
}

Result run_cold(const Setup& setup, const Asked& request, const std::string& config = "") {
  Served served(setup, config);
  return run(served, request);
}

void check_same(const Result& got, const Result& want, const std::string& what) {
  CHECK_FOR(got.tokens == want.tokens, what);
  CHECK_FOR(same_bytes(got.numbers, want.numbers), what);
  CHECK_FOR(got.finish == want.finish, what);
}

const std::string kDynamic = "rope 0 scaling dynamic\nrope 0 factor 2\nrope 0 original_context 100\n";

// The page of the last token is always computed.
int32_t shareable(size_t tokens) {
  return static_cast<int32_t>((tokens - 1) / kPagePositions * kPagePositions);
}

TEST(a_conversation_goes_on_where_it_was) {
  for (const bool exact : {false, true})
    for (const int step_rows : {7, 512}) {
      const Setup setup{2, step_rows, 0, exact};
      Served served(setup);
      std::vector<int32_t> conversation;
      for (uint64_t turn = 0; turn < 4; ++turn) {
        const size_t before = conversation.size();
        conversation = joined(conversation, random_prompt(100 + turn, 23));
        const Asked request = request_for(conversation, 37, turn);
        const Result warm = run(served, request);
        check_same(warm, run_cold(setup, request), "turn " + std::to_string(turn));
        // Prompt and answer are known, but for the last token, which was never computed.
        CHECK_EQ(warm.cached_tokens, before == 0 ? 0 : shareable(before));
        conversation = joined(conversation, warm.tokens);
        const Asked logits = logits_of(conversation);
        check_same(run(served, logits), run_cold(setup, logits), "logits");
      }
    }
}

TEST(branches_equal_their_cold_runs) {
  const Setup setup{2, 64, 0, false};
  const auto trunk = random_prompt(1, 150);
  Served served(setup);
  (void)run(served, request_for(trunk));
  for (const int fork : {1, 15, 16, 17, 100, 149}) {
    std::vector<int32_t> start(trunk.begin(), trunk.begin() + fork);
    const Asked request = request_for(joined(start, random_prompt(static_cast<uint64_t>(fork), 50)));
    const Result warm = run(served, request);
    check_same(warm, run_cold(setup, request), "fork at " + std::to_string(fork));
    CHECK_EQ(warm.cached_tokens, fork / kPagePositions * kPagePositions);
    const Asked all = logits_of(request.prompt, Kind::all_logits);
    const Result rows = run(served, all);
    check_same(rows, run_cold(setup, all), "all logits");
    CHECK_EQ(rows.cached_tokens, 0);
  }
}

TEST(after_eviction) {
  const Setup tight{1, 512, 12 * kPageBytes, false};
  Served served(tight);
  const Asked first = request_for(random_prompt(1, 120)), second = request_for(random_prompt(2, 100));
  const Result want_first = run_cold(tight, first), want_second = run_cold(tight, second);
  for (int round = 0; round < 4; ++round) {
    const Result got = run(served, first);
    check_same(got, want_first, "first");
    CHECK(got.cached_tokens < 112);  // the other one took pages, the last ones first
    CHECK(round == 0 || got.cached_tokens > 0);
    check_same(run(served, second), want_second, "second");
  }
  CHECK_EQ(served.pages_in_use(), int64_t{0});
  CHECK(served.engine().stats().pages_cached > 6);
}

TEST(equal_prompts_that_arrive_together) {
  const Setup setup{2, 48, 0, false};
  const auto prompt = random_prompt(3, 200);
  Served served(setup);
  std::vector<uint32_t> ids;
  for (uint64_t seed = 0; seed < 8; ++seed) ids.push_back(served.submit(request_for(prompt, 30, seed)));
  CHECK(served.read_all());
  for (size_t i = 0; i < ids.size(); ++i) {
    check_same(served.result(ids[i]), run_cold(setup, request_for(prompt, 30, i)), "copy");
    CHECK_EQ(served.result(ids[i]).cached_tokens, i == 0 ? 0 : shareable(prompt.size()));
  }
}

TEST(cancelling_the_first_of_equal_prompts_leaves_the_others) {
  const Setup setup{2, 16, 0, false};
  const auto prompt = random_prompt(4, 300);
  const Result want = run_cold(setup, request_for(prompt));
  Served served(setup);
  for (int round = 0; round < 10; ++round) {
    const uint32_t first = served.submit(request_for(prompt));
    const uint32_t second = served.submit(request_for(prompt));
    std::this_thread::sleep_for(std::chrono::microseconds(300 * round));
    served.engine().cancel(first);
    CHECK(served.read_all());
    check_same(served.result(second), want, "second");
  }
}

// With angles that depend on a prompt's length only prompts of equal length share pages beyond the trained
// context; within it all do, and what is generated beyond it too.
TEST(angles_that_depend_on_the_length) {
  const Setup setup{2, 512, 0, true};
  Served served(setup, kDynamic);
  const auto text = random_prompt(5, 300);
  const auto begin = [&](int length) { return std::vector<int32_t>(text.begin(), text.begin() + length); };
  const auto expect = [&](const std::vector<int32_t>& prompt, int max_tokens, int32_t cached) {
    const Asked request = request_for(prompt, max_tokens);
    const Result warm = run(served, request);
    check_same(warm, run_cold(setup, request, kDynamic), "prompt of " + std::to_string(prompt.size()));
    CHECK_EQ(warm.cached_tokens, cached);
    const Asked logits = logits_of(prompt);
    check_same(run(served, logits), run_cold(setup, logits, kDynamic), "logits");
    return warm;
  };
  (void)expect(begin(60), 80, 0);  // generates beyond the trained context
  (void)expect(begin(100), 80, 48);
  (void)expect(begin(101), 20, 0);
  (void)expect(begin(101), 20, 96);
  (void)expect(begin(200), 20, 0);
  (void)expect(begin(100), 80, 96);
}

}  // namespace
}  // namespace quern::test
