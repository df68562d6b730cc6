// A whole model, from its files to tokens, against float64: however its prompt is cut, batched, preempted or
// found in the cache, and whatever its weights are stored as.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "check.h"
#include "engine/served.h"
#include "model_files.h"
#include "numbers.h"

namespace quern::test {
namespace {

// Of the largest logit: five times what is measured, 8.6e-7, with float32 keys and values.
constexpr double kTolerance = 4.3e-6;

const ModelFiles& files() {
  static const ModelFiles made;
  return made;
}

void check_logits(const std::vector<float>& got, const std::vector<double>& want,
                  const std::string& context) {
  CHECK_FOR(got.size() == want.size(), context);
  double difference = 0, largest = 0;
  for (size_t i = 0; i < std::min(got.size(), want.size()); ++i) {
    CHECK_FOR(std::isfinite(got[i]), context);
    difference = std::max(difference, std::abs(double{got[i]} - want[i]));
    largest = std::max(largest, std::abs(want[i]));
  }
  CHECK_FOR(difference <= kTolerance * largest, context);
}

Asked logits_of(std::vector<int32_t> tokens, Kind logits) {
  Asked request;
  request.prompt = std::move(tokens);
  request.kind = logits;
  return request;
}

// Prompts of all lengths at a time, in steps of few and of many rows, with memory for all or for one.
TEST(logits_equal_the_reference) {
  const int lengths[] = {1, 2, 15, 16, 17, 100, 230};
  std::vector<std::vector<int32_t>> prompts;
  std::vector<std::vector<double>> wanted;
  for (const int length : lengths) {
    prompts.push_back(random_prompt(static_cast<uint64_t>(length), length));
    wanted.push_back(files().reference().logits(prompts.back()));
  }
  for (const int step_rows : {9, 512})
    for (const uint64_t pages : {15, 100}) {
      Served served({2, step_rows, 2 * pages * kPageBytes, true}, make_device(2), files().plan());
      for (const auto kind : {Kind::all_logits, Kind::last_logits, Kind::last_logits}) {
        std::vector<uint32_t> ids;
        for (const auto& prompt : prompts) ids.push_back(served.submit(logits_of(prompt, kind)));
        CHECK(served.read_all());
        for (size_t i = 0; i < ids.size(); ++i) {
          std::vector<double> want = wanted[i];
          if (kind == Kind::last_logits) want.erase(want.begin(), want.end() - kVocab);
          check_logits(served.result(ids[i]).numbers, want,
                       std::to_string(lengths[i]) + " tokens, step_rows " + std::to_string(step_rows) + ", " +
                           std::to_string(pages) + " pages");
        }
      }
    }
}

// Prompts longer than the context, in memory for little more than what a row sees.
TEST(streams_equal_the_reference) {
  ReferenceDecoder reference = files().reference();
  for (const Streaming streaming : {Streaming{4, 28}, Streaming{0, 30}, Streaming{17, 1}, Streaming{1, 60}}) {
    reference.sinks = streaming.sinks;
    reference.window = streaming.window;
    for (const int step_rows : {9, 512})
      for (const uint64_t pages : {8, 100}) {
        Served served({2, step_rows, 2 * pages * kPageBytes, true, 4096, streaming}, make_device(2),
                      files().plan());
        std::vector<uint32_t> ids;
        std::vector<std::vector<int32_t>> prompts;
        for (const int length : {5, 33, 64, 450})
          prompts.push_back(random_prompt(static_cast<uint64_t>(length), length));
        for (const auto& prompt : prompts) ids.push_back(served.submit(logits_of(prompt, Kind::all_logits)));
        CHECK(served.read_all());
        for (size_t i = 0; i < ids.size(); ++i)
          check_logits(served.result(ids[i]).numbers, reference.logits(prompts[i]),
                       std::to_string(prompts[i].size()) + " tokens, step_rows " + std::to_string(step_rows) +
                           ", " + std::to_string(pages) + " pages, sinks " + std::to_string(streaming.sinks) +
                           ", window " + std::to_string(streaming.window));
      }
  }
}

// What is generated greedily is what the reference finds likeliest after every token, but where two are as
// good as equal.
TEST(greedy_tokens_equal_the_reference) {
  Served served({2, 64, 0, true}, make_device(2), files().plan());
  std::vector<std::vector<int32_t>> prompts;
  std::vector<uint32_t> ids;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    prompts.push_back(random_prompt(seed, 40));
    Asked request;
    request.prompt = prompts.back();
    request.max_tokens = 50;
    ids.push_back(served.submit(std::move(request)));
  }
  CHECK(served.read_all());
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto& tokens = served.result(ids[i]).tokens;
    CHECK_EQ(tokens.size(), size_t{50});
    std::vector<int32_t> all = prompts[i];
    all.insert(all.end(), tokens.begin(), tokens.end());
    const auto logits = files().reference().logits(all);
    for (size_t t = 0; t < tokens.size(); ++t) {
      const auto row = logits.begin() + static_cast<int64_t>(39 + t) * kVocab;
      const double best = *std::max_element(row, row + kVocab);
      CHECK(best - row[tokens[t]] <= 2 * kTolerance * std::abs(best));
    }
  }
}

// Turns of a conversation: everything but the last turn is found in the cache.
TEST(a_warm_cache_equals_the_reference) {
  Served served({1, 512, 0, true}, make_device(1), files().plan());
  std::vector<int32_t> conversation;
  for (uint64_t turn = 0; turn < 5; ++turn) {
    const auto more = random_prompt(turn + 50, 37);
    conversation.insert(conversation.end(), more.begin(), more.end());
    const uint32_t id = served.submit(logits_of(conversation, Kind::last_logits));
    CHECK(served.read_all());
    auto want = files().reference().logits(conversation);
    want.erase(want.begin(), want.end() - kVocab);
    check_logits(served.result(id).numbers, want, "turn " + std::to_string(turn));
  }
  CHECK(served.engine().stats().pages_cached >= 11);
}

}  // namespace
}  // namespace quern::test
