#include "engine/engine.h"

#include <map>
#include <set>
#include <string>

#include "check.h"
#include "core/error.h"
#include "engine/served.h"
#include "numbers.h"
#include "watched_device.h"

namespace quern::test {
namespace {

Asked make_request(Random& random, int most_prompt, int most_tokens) {
  Asked request;
  for (int i = random.between(1, most_prompt); i > 0; --i) request.prompt.push_back(random.below(kVocab));
  request.max_tokens = random.between(1, most_tokens);
  request.seed = random.bits();
  request.sampling.temperature = random.below(3) == 0 ? 0 : 1;
  request.sampling.top_k = random.below(2) == 0 ? 0 : 40;
  request.sampling.top_p = random.below(2) == 0 ? 1 : 0.95f;
  request.sampling.min_p = random.below(3) == 0 ? 0.01f : 0;
  if (random.below(3) == 0) {  // what looks at the tokens before, or keeps a state
    request.sampling.repetition_penalty = 1.2f;
    request.sampling.frequency_penalty = 0.3f;
    request.sampling.dry = {0.8f, 1.75f, 1, -1, {{5}}};
    request.sampling.xtc_probability = 0.5f;
    request.sampling.mirostat.version = random.below(3);
    request.sampling.top_logprobs = random.below(2) == 0 ? -1 : 3;
  }
  if (random.below(8) == 0) request.stop_tokens = {5, 50, 105, 155, 205, 255};
  if (random.below(8) == 0) request.kind = Kind::last_logits;
  if (random.below(8) == 0) request.kind = Kind::all_logits;
  return request;
}

std::vector<Asked> make_requests(int count, int most_prompt, int most_tokens) {
  Random random(static_cast<uint64_t>(count + most_prompt));
  std::vector<Asked> requests;
  for (int i = 0; i < count; ++i) requests.push_back(make_request(random, most_prompt, most_tokens));
  return requests;
}

// Each request with the engine to itself.
std::vector<Result> solo_results(const std::vector<Asked>& requests, bool exact) {
  Served served({1, 512, 0, exact});
  std::vector<Result> results;
  for (const Asked& request : requests) {
    const uint32_t id = served.submit(request);
    CHECK(served.read_all());
    results.push_back(served.result(id));
  }
  return results;
}

void check_equal(const Result& got, const Result& want, const std::string& context) {
  CHECK_FOR(got.tokens == want.tokens, context);
  CHECK_FOR(same_bytes(got.logprobs, want.logprobs), context);
  CHECK_FOR(got.finish == want.finish, context);
  CHECK_FOR(same_bytes(got.numbers, want.numbers), context);
  CHECK_FOR(got.rows_after_end == 0, context);
}

void check_all_equal(const std::vector<Asked>& requests, const std::vector<Result>& solo,
                     const Setup& setup) {
  Served served(setup);
  std::vector<uint32_t> ids;
  for (const Asked& request : requests) ids.push_back(served.submit(request));
  CHECK(served.read_all());
  for (size_t i = 0; i < ids.size(); ++i) {
    check_equal(served.result(ids[i]), solo[i],
                "request " + std::to_string(i) + ", threads " + std::to_string(setup.threads) +
                    ", step_rows " + std::to_string(setup.step_rows) + ", kv_bytes " +
                    std::to_string(setup.kv_bytes));
  }
  CHECK_EQ(served.pages_in_use(), int64_t{0});
  CHECK_EQ(served.engine().stats().active, 0);
  CHECK_EQ(served.engine().stats().queued, 0);
}

TEST(results_are_sane) {
  const auto requests = make_requests(32, 150, 60);
  const auto solo = solo_results(requests, false);
  std::set<std::vector<int32_t>> different;
  for (size_t i = 0; i < requests.size(); ++i) {
    const Asked& request = requests[i];
    const Result& result = solo[i];
    different.insert(result.tokens);
    if (request.kind == Kind::generate) {
      CHECK(result.finish == Finish::length || result.finish == Finish::stop);
      CHECK(result.finish == Finish::stop || result.tokens.size() == static_cast<size_t>(request.max_tokens));
    } else {
      const size_t rows = request.kind == Kind::all_logits ? request.prompt.size() : 1;
      CHECK(result.finish == Finish::logits && result.tokens.empty());
      CHECK_EQ(result.numbers.size(), rows * kVocab);
      for (const float logit : result.numbers) CHECK(std::isfinite(logit));
    }
  }
  CHECK(different.size() > 20);
}

// However a request is cut, batched, preempted and threaded: its tokens and logits are those of a solo run.
TEST(thirty_two_at_a_time_equal_their_solo_runs) {
  const auto requests = make_requests(32, 150, 60);
  for (const bool exact : {false, true}) {
    const auto solo = solo_results(requests, exact);
    for (const int threads : {1, 2})
      for (const int step_rows : {8, 61, 512})
        check_all_equal(requests, solo, {threads, step_rows, 0, exact});
  }
}

TEST(preempted_requests_equal_their_solo_runs) {
  const auto requests = make_requests(32, 150, 60);  // 209 positions at most: 14 pages
  const auto solo = solo_results(requests, false);
  for (const uint64_t pages : {14, 20, 45})
    for (const int step_rows : {13, 200})
      check_all_equal(requests, solo, {2, step_rows, pages * kPageBytes, false});
}

TEST(the_end_of_the_cache_is_the_end_of_a_request) {
  Served small({1, 512, 3 * kPageBytes, false});
  Asked request;
  request.prompt.assign(40, 7);
  request.max_tokens = 1000;
  const uint32_t id = small.submit(request);
  request.prompt.assign(48, 7);  // fills it: one more token comes out
  const uint32_t full = small.submit(request);
  CHECK(small.read_all());
  CHECK_EQ(small.result(id).tokens.size(), size_t{8});
  CHECK_EQ(small.result(full).tokens.size(), size_t{1});
  CHECK(small.result(id).finish == Finish::length && small.result(full).finish == Finish::length);
  Served large({});
  request.prompt.assign(kContext - 5, 7);
  const uint32_t by_context = large.submit(request);
  CHECK(large.read_all());
  CHECK_EQ(large.result(by_context).tokens.size(), size_t{5});
}

TEST(what_submit_refuses) {
  Served served({1, 512, 3 * kPageBytes, false});
  const auto submit = [&](std::vector<int32_t> prompt) {
    Asked request;
    request.prompt = std::move(prompt);
    request.max_tokens = 1;
    return served.engine().submit(request_of(request));
  };
  CHECK_ERROR(submit({}), "invalid_input");
  CHECK_ERROR(submit({1, kVocab}), "invalid_token");
  CHECK_ERROR(submit({1, -1}), "invalid_token");
  CHECK_ERROR(submit(std::vector<int32_t>(kContext + 1, 1)), "context_overflow");
  CHECK_ERROR(submit(std::vector<int32_t>(49, 1)), "kv_cache_too_small");
  const Engine::Stats stats = served.engine().stats();
  CHECK_EQ(stats.queued + stats.active, 0);
  served.engine().close();
  CHECK_ERROR(submit({1}), "closed");
}

TEST(cancelled_requests_leave_the_others_alone) {
  auto requests = make_requests(32, 150, 60);
  const auto solo = solo_results(requests, false);
  for (const uint64_t pages : {20, 400}) {
    Served served({2, 40, pages * kPageBytes, false});
    Random random(pages);
    std::vector<uint32_t> ids;
    std::set<uint32_t> cancelled;
    for (const Asked& request : requests) {
      ids.push_back(served.submit(request));
      if (random.below(6) == 0) {
        served.engine().cancel(ids.back());
        cancelled.insert(ids.back());
      }
    }
    CHECK(served.read_until([&] {
      const uint32_t id = ids[static_cast<size_t>(random.below(static_cast<int>(ids.size())))];
      if (random.below(4) == 0 && cancelled.size() < 16) {
        served.engine().cancel(id);
        cancelled.insert(id);
      }
      for (const uint32_t each : ids)
        if (served.result(each).finish == Finish::running) return false;
      return true;
    }));
    for (size_t i = 0; i < ids.size(); ++i) {
      const Result& got = served.result(ids[i]);
      if (got.finish == Finish::cancelled) {
        CHECK(cancelled.contains(ids[i]));
        CHECK(got.tokens.size() <= solo[i].tokens.size() &&
              std::equal(got.tokens.begin(), got.tokens.end(), solo[i].tokens.begin()));
      } else {
        check_equal(got, solo[i], "request " + std::to_string(i));
      }
    }
    served.engine().cancel(ids[0]);  // long gone
    served.engine().cancel(12345);   // never there
    served.engine().consumed(12345, 1);
    CHECK_EQ(served.pages_in_use(), int64_t{0});
  }
}

TEST(close_ends_everything_as_cancelled) {
  for (const int reads : {0, 1, 20}) {
    Served served({2, 64, 20 * kPageBytes, false});
    std::vector<uint32_t> ids;
    for (Asked& request : make_requests(32, 150, 100)) ids.push_back(served.submit(std::move(request)));
    int seen = 0;
    CHECK(served.read_until([&] { return ++seen > reads || served.engine().stats().active == 0; }));
    served.engine().close();
    served.take();
    bool some_cancelled = false;
    for (const uint32_t id : ids) {
      CHECK(served.result(id).finish != Finish::running && served.result(id).finish != Finish::failed);
      some_cancelled = some_cancelled || served.result(id).finish == Finish::cancelled;
    }
    CHECK(some_cancelled || reads > 0);
    CHECK_EQ(served.pages_in_use(), int64_t{0});
    served.engine().close();  // again: nothing happens
  }
}

TEST(a_sleeping_reader_pauses_its_own_request_only) {
  Asked slow;
  slow.prompt = {1, 2, 3};
  slow.max_tokens = 350;
  slow.sampling.temperature = 1;
  const Result solo = solo_results({slow}, false)[0];
  CHECK_EQ(solo.tokens.size(), size_t{350});
  Served served({});
  const uint32_t id = served.submit(slow);
  served.sleep_for(id);
  CHECK(served.read_until([&] { return served.result(id).tokens.size() == kMostUnread; }));
  // Another request lives its whole life beside it.
  Asked other;
  other.prompt = {9};
  other.max_tokens = 50;
  const uint32_t beside = served.submit(other);
  CHECK(served.read_until([&] { return served.result(beside).finish != Finish::running; }));
  CHECK_EQ(served.result(id).tokens.size(), static_cast<size_t>(kMostUnread));
  CHECK_EQ(served.engine().stats().active, 1);
  served.wake(id);
  CHECK(served.read_all());
  check_equal(served.result(id), solo, "woken");
}

// Rows pile up unread, but only one wake-up is pending; whoever takes them is woken anew. While the engine
// copies a page it has put out everything before.
TEST(one_wake_up_until_the_rows_are_taken) {
  std::atomic<int> wakes{0};
  Watch watch;
  watch.on_download = [&] { watch.pass(); };
  auto engine = load_engine(parse_plan(plan_text()), std::make_unique<WatchedDevice>(make_device(1), watch),
                            {}, {}, [&] { ++wakes; });
  Asked request;
  request.prompt.assign(20, 1);
  request.max_tokens = 100;
  PageTransfer copy;
  copy.tokens = request.prompt;
  copy.count = 1;
  const auto serves_nobody = [&] {
    const Engine::Stats now = engine->stats();  // of one moment: a request goes from one count to the other
    return now.active + now.queued == 0;
  };
  for (int round = 1; round <= 3; ++round) {
    (void)engine->submit(request_of(request));
    while (!serves_nobody()) std::this_thread::yield();
    (void)engine->transfer(copy);
    watch.await_arrival();
    CHECK_EQ(wakes.load(), round);
    const Rows rows = engine->take();
    CHECK_EQ(rows.tokens.size(), size_t{100});
    CHECK_EQ(rows.answers.size(), size_t{2} + (round > 1));  // its beginning and end; the copy before, too
    watch.open_once();
    while (wakes == round) std::this_thread::yield();
  }
}

TEST(rounds_leave_no_pages_behind) {
  Served served({2, 64, 30 * kPageBytes, false});
  Random random(5);
  for (int round = 0; round < 20; ++round) {
    for (Asked& request : make_requests(6, 60, 20)) {
      const uint32_t id = served.submit(std::move(request));
      if (random.below(3) == 0) served.engine().cancel(id);
    }
    CHECK(served.read_all());
    CHECK_EQ(served.pages_in_use(), int64_t{0});
  }
}

}  // namespace
}  // namespace quern::test
