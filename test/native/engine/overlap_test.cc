// Steps that are launched before the ones before them are read.
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "core/error.h"
#include "engine/served.h"
#include "environment.h"
#include "numbers.h"
#include "watched_device.h"

namespace quern::test {
namespace {

Asked request_for(int prompt_tokens, int max_tokens, uint64_t seed) {
  Asked request;
  Random random(seed);
  for (int i = 0; i < prompt_tokens; ++i) request.prompt.push_back(random.below(kVocab));
  request.max_tokens = max_tokens;
  request.seed = seed;
  request.sampling.temperature = 1;
  request.sampling.top_k = 50;
  return request;
}
// One whose tokens the host samples.
Asked looking_back(Asked request) {
  request.sampling.repetition_penalty = 1.2f;
  return request;
}

Result solo(const Asked& request) {
  Served served({}, create_device({1, "auto", {}}));
  const uint32_t id = served.submit(request);
  CHECK(served.read_all());
  return served.result(id);
}

void check_equal(const Result& got, const Result& want, const std::string& context) {
  CHECK_FOR(got.tokens == want.tokens, context);
  CHECK_FOR(got.finish == want.finish, context);
  CHECK_FOR(same_bytes(got.numbers, want.numbers), context);
  CHECK_FOR(got.rows_after_end == 0, context);
}

// Which sequences each step had, by the length of their prompts: of those that decode, in hundreds.
struct Steps {
  std::vector<std::set<int>> decoding;
  explicit Steps(Watch& watch) {
    watch.on_begin = [this](const StepInput& input) {
      std::set<int>& step = decoding.emplace_back();
      for (const SequenceRows& rows : input.sequences)
        if (rows.rows == 1) step.insert(rows.first_position / 100);
    };
  }
  std::vector<size_t> with(int hundred) const {
    std::vector<size_t> steps;
    for (size_t i = 0; i < decoding.size(); ++i)
      if (decoding[i].contains(hundred)) steps.push_back(i);
    return steps;
  }
};

std::unique_ptr<Device> watched_late(Watch& watch, int threads = 1) {
  return std::make_unique<WatchedDevice>(make_late_device(threads), watch);
}

// max_tokens is known when a step is launched, so no step is in vain.
TEST(a_request_costs_as_many_steps_as_tokens) {
  for (const bool looks_back : {false, true}) {
    Asked request = request_for(10, 40, 1);
    if (looks_back) request = looking_back(request);
    Watch watch;
    Served served({}, watched_late(watch));
    const uint32_t id = served.submit(request);
    CHECK(served.read_all());
    check_equal(served.result(id), solo(request), looks_back ? "looks back" : "plain");
    CHECK_EQ(watch.steps.load(), 40);
    CHECK_EQ(watch.rows.load(), 10 + 39);
  }
}

// Rows that the host samples are in every second step, and the others in every one.
TEST(rows_that_wait_leave_the_others_their_rate) {
  const Asked overlapping = request_for(5, 90, 2), waiting = looking_back(request_for(105, 30, 3));
  Watch watch;
  const Steps steps(watch);
  Served served({}, watched_late(watch));
  const uint32_t fast = served.submit(overlapping), slow = served.submit(waiting);
  CHECK(served.read_all());
  check_equal(served.result(fast), solo(overlapping), "overlapping");
  check_equal(served.result(slow), solo(waiting), "waiting");
  const std::vector<size_t> fast_steps = steps.with(0), slow_steps = steps.with(1);
  CHECK_EQ(fast_steps.size(), size_t{89});
  CHECK_EQ(fast_steps.back() - fast_steps.front(), size_t{88});
  CHECK_EQ(slow_steps.size(), size_t{29});
  CHECK_EQ(slow_steps.back() - slow_steps.front(), size_t{2 * 28});
}

TEST(a_stop_found_late_drops_the_surplus_token) {
  Asked stopping = request_for(20, 60, 4);
  const Asked beside = request_for(30, 60, 5);
  stopping.stop_tokens = {solo(stopping).tokens[11]};
  const Result want = solo(stopping);
  CHECK(want.finish == Finish::stop && want.tokens.size() <= 12);
  {
    Watch watch;
    Served served({}, watched_late(watch));
    const uint32_t id = served.submit(stopping);
    CHECK(served.read_all());
    check_equal(served.result(id), want, "alone");
    while (served.engine().stats().active > 0) std::this_thread::yield();
    served.engine().close();
    // One step more was launched, and given up or not.
    CHECK_EQ(watch.rows.load(), 20 + static_cast<int>(want.tokens.size()));
    CHECK_EQ(served.pages_in_use(), int64_t{0});
  }
  Served served({}, make_late_device());
  const uint32_t stopped = served.submit(stopping), other = served.submit(beside);
  CHECK(served.read_all());
  check_equal(served.result(stopped), want, "stopped");
  check_equal(served.result(other), solo(beside), "beside");
}

// Nobody counts who has ended among those whom a step serves.
TEST(after_a_stop_found_late_a_cancelled_step_is_given_up) {
  Asked stopping = request_for(20, 60, 4);
  stopping.stop_tokens = {solo(stopping).tokens[3]};
  Watch watch;
  Served served({}, watched_late(watch));
  (void)served.submit(stopping);
  CHECK(served.read_all());
  watch.on_embed = [&] { watch.pass(); };
  const int before = watch.aborted_steps;
  const uint32_t id = served.submit(request_for(10, 50, 5));
  watch.await_arrival();
  served.engine().cancel(id);
  watch.open_for_good();
  CHECK(served.read_all());
  served.engine().close();
  CHECK(watch.aborted_steps > before);
}

// A task that does something when the scheduler asks whether its next row may be launched.
class Hooked final : public Task {
 public:
  Hooked(std::unique_ptr<Task> inner, std::function<void()> hook)
      : inner_(std::move(inner)), hook_(std::move(hook)) {}
  void prepare(std::span<const int32_t> prompt, const DecoderConfig& config, const Device& device) override {
    inner_->prepare(prompt, config, device);
  }
  std::optional<int64_t> most_tokens() const override { return inner_->most_tokens(); }
  bool waits_for_tokens() const override {
    hook_();
    return inner_->waits_for_tokens();
  }
  void want(const ScheduledRows& part, Wants& wants) override { inner_->want(part, wants); }
  std::optional<Ending> take(const ScheduledRows& part, Given& given, Rows& out) override {
    return inner_->take(part, given, out);
  }

