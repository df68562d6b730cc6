// Attention sinks against float64: what the cache would hold if everything between the sinks and the window
// had been dropped, with positions counted within it.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "backend/cpu/cpu_attention.h"
#include "backend/cpu/isa.h"
#include "check.h"
#include "numbers.h"

namespace quern::test {
namespace {

constexpr int kHeads = 2, kHeadDim = 16, kRotated = 12, kRowNumbers = kHeads * kHeadDim;
constexpr float kSlopes[] = {0.5f, 0.0625f};
// Scores stay below 16 * 4 / 4 and are off by at most so many units of that: products and their sum, the two
// rotations of a query and its scaling; beside it what attention_test.cc says of weights and sums.
constexpr double kTolerance = kUnit * (16 * (kHeadDim + 16) + 100);

const std::atomic<bool> kNever{false};

double frequency(int pair) {
  return std::pow(50.0, -2.0 * pair / kRotated);
}

// The first numbers of a head, turned by an angle of so many positions.
std::vector<double> turned(std::vector<double> head, double positions) {
  for (size_t i = 0; i < kRotated / 2; ++i) {
    const double angle = positions * frequency(static_cast<int>(i)), a = head[i], b = head[i + kRotated / 2];
    head[i] = a * std::cos(angle) - b * std::sin(angle);
    head[i + kRotated / 2] = b * std::cos(angle) + a * std::sin(angle);
  }
  return head;
}

// One sequence of as many positions, with one head of keys and values; nothing is rotated yet.
struct Tokens {
  explicit Tokens(int count) {
    Random random(static_cast<uint64_t>(count));
    const auto make = [&](int heads, float scale) {
      std::vector<std::vector<double>> all;
      for (int i = 0; i < count * heads; ++i) {
        const auto numbers = random.reals(kHeadDim, scale);
        all.emplace_back(numbers.begin(), numbers.end());
      }
      return all;
    };
    queries = make(kHeads, 2);
    keys = make(1, 2);
    values = make(1, 1);
  }
  std::vector<std::vector<double>> queries, keys, values;  // [positions * heads], each [kHeadDim]
};

std::vector<double> reference(const Tokens& tokens, int position, int head, const AttentionSpec& spec) {
  std::vector<size_t> cache;  // positions
  for (int j = 0; j <= position; ++j)
    if (j < spec.sinks || j > position - spec.window) cache.push_back(static_cast<size_t>(j));
  const auto q = turned(tokens.queries[static_cast<size_t>(position * kHeads + head)],
                        static_cast<double>(cache.size() - 1));
  std::vector<double> weights, out(kHeadDim);
  double total = 0;
  for (size_t i = 0; i < cache.size(); ++i) {
    const auto key = turned(tokens.keys[cache[i]], static_cast<double>(i));
    double score = 0;
    for (size_t d = 0; d < kHeadDim; ++d) score += q[d] * key[d];
    score /= std::sqrt(kHeadDim);
    if (!spec.slopes.empty())
      score -= double{spec.slopes[static_cast<size_t>(head)]} * static_cast<double>(cache.size() - 1 - i);
    weights.push_back(std::exp(score));
    total += weights.back();
  }
  for (size_t i = 0; i < cache.size(); ++i)
    for (size_t d = 0; d < kHeadDim; ++d) out[d] += weights[i] / total * tokens.values[cache[i]][d];
  return out;
}

// Rows [first, first + rows) of a sequence, as a step has them: queries and keys are rotated by their
// positions.
std::vector<float> run(const cpu::Kernels& kernels, const Tokens& tokens, int first, int rows,
                       AttentionSpec spec) {
  const int end = first + rows;
  KvShape shape{Dtype::f32, 1, kHeadDim, (end + kPagePositions - 1) / kPagePositions};
  std::vector<float> keys(static_cast<size_t>(shape.pages * shape.page_numbers())), values(keys), q, cos, sin;
  std::vector<int32_t> pages;
  for (int32_t page = 0; page < shape.pages; ++page) pages.push_back(page);
  for (int position = 0; position < end; ++position) {
    const auto at = static_cast<size_t>(position);
    const auto key = turned(tokens.keys[at], position);
    const size_t page = at / kPagePositions * kPagePositions * kHeadDim, place = at % kPagePositions;
    for (size_t d = 0; d < kHeadDim; ++d) {
      keys[page + d * kPagePositions + place] = static_cast<float>(key[d]);
      values[page + place * kHeadDim + d] = static_cast<float>(tokens.values[at][d]);
    }
    if (position < first) continue;
    for (int head = 0; head < kHeads; ++head)
      for (const double number : turned(tokens.queries[at * kHeads + static_cast<size_t>(head)], position))
        q.push_back(static_cast<float>(number));
    const int turn = std::min(0, spec.sinks + spec.window - 1 - position);
    for (int pair = 0; pair < kRotated / 2; ++pair) {
      cos.push_back(static_cast<float>(std::cos(turn * frequency(pair))));
      sin.push_back(static_cast<float>(std::sin(turn * frequency(pair))));
    }
  }
  const Angles angles{cos.data(), sin.data(), kRotated};
  const int32_t* const table = pages.data();
  const SequenceRows sequence{0, rows, first, {&table, 1}};
  spec.sink_turn = 0;
  cpu::Attention attention;
  attention.reserve({rows, 1, 64, kHeads, 1, kHeadDim, 64, 64, end}, 1);
  std::vector<float> out(q.size());
  attention.run(kernels, 1, spec, {q.data(), Dtype::f32, rows, kRowNumbers},
                {{}, {&angles, 1}, {&sequence, 1}, &kNever}, shape, {keys.data(), values.data()},
                {out.data(), Dtype::f32, rows, kRowNumbers});
  return out;
}

TEST(sinks_are_as_near_as_they_lie_in_the_cache) {
  const Tokens tokens(1400);
  for (const auto& [sinks, window] :
       {std::pair{0, 5}, {1, 1}, {4, 28}, {4, 29}, {16, 16}, {20, 100}, {64, 64}, {70, 600}, {530, 40}}) {
    for (const bool alibi : {false, true}) {
      const AttentionSpec spec{window, alibi ? std::span(kSlopes) : std::span<const float>{}, sinks, 0};
      const int full = sinks + window;
      for (const auto& [first, rows] :
           {std::pair{0, 40}, {std::max(0, full - 20), 40}, {full, 1}, {700, 30}, {1399, 1}}) {
        for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
          const auto got = run(*kernels, tokens, first, rows, spec);
          for (int row = 0; row < rows * kHeads; ++row) {
            const auto want = reference(tokens, first + row / kHeads, row % kHeads, spec);
            for (size_t d = 0; d < kHeadDim; ++d)
              CHECK_FOR(
                  std::abs(double{got[static_cast<size_t>(row) * kHeadDim + d]} - want[d]) <= kTolerance,
                  std::string(kernels->name) + ", " + std::to_string(sinks) + " sinks, window " +
                      std::to_string(window) + ", position " + std::to_string(first + row / kHeads) +
                      (alibi ? ", slopes" : ""));
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace quern::test
