// Steps that are held up, cancelled in the middle, preempted, or that fail.
#include <new>
#include <string>
#include <vector>

#include "check.h"
#include "core/error.h"
#include "engine/served.h"
#include "numbers.h"
#include "watched_device.h"

namespace quern::test {
namespace {

Asked request_for(std::vector<int32_t> prompt, int max_tokens = 3) {
  Asked request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  return request;
}

std::unique_ptr<Device> watched(Watch& watch, int threads = 1) {
  return std::make_unique<WatchedDevice>(make_device(threads), watch);
}

// Several requests in one step that stands still: the first runs alone until the others have come.
std::vector<uint32_t> submit_into_one_step(Served& served, Watch& watch, std::vector<Asked> requests) {
  std::vector<uint32_t> ids;
  for (Asked& request : requests) {
    ids.push_back(served.submit(std::move(request)));
    if (ids.size() == 1) watch.await_arrival();
  }
  watch.open_once();
  watch.await_arrival();
  return ids;
}

TEST(a_step_goes_on_for_those_who_did_not_cancel) {
  Watch watch;
  watch.on_embed = [&] { watch.pass(); };
  Served served({}, watched(watch));
  const auto ids =
      submit_into_one_step(served, watch, {request_for({1, 2}), request_for({3, 4}), request_for({5, 6})});
  for (int times = 0; times < 5; ++times) served.engine().cancel(ids[1]);  // counts once
  watch.open_for_good();
  CHECK(served.read_all());
  CHECK_EQ(watch.aborted_steps.load(), 0);
  // The first step was one request's; then it needs two more, as the third needs three.
  CHECK_EQ(watch.steps.load(), 4);
  CHECK_EQ(watch.rows.load(), 2 + (1 + 2 + 2) + 2 + 1);
  CHECK(served.result(ids[1]).finish == Finish::cancelled);
  for (const uint32_t id : {ids[0], ids[2]}) CHECK_EQ(served.result(id).tokens.size(), size_t{3});
}

TEST(a_step_ends_when_the_last_of_it_is_cancelled) {
  Watch watch;
  watch.on_embed = [&] { watch.pass(); };
  Served served({}, watched(watch));
  const auto ids = submit_into_one_step(served, watch, {request_for({1, 2}), request_for({3, 4})});
  const uint32_t next = served.submit(request_for({5, 6}));  // no part of this step
  served.engine().cancel(ids[0]);
  served.engine().cancel(ids[1]);
  watch.open_for_good();
  CHECK(served.read_all());
  // A device that works ahead has the step before in flight as well, which serves nobody either.
  const bool works_ahead = served.engine().decoder().depth() > 0;
  CHECK(watch.aborted_steps == 1 || (works_ahead && watch.aborted_steps == 2));
  for (const uint32_t id : ids) CHECK(served.result(id).finish == Finish::cancelled);
  CHECK_EQ(served.result(ids[0]).tokens.size(), works_ahead ? size_t{0} : size_t{1});
  CHECK_EQ(served.result(next).tokens.size(), size_t{3});
  CHECK_EQ(served.pages_in_use(), int64_t{0});
}

TEST(a_step_goes_on_when_who_is_not_in_it_cancels) {
  Watch watch;
  Served served({}, watched(watch));
  Asked sleeping = request_for({1, 2}, 350);
  const uint32_t asleep = served.submit(sleeping);
  served.sleep_for(asleep);
  CHECK(served.read_until([&] { return served.result(asleep).tokens.size() == kMostUnread; }));
  watch.on_embed = [&] { watch.pass(); };
  const uint32_t id = served.submit(request_for({3, 4}));
  watch.await_arrival();  // alone in the step
  const uint32_t next = served.submit(request_for({5, 6}));
  served.engine().cancel(asleep);  // was in steps before
  served.engine().cancel(next);    // never was
  watch.open_for_good();
  CHECK(served.read_all());
  CHECK_EQ(watch.aborted_steps.load(), 0);
  CHECK_EQ(served.result(id).tokens.size(), size_t{3});
  for (const uint32_t gone : {asleep, next}) CHECK(served.result(gone).finish == Finish::cancelled);
}

TEST(cancelling_in_two_steps_does_not_add_up) {
  Watch watch;
  watch.on_embed = [&] { watch.pass(); };
  Served served({}, watched(watch));
  const auto ids =
      submit_into_one_step(served, watch, {request_for({1, 2}), request_for({3, 4}), request_for({5, 6})});
  served.engine().cancel(ids[0]);
  watch.open_once();
  watch.await_arrival();
  served.engine().cancel(ids[1]);
  watch.open_for_good();
  CHECK(served.read_all());
  CHECK_EQ(watch.aborted_steps.load(), 0);
  CHECK_EQ(served.result(ids[2]).tokens.size(), size_t{3});
}

// Between the look for cancelled requests and the step the engine thread copies pages, which takes its time:
// who cancels then is in the step that follows, but is not one whom it serves.
TEST(who_cancels_just_before_a_step_does_not_keep_it_alive) {
  Watch watch;
  Served served({}, watched(watch));
  const auto prompt = random_prompt(1, 20);
  (void)served.submit(request_for(prompt));
  CHECK(served.read_all());
  const int steps = watch.steps;
  PageTransfer transfer;
  transfer.tokens = prompt;
  transfer.count = 1;
  for (const bool both : {true, false}) {
    watch.on_download = [&] { watch.pass(); };
    watch.on_embed = [&] { watch.pass(); };
    (void)served.engine().transfer(transfer);
    watch.await_arrival();  // it copies
    const uint32_t first = served.submit(request_for(random_prompt(2, 30)));
    const uint32_t second = served.submit(request_for(random_prompt(3, 30)));
    (void)served.engine().transfer(transfer);
    watch.open_once();
    watch.await_arrival();  // it copies again, and has both requests
    served.engine().cancel(first);
    if (both) served.engine().cancel(second);
    watch.open_once();
    watch.await_arrival();  // in the step
    if (!both) served.engine().cancel(second);
    watch.on_download = nullptr;
    watch.on_embed = nullptr;
    watch.open_once();
    CHECK(served.read_until([&] {
      return served.result(first).finish != Finish::running &&
             served.result(second).finish != Finish::running;
    }));
    CHECK_EQ(watch.steps.load(), steps);
    CHECK_EQ(watch.aborted_steps.load(), both ? 1 : 2);
  }
}

// ---- logits

Result solo(const Asked& request) {
  Served served({});
  const uint32_t id = served.submit(request);
  CHECK(served.read_all());
  return served.result(id);
}

// The elder's growth takes the pages of a prompt between two of its chunks.
TEST(logits_of_a_preempted_prompt_are_each_there_once) {
  for (const auto logits : {Kind::all_logits, Kind::last_logits}) {
    const auto prompt = random_prompt(7, 150);
    Asked wanted = request_for(prompt, 0);
    wanted.kind = logits;
    const Asked elder = request_for(random_prompt(8, 10), 150);
    Watch watch;
    watch.on_embed = [&] { watch.pass(); };
    Served served({1, 4, 12 * kPageBytes, false}, watched(watch));
    const uint32_t first = served.submit(elder);
    watch.await_arrival();
    const uint32_t id = served.submit(wanted);
    watch.open_for_good();
    CHECK(served.read_all());
    const int once = 10 + 149 + 150;
    CHECK(watch.rows > once + 16);  // it was preempted after whole pages
    CHECK_EQ(served.result(first).tokens.size(), size_t{150});
    const auto& got = served.result(id).numbers;
    CHECK_EQ(got.size(), (logits == Kind::all_logits ? prompt.size() : 1) * kVocab);
    CHECK(same_bytes(got, solo(wanted).numbers));
  }
}

// ---- failures

struct Failure {
  std::function<void()> raise;
  std::string code, message;
};

const Failure failures[] = {
    {[] { throw std::bad_alloc(); }, "out_of_memory", "not enough memory for what was asked for"},
    {[] { throw Error("read_error", "made up"); }, "read_error", "made up"},
    {[] { throw std::runtime_error("something else"); }, "internal", "something else"}};

TEST(what_a_backend_throws_arrives_at_everybody) {
  using Hook = std::function<void()> Watch::*;
  for (const Hook hook : {&Watch::on_embed, &Watch::on_logits, &Watch::on_sample}) {
    for (const Failure& failure : failures) {
      Watch watch;
      watch.on_embed = [&] { watch.pass(); };
      Served served({1, 512, 0, false}, watched(watch));
      // Two in the step that fails, and one that waits.
      const auto ids =
          submit_into_one_step(served, watch, {request_for({1, 2}, 10), request_for({3, 4}, 10)});
      const uint32_t late = served.submit(request_for({5, 6}));
      watch.on_embed = nullptr;
      watch.*hook = failure.raise;
      watch.open_for_good();
      CHECK(served.read_all());
      for (const uint32_t id : {ids[0], ids[1], late}) {
        CHECK(served.result(id).finish == Finish::failed);
        CHECK_EQ(served.result(id).failure.code, failure.code);
        CHECK_EQ(served.result(id).failure.message, failure.message);
        CHECK_EQ(served.result(id).rows_after_end, 0);
      }
      CHECK_EQ(served.pages_in_use(), int64_t{0});
      const Engine::Stats stats = served.engine().stats();
      CHECK_EQ(stats.active + stats.queued, 0);
      // The engine serves whoever comes next.
      watch.*hook = nullptr;
      const Asked after = request_for(random_prompt(1, 40), 5);
      const uint32_t next = served.submit(after);
      CHECK(served.read_all());
      CHECK(served.result(next).finish == Finish::length);
      CHECK(served.result(next).tokens == solo(after).tokens);
    }
  }
}

// Whatever a copy of pages throws, each transfer gets its row, and requests go on.
TEST(a_transfer_that_fails_says_so) {
  const auto prompt = random_prompt(1, 40);
  for (const Failure& failure : failures) {
    Watch watch;
    Served served({}, watched(watch));
    (void)served.submit(request_for(prompt));
    CHECK(served.read_all());
    PageTransfer transfer;
    transfer.tokens = prompt;
    transfer.count = 2;
    watch.on_embed = [&] { watch.pass(); };
    const uint32_t beside = served.submit(request_for({5, 6}));
    watch.await_arrival();
    watch.on_download = failure.raise;
    const uint32_t first = served.engine().transfer(transfer), second = served.engine().transfer(transfer);
    watch.open_for_good();
    CHECK(served.read_until([&] {
      return served.result(second).finish != Finish::running &&
             served.result(beside).finish != Finish::running;
    }));
    for (const uint32_t id : {first, second}) {
      CHECK(served.result(id).finish == Finish::failed);
      CHECK_EQ(served.result(id).failure.code, failure.code);
      CHECK_EQ(served.result(id).failure.message, failure.message);
    }
    CHECK_EQ(served.result(beside).tokens.size(), size_t{3});
    CHECK_EQ(served.pages_in_use(), int64_t{0});
  }
}

}  // namespace
}  // namespace quern::test
