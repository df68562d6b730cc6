// Whole models against Hugging Face transformers, without Node: the cases of golden_case.h on the device
// under test. 'exact' has the logits of float32 and the greedy tokens; 'fast' loses twice what bfloat16 cost
// the golden's author at most. QUERN_GOLDEN_CASES (names between commas) and QUERN_GOLDEN_PROMPT (an index)
// choose some of them, for devices that are slow.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "engine/served.h"
#include "golden_case.h"
#include "results.h"

namespace quern::test {
namespace {

struct Distance {
  double atol, rtol;
  double most = 0;  // of all numbers, in tolerances

  void measure(const float* got, const float* want, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const double difference = std::abs(double{got[i]} - double{want[i]});
      const double distance = difference / (atol + rtol * std::abs(double{want[i]}));
      if (!(distance <= most) && !std::isnan(most)) most = distance;  // a NaN stays the most
    }
  }
};

Asked asked(std::vector<int32_t> prompt, Kind kind, size_t tokens = 0) {
  Asked request;
  request.prompt = std::move(prompt);
  request.kind = kind;
  request.max_tokens = static_cast<int32_t>(tokens);
  return request;
}

struct Ids {
  uint32_t logits = 0, greedy = 0, after = 0;
};

struct Outcome {
  double distance = 0;  // of the logits, in tolerances
  size_t same = 0;      // prompts whose greedy tokens are those of the golden
  size_t greedy = 0;    // prompts that have some
};

Result& finished(Served& served, uint32_t id) {
  Result& result = served.result(id);
  if (result.finish == Finish::failed)
    throw std::runtime_error(result.failure.code + ": " + result.failure.message);
  return result;
}

// All prompts at a time.
Outcome run(const GoldenCase& golden, bool exact) {
  Setup setup;
  setup.kv_bytes = uint64_t{32} << 20;
  setup.exact = exact;
  setup.context_length = 512;
  Served served(setup, make_device(2), golden.plan);
  std::vector<Ids> ids;
  for (const GoldenPrompt& prompt : golden.prompts) {
    Ids& of = ids.emplace_back();
    of.logits = served.submit(asked(prompt.ids, Kind::all_logits));
    if (prompt.greedy.empty()) continue;
    of.greedy = served.submit(asked(prompt.ids, Kind::generate, prompt.greedy.size()));
    std::vector<int32_t> whole = prompt.ids;
    whole.insert(whole.end(), prompt.greedy.begin(), prompt.greedy.end());
    of.after = served.submit(asked(std::move(whole), Kind::last_logits));
  }
  if (!served.read_all()) throw std::runtime_error("the engine hangs");

  Outcome outcome;
  Distance distance{exact ? golden.atol : 2 * golden.loss, exact ? golden.rtol : 0};
  for (size_t i = 0; i < ids.size(); ++i) {
    const GoldenPrompt& prompt = golden.prompts[i];
    const std::vector<float>& logits = finished(served, ids[i].logits).numbers;
    CHECK_FOR(logits.size() == prompt.ids.size() * golden.vocab, golden.name);
    for (size_t row = 0; row < prompt.positions.size(); ++row) {
      distance.measure(&logits.at(static_cast<size_t>(prompt.positions[row]) * golden.vocab),
                       &prompt.logits[row * golden.vocab], golden.vocab);
    }
    if (prompt.greedy.empty()) continue;
    ++outcome.greedy;
    outcome.same += finished(served, ids[i].greedy).tokens == prompt.greedy;
    const std::vector<float>& after = finished(served, ids[i].after).numbers;
    CHECK_FOR(after.size() == golden.vocab, golden.name);
    distance.measure(after.data(), prompt.logits_after.data(), golden.vocab);
  }
  outcome.distance = distance.most;
  return outcome;
}

void check(const GoldenCase& golden, bool exact) {
  const char* const precision = exact ? "exact" : "fast";
  const auto start = std::chrono::steady_clock::now();
  Outcome outcome;
  std::string failure;
  try {
    outcome = run(golden, exact);
  } catch (const std::exception& error) {
    failure = error.what();
    outcome.distance = NAN;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const bool passes = failure.empty() && outcome.distance <= 1 && (!exact || outcome.same == outcome.greedy);
  std::printf("     %-26s %-5s %.3f of the tolerance, greedy tokens of %zu/%zu prompts (%.2f s) %s\n",
              golden.name.c_str(), precision, outcome.distance, outcome.same, outcome.greedy, seconds,
              failure.c_str());
  std::fflush(stdout);
  CHECK_FOR(passes, golden.name + ", " + precision + ": " + failure);
  ResultLine()
      .add("golden", golden.name)
      .add("precision", precision)
      .add("passed", passes)
      .add("distance", outcome.distance)
      .add("same_greedy", outcome.same)
      .add("greedy", outcome.greedy)
      .add("seconds", seconds)
      .add("failure", failure)
      .write();
}

bool is_chosen(const std::string& name) {
  const char* const chosen = std::getenv("QUERN_GOLDEN_CASES");
  return chosen == nullptr || (std::string(",") + chosen + ",").find("," + name + ",") != std::string::npos;
}

void check_all(bool exact) {
  const std::filesystem::path folder = golden_folder();
  if (!std::filesystem::exists(folder)) {
    std::printf("absent: %s, which scripts/gpu-cases.mjs writes\n", folder.c_str());
    if (std::getenv("CI") != nullptr)
      check::fail(__FILE__, __LINE__, "absent where CI is set: " + folder.string());
    return;
  }
  std::vector<std::filesystem::path> cases;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_directory() && is_chosen(entry.path().filename())) cases.push_back(entry.path());
  std::sort(cases.begin(), cases.end());
  CHECK(!cases.empty());
  const char* const prompt = std::getenv("QUERN_GOLDEN_PROMPT");
  for (const auto& path : cases) {
    GoldenCase golden = read_golden_case(path);
    if (prompt != nullptr) golden.prompts = {golden.prompts.at(static_cast<size_t>(std::atoi(prompt)))};
    check(golden, exact);
  }
}

TEST(exact_has_the_logits_and_the_greedy_tokens) {
  check_all(true);
}
TEST(fast_is_as_near_as_bfloat16_allows) {
  check_all(false);
}

}  // namespace
}  // namespace quern::test
