// Requests that are not continued: scores, embeddings, log-probabilities of prompts. However they are cut,
// batched and preempted, they are what the logits say.
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "check.h"
#include "engine/served.h"
#include "model_files.h"
#include "numbers.h"
#include "watched_device.h"

namespace quern::test {
namespace {

Asked asked(Kind kind, std::vector<int32_t> prompt) {
  Asked one;
  one.kind = kind;
  one.prompt = std::move(prompt);
  one.max_tokens = 5;
  return one;
}

Asked score_of(std::vector<int32_t> prompt, int32_t first, int32_t top = 0,
               std::vector<int32_t> candidates = {}) {
  Asked one = asked(Kind::score, std::move(prompt));
  one.score = {first, top, std::move(candidates)};
  return one;
}

Result run(const Asked& one, const Setup& setup = {}) {
  Served served(setup);
  const uint32_t id = served.submit(one);
  CHECK(served.read_all());
  return served.result(id);
}

// ln softmax of a row of logits, in float64.
double log_softmax(const std::vector<float>& logits, size_t row, int32_t token) {
  const auto begin = logits.begin() + static_cast<int64_t>(row) * kVocab, end = begin + kVocab;
  const double largest = *std::max_element(begin, end);
  const double sum = std::accumulate(
      begin, end, 0.0, [&](double total, float logit) { return total + std::exp(double{logit} - largest); });
  return double{begin[token]} - largest - std::log(sum);
}

constexpr double kClose = 1e-5;  // float32 weights of 307 tokens

TEST(scores_are_the_log_softmax_of_the_logits) {
  const auto prompt = random_prompt(1, 60);
  const auto logits = run(asked(Kind::all_logits, prompt)).numbers;
  for (const int32_t first : {1, 2, 16, 17, 59, 60}) {
    const Result got = run(score_of(prompt, first, 0, {3, 5, 3}));
    CHECK(got.finish == Finish::scores);
    CHECK_EQ(got.prompt_logprobs.size(), static_cast<size_t>(60 - first));
    for (size_t i = 0; i < got.prompt_logprobs.size(); ++i) {
      const size_t position = static_cast<size_t>(first) + i;
      CHECK_NEAR(got.prompt_logprobs[i], log_softmax(logits, position - 1, prompt[position]), kClose, 0);
    }
    CHECK_EQ(got.candidates.size(), size_t{3});
    CHECK_NEAR(got.candidates[0], log_softmax(logits, 59, 3), kClose, 0);
    CHECK_NEAR(got.candidates[1], log_softmax(logits, 59, 5), kClose, 0);
    CHECK_EQ(got.candidates[2], got.candidates[0]);
  }
}

TEST(the_likeliest_tokens_of_each_place) {
  const auto prompt = random_prompt(2, 20);
  const auto logits = run(asked(Kind::all_logits, prompt)).numbers;
  const Result got = run(score_of(prompt, 1, 2));
  CHECK_EQ(got.prompt_logprobs.size(), size_t{19 * 3});
  for (size_t row = 0; row < 19; ++row) {
    const auto begin = logits.begin() + static_cast<int64_t>(row) * kVocab;
    const auto likeliest = static_cast<int32_t>(std::max_element(begin, begin + kVocab) - begin);
    CHECK_NEAR(got.prompt_logprobs[3 * row], log_softmax(logits, row, prompt[row + 1]), kClose, 0);
    CHECK_NEAR(got.prompt_logprobs[3 * row + 1], log_softmax(logits, row, likeliest), kClose, 0);
    CHECK(got.prompt_logprobs[3 * row + 2] <= got.prompt_logprobs[3 * row + 1]);
  }
}

// With the output matrix an embedding gives the logits of its position.
TEST(an_embedding_is_the_state_that_the_logits_come_from) {
  const ModelFiles files;
  for (const int length : {1, 16, 150}) {
    Served served({1, 40, 0, true}, make_device(), files.plan());
    const auto prompt = random_prompt(3, length);
    const uint32_t embedding = served.submit(asked(Kind::embed, prompt));
    CHECK(served.read_all());
    const auto& numbers = served.result(embedding).numbers;
    const auto& reference = files.reference();
    CHECK_EQ(numbers.size(), static_cast<size_t>(reference.hidden));
    const auto want = reference.logits(prompt);
    for (int32_t token = 0; token < kVocab; ++token) {
      double logit = 0;
      for (size_t i = 0; i < numbers.size(); ++i)
        logit += reference.head[static_cast<size_t>(token) * numbers.size() + i] * double{numbers[i]};
      CHECK_NEAR(logit, want[want.size() - kVocab + static_cast<size_t>(token)], 1e-4, 1e-4);
    }
  }
}

TEST(a_continuation_with_the_scores_of_its_prompt) {
  const auto prompt = random_prompt(4, 50);
  Asked one = asked(Kind::generate, prompt);
  const Result plain = run(one), scored = run(score_of(prompt, 1, 3));
  one.prompt_logprobs = 3;
  const Result got = run(one);
  CHECK(got.tokens == plain.tokens);
  CHECK(same_bytes(got.prompt_logprobs, scored.prompt_logprobs));
  CHECK(plain.prompt_logprobs.empty());
}

// All kinds at a time, in few rows a step, with memory for some of them only: as alone.
TEST(kinds_together_equal_their_solo_runs) {
  std::vector<Asked> all;
  for (uint64_t seed = 0; seed < 24; ++seed) {
    const auto prompt = random_prompt(seed % 5, 30 + static_cast<int>(seed) * 4);  // many begin alike
    const auto length = static_cast<int32_t>(prompt.size());
    switch (seed % 6) {
      case 0:
        all.push_back(asked(Kind::embed, prompt));
        break;
      case 1:
        all.push_back(score_of(prompt, 1, 2));
        break;
      case 2:
        all.push_back(score_of(prompt, length / 2, 0, {1, 2}));
        break;
      case 3:
        all.push_back(asked(Kind::all_logits, prompt));
        break;
      case 4:
        all.push_back(asked(Kind::generate, prompt));
        all.back().prompt_logprobs = 1;
        break;
      case 5:
        all.push_back(asked(Kind::generate, prompt));
        all.back().max_tokens = 60;
        break;
    }
    all.back().priority = static_cast<int32_t>(seed % 3) - 1;
  }
  std::vector<Result> solo;
  for (const Asked& one : all) solo.push_back(run(one));
  for (const uint64_t pages : {12, 30, 400})
    for (const int step_rows : {7, 64, 512}) {
      Served served({2, step_rows, pages * kPageBytes, false});
      std::vector<uint32_t> ids;
      for (const Asked& one : all) ids.push_back(served.submit(one));
      CHECK(served.read_all());
      for (size_t i = 0; i < ids.size(); ++i) {
        const Result& got = served.result(ids[i]);
        const std::string context = "request " + std::to_string(i) + ", pages " + std::to_string(pages) +
                                    ", step_rows " + std::to_string(step_rows);
        CHECK_FOR(got.finish == solo[i].finish && got.rows_after_end == 0, context);
        CHECK_FOR(got.tokens == solo[i].tokens, context);
        CHECK_FOR(same_bytes(got.numbers, solo[i].numbers), context);
        CHECK_FOR(same_bytes(got.prompt_logprobs, solo[i].prompt_logprobs), context);
        CHECK_FOR(same_bytes(got.candidates, solo[i].candidates), context);
      }
      CHECK_EQ(served.pages_in_use(), int64_t{0});
    }
}

// What continues one prompt finds it computed.
TEST(scores_share_their_beginning) {
  Served served({});
  const auto prompt = random_prompt(6, 100);
  for (int32_t candidate = 0; candidate < 4; ++candidate) {
    auto text = prompt;
    text.push_back(candidate);
    text.push_back(7);
    const uint32_t id = served.submit(score_of(text, 100));
    CHECK(served.read_all());
    CHECK(same_bytes(served.result(id).prompt_logprobs, run(score_of(text, 100)).prompt_logprobs));
  }
  CHECK_EQ(served.engine().stats().pages_cached, int64_t{6});
}

TEST(what_tasks_refuse) {
  Served served({});
  const auto prompt = random_prompt(7, 10);
  for (const int32_t first : {0, -1, 11})
    CHECK_ERROR(served.submit(score_of(prompt, first)), "invalid_input");
  CHECK_ERROR(served.submit(score_of(prompt, 1, 0, {kVocab})), "invalid_token");
  CHECK_ERROR(served.submit(score_of(prompt, 1, 0, {-1})), "invalid_token");
  CHECK_ERROR(served.submit(asked(Kind::embed, {})), "invalid_input");
}

TEST(the_queue_has_a_bound) {
  Watch watch;
  watch.on_embed = [&] { watch.pass(); };
  Setup setup;
  setup.queue = 3;
  Served served(setup, std::make_unique<WatchedDevice>(make_device(), watch));
  (void)served.submit(asked(Kind::generate, {1}));
  watch.await_arrival();  // it runs; who comes now waits
  for (int i = 0; i < 3; ++i) (void)served.submit(asked(Kind::generate, {2}));
  CHECK_ERROR(served.submit(asked(Kind::generate, {3})), "overloaded");
  CHECK_EQ(served.engine().stats().queued, 3);
  watch.open_for_good();
  CHECK(served.read_all());
  (void)served.submit(asked(Kind::generate, {3}));
  CHECK(served.read_all());
}

}  // namespace
}  // namespace quern::test