 private:
  const std::unique_ptr<Task> inner_;
  const std::function<void()> hook_;
};

// The one whom a step in flight serves cancels while the next step is chosen, which serves another. What was
// left out of the first step must not be taken for computed: whoever finds its pages would go on with them.
TEST(a_step_that_was_given_up_stays_so_when_the_next_serves_somebody) {
  const Environment slow("QUERN_LATE_PACE", "1000");
  const Asked first = request_for(40, 20, 10), beside = request_for(30, 5, 11);
  Watch watch;
  watch.on_embed = [&] { watch.pass(); };
  Served served({1, 40, 0, false}, watched_late(watch));
  (void)served.submit(request_for(1, 1, 1));
  watch.await_arrival();  // so that both of these have come when the next step is chosen
  std::atomic<uint32_t> id{0};
  const auto cancel = [&] {
    served.engine().cancel(id);
    std::this_thread::sleep_for(std::chrono::milliseconds(6));  // meanwhile operations are left out
  };
  id = served.engine().submit(
      {first.prompt, 0, kComputedHere, std::make_unique<Hooked>(task_of(first), cancel)});
  const uint32_t other = served.submit(beside);
  watch.open_for_good();
  CHECK(served.read_until([&] { return served.result(id).finish != Finish::running; }));
  CHECK(served.result(id).finish == Finish::cancelled);
  CHECK(served.read_all());
  check_equal(served.result(other), solo(beside), "beside");
  const uint32_t again = served.submit(first);
  CHECK(served.read_all());
  check_equal(served.result(again), solo(first), "again");
}

// The step fails on the device's own thread, while the next one is on its way.
TEST(a_step_that_fails_late_fails_all_and_the_engine_goes_on) {
  const Environment fails("QUERN_LATE_FAILS", "7");
  Served served({}, make_late_device());
  const std::vector<uint32_t> ids{served.submit(request_for(10, 100, 6)),
                                  served.submit(looking_back(request_for(10, 100, 7)))};
  CHECK(served.read_all());
  for (const uint32_t id : ids) {
    CHECK(served.result(id).finish == Finish::failed);
    CHECK_EQ(served.result(id).failure.code, std::string("read_error"));
    CHECK_EQ(served.result(id).failure.message, std::string("step 7 was to fail"));
    CHECK_EQ(served.result(id).rows_after_end, 0);
  }
  CHECK_EQ(served.pages_in_use(), int64_t{0});
  const Asked after = request_for(40, 10, 8);
  const uint32_t next = served.submit(after);
  CHECK(served.read_all());
  check_equal(served.result(next), solo(after), "after");
}

// Whoever closes while such a step is in flight gets his requests back as cancelled.
TEST(closing_survives_a_step_that_fails) {
  const Environment fails("QUERN_LATE_FAILS", "3");
  Watch watch;
  watch.on_embed = [&] { watch.pass(); };
  Served served({}, watched_late(watch));
  const uint32_t id = served.submit(request_for(10, 100, 9));
  for (int step = 0; step < 2; ++step) {
    watch.await_arrival();
    watch.open_once();
  }
  watch.await_arrival();  // the third is being recorded
  std::thread closing([&] { served.engine().close(); });
  while (true) {
    try {
      (void)served.engine().submit(request_of(request_for(1, 1, 1)));
    } catch (const Error& error) {
      if (error.code() == "closed") break;
    }
  }
  watch.open_for_good();
  closing.join();
  served.take();
  CHECK(served.result(id).finish == Finish::cancelled);
}

// Cancels, stops, a small cache, transfers of pages, rows of both kinds; those that end by themselves have
// the bits of their solo runs.
TEST(everything_at_once) {
  std::vector<Asked> requests;
  std::vector<Result> solos;
  for (uint64_t i = 0; i < 24; ++i) {
    Asked request = request_for(5 + static_cast<int>(i * 37 % 120), 20 + static_cast<int>(i % 5) * 10, i % 9);
    if (i % 4 == 1) request = looking_back(request);
    if (i % 4 == 2) request.stop_tokens = {5, 50, 105, 155, 205, 255};
    if (i % 8 == 3) request.kind = Kind::all_logits;
    if (i % 8 == 7) request.kind = Kind::embed;
    request.priority = static_cast<int32_t>(i % 3);
    requests.push_back(request);
    solos.push_back(solo(request));
  }
  for (const char* const depth : {"1", "2"}) {
    const Environment deep("QUERN_LATE_DEPTH", depth), slow("QUERN_LATE_DELAY", "300");
    for (const uint64_t pages : {13, 40}) {
      Served served({2, 24, pages * kPageBytes, false}, make_late_device(2));
      Random random(pages);
      std::vector<uint32_t> ids;
      std::set<uint32_t> cancelled;
      for (const Asked& request : requests) {
        ids.push_back(served.submit(request));
        PageTransfer transfer;
        transfer.tokens = request.prompt;
        transfer.count = static_cast<int64_t>(request.prompt.size()) / kPagePositions;
        (void)served.engine().transfer(transfer);
      }
      CHECK(served.read_until([&] {
        const uint32_t id = ids[static_cast<size_t>(random.below(static_cast<int>(ids.size())))];
        if (random.below(4) == 0 && cancelled.size() < 8) {
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
        } else {
          check_equal(got, solos[i], "request " + std::to_string(i) + ", depth " + depth);
        }
      }
      CHECK_EQ(served.pages_in_use(), int64_t{0});
    }
  }
}

}  // namespace
}  // namespace quern::test
