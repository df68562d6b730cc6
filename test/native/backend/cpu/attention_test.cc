#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/cpu/isa.h"
#include "check.h"
#include "numbers.h"

namespace quern::test {
namespace {

using cpu::Kernels;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int kPage = cpu::kPagePositions;
constexpr float kSlopes[] = {0.8408964f, 0.5f, 0.00390625f, 0.25f};  // of ALiBi

// Some tokens of one sequence, and the query heads that share a key/value head.
struct Tile {
  int first_position, tokens, group;
  int window = 0;
  const float* slopes = nullptr;

  int end() const { return first_position + tokens; }
  int lowest() const { return cpu::lowest_seen(first_position, window); }
  Tile part(int first, int count) const { return {first_position + first, count, group, window, slopes}; }
};

// One key/value head of one sequence: pages in shuffled order, some of them another sequence's; NaN wherever
// nothing visible lies, that is outside positions [begin, end).
struct Cache {
  Cache(Dtype dtype, int begin, int end, int dim, uint64_t seed)
      : head_dim(dim),
        page_stride(kPage * dim + 32),  // as if other heads lay between
        keys(dtype, std::vector<float>(numbers(end), kNan)),
        values(keys),
        pages(static_cast<size_t>(pages_of(end))) {
    Random random(seed);
    std::vector<int32_t> all;
    for (int page = 0; page < pages_of(end) + 2; ++page) all.push_back(page);
    random.shuffle(all);
    std::copy_n(all.begin(), pages.size(), pages.begin());
    for (int position = begin; position < end; ++position) {
      for (int d = 0; d < dim; ++d) {
        keys.set(key(position, d), random.real(2));
        values.set(value(position, d), random.real(1));
      }
    }
  }
  static int pages_of(int positions) { return (positions + kPage - 1) / kPage; }
  size_t numbers(int positions) const { return static_cast<size_t>((pages_of(positions) + 2) * page_stride); }
  size_t key(int position, int d) const {
    return page(position) + static_cast<size_t>(d * kPage + position % kPage);
  }
  size_t value(int position, int d) const {
    return page(position) + static_cast<size_t>(position % kPage * head_dim + d);
  }
  size_t page(int position) const {
    return static_cast<size_t>(pages[static_cast<size_t>(position / kPage)] * page_stride);
  }

  int head_dim;
  int64_t page_stride;
  Stored keys, values;
  std::vector<int32_t> pages;
};

struct Queries {
  Queries(const Tile& tile, int head_dim, uint64_t seed)
      : stride((tile.group + 1) * head_dim + 7),
        numbers(Random(seed).reals(static_cast<size_t>(tile.tokens * stride), 2)) {}
  int64_t stride;  // other heads' queries lie between
  std::vector<float> numbers;
};

// As the backend does it: segments of 512 positions, each a state of its own, merged in order. All memory
// that the kernels get is full of NaN, and whoever follows the table to a page that no token sees, crashes.
std::vector<float> run(const Kernels& kernels, const Cache& cache, const float* q, int64_t q_stride,
                       const Tile& tile) {
  const int rows = tile.tokens * tile.group;
  const int first_segment = tile.lowest() - tile.lowest() % cpu::kAttentionSegment;
  std::vector<int32_t> pages(cache.pages);
  std::fill_n(pages.begin(), tile.lowest() / kPage, std::numeric_limits<int32_t>::min());
  const int64_t stride = cache.head_dim + 3;
  std::vector<float> state(static_cast<size_t>(rows * stride), kNan), later(state);
  std::vector<float> scratch(static_cast<size_t>(cpu::attention_scratch(rows, cache.head_dim)), kNan);
  for (int begin = first_segment; begin < tile.end(); begin += cpu::kAttentionSegment) {
    float* into = begin == first_segment ? state.data() : later.data();
    kernels.attention_begin({into, nullptr, stride, 0, rows, cache.head_dim});
    cpu::AttentionParams p;
    p.q = q;
    p.q_stride = q_stride;
    p.tokens = tile.tokens;
    p.group = tile.group;
    p.head_dim = cache.head_dim;
    p.first_position = tile.first_position;
    p.window = tile.window;
    p.slopes = tile.slopes;
    p.scale = 1 / std::sqrt(static_cast<float>(cache.head_dim));
    p.keys = cache.keys.data();
    p.values = cache.values.data();
    p.kv_dtype = cache.keys.dtype();
    p.page_stride = cache.page_stride;
    p.pages = pages.data();
    p.begin = begin;
    p.end = begin + cpu::kAttentionSegment;
    p.state = into;
    p.state_stride = stride;
    p.scratch = scratch.data();
    kernels.attention(p);
    if (begin > first_segment)
      kernels.attention_merge({state.data(), later.data(), stride, stride, rows, cache.head_dim});
  }
  std::vector<float> out;
  for (int row = 0; row < rows; ++row)
    for (int d = 0; d < cache.head_dim; ++d)
      out.push_back(state[static_cast<size_t>(row * stride + 2 + d)] /
                    state[static_cast<size_t>(row * stride + 1)]);
  return out;
}

struct Wanted {
  std::vector<double> out;
  double tolerance = 0;
};

// One query row. Scores are off by at most delta: the scaled query, each of its d products and their d
// additions, by u of the sum of magnitudes; a score that is off by delta moves the result by at most delta
// times the largest value, 1. e^x is off by 4 u and by u |x|. The running sums over n positions round with
// random signs, 8 u sqrt(n) is eight deviations; the sum of weights adds at most 20 + n/64 of u. One position
// of n lost or too many moves the result by about 1/n, ten times more. A slope adds the roundings of its
// product and of its addition.
Wanted reference(const Cache& cache, const float* q, int position, int window, double slope) {
  const auto dim = static_cast<size_t>(cache.head_dim);
  const double scale = 1 / std::sqrt(static_cast<double>(cache.head_dim));
  std::vector<double> scores;
  double delta = 0, largest = -std::numeric_limits<double>::infinity(), least = -largest;
  const int begin = cpu::lowest_seen(position, window), visible = position + 1 - begin;
  for (int j = begin; j <= position; ++j) {
    double score = 0, magnitude = 0;
    for (size_t d = 0; d < dim; ++d) {
      const double product = double{q[d]} * double{cache.keys[cache.key(j, static_cast<int>(d))]};
      score += product;
      magnitude += std::abs(product);
    }
    const double bias = slope * (j - position);
    scores.push_back(score * scale + bias);
    delta = std::max(delta, kUnit * ((static_cast<double>(dim) + 2) * magnitude * scale + std::abs(bias) +
                                     std::abs(scores.back())));
    largest = std::max(largest, scores.back());
    least = std::min(least, scores.back());
  }
  Wanted wanted{std::vector<double>(dim)};
  double total = 0;
  for (double& score : scores) total += score = std::exp(score - largest);
  for (int i = 0; i < visible; ++i)
    for (size_t d = 0; d < dim; ++d)
      wanted.out[d] += scores[static_cast<size_t>(i)] / total *
                       double{cache.values[cache.value(begin + i, static_cast<int>(d))]};
  wanted.tolerance =
      delta + kUnit * (4 + largest - least) + kUnit * (8 * std::sqrt(visible) + 20 + visible / 64.0);
  return wanted;
}

void check_tile(Dtype dtype, int head_dim, const Tile& tile) {
  const uint64_t seed = static_cast<uint64_t>(head_dim * 1000 + tile.first_position * 10 + tile.group);
  const Cache cache(dtype, tile.lowest(), tile.end(), head_dim, seed);
  const Queries queries(tile, head_dim, seed + 1);
  for (const Kernels* kernels : cpu::runnable_kernels()) {
    const std::string context = std::string(kernels->name) + " " + std::string(name_of(dtype)) +
                                " head_dim " + std::to_string(head_dim) + " group " +
                                std::to_string(tile.group) + " tokens " + std::to_string(tile.tokens) +
                                " from " + std::to_string(tile.first_position) + " window " +
                                std::to_string(tile.window) + (tile.slopes ? " slopes" : "");
    const auto got = run(*kernels, cache, queries.numbers.data(), queries.stride, tile);
    for (int row = 0; row < tile.tokens * tile.group; ++row) {
      const float* q =
          queries.numbers.data() + row / tile.group * queries.stride + row % tile.group * head_dim;
      const double slope = tile.slopes ? double{tile.slopes[row % tile.group]} : 0;
      const Wanted want = reference(cache, q, tile.first_position + row / tile.group, tile.window, slope);
      for (int d = 0; d < head_dim; ++d)
        CHECK_FOR(std::abs(double{got[static_cast<size_t>(row * head_dim + d)]} -
                           want.out[static_cast<size_t>(d)]) <= want.tolerance,
                  context);
    }
    // Every token on its own, and every split in two: the same bits.
    const auto piece = [&](int first, int tokens) {
      return run(*kernels, cache, queries.numbers.data() + first * queries.stride, queries.stride,
                 tile.part(first, tokens));
    };
    std::vector<float> one_by_one;
    for (int t = 0; t < tile.tokens; ++t) {
      const auto alone = piece(t, 1);
      one_by_one.insert(one_by_one.end(), alone.begin(), alone.end());
    }
    CHECK_FOR(same_bytes(got, one_by_one), context);
    for (int cut = 1; cut < tile.tokens; cut += 3) {
      auto parts = piece(0, cut);
      const auto second = piece(cut, tile.tokens - cut);
      parts.insert(parts.end(), second.begin(), second.end());
      CHECK_FOR(same_bytes(got, parts), context);
    }
  }
}

TEST(short_contexts) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f16})
    for (const int head_dim : {16, 64, 80, 96, 128})
      for (int group = 1; group <= 4; ++group)
        for (const int first : {0, 1, 3, 14, 15, 16, 47, 62, 63, 64, 65, 130})
          check_tile(dtype, head_dim, {first, 1, group});
}

TEST(tiles_of_tokens) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f16}) {
    for (const int head_dim : {16, 80, 128}) {
      for (int group = 1; group <= 4; ++group) {
        for (const int tokens : {2, 3, 7, 32}) {
          check_tile(dtype, head_dim, {0, tokens, group});
          check_tile(dtype, head_dim, {55, tokens, group});
        }
      }
    }
  }
}

TEST(head_sizes_that_are_no_multiple_of_a_vector) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f16})
    for (const int head_dim : {1, 2, 6, 20, 36, 72, 100}) check_tile(dtype, head_dim, {70, 5, 3});
}

TEST(around_the_end_of_a_segment) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f16})
    for (const int first : {505, 510, 511, 512, 513, 1020}) check_tile(dtype, 64, {first, 6, 2});
}

TEST(more_than_4096_positions) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f16}) {
    int first = 4096;
    for (const int head_dim : {16, 64, 80, 96, 128}) {
      for (int group = 1; group <= 4; ++group) {
        check_tile(dtype, head_dim, {first, 1, group});
        first += 37;
      }
    }
    check_tile(dtype, 128, {4090, 8, 4});
  }
}

// Windows as Hugging Face has them: position j is seen from i where i - window < j <= i.
TEST(windows) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f16})
    for (const int window : {1, 15, 16, 17, 63, 64, 65, 1000, 100000})
      for (const int first : {0, 5, 50, 130, 500, 1023, 1600})
        for (const int tokens : {1, 20}) check_tile(dtype, 32, {first, tokens, 2, window});
}

TEST(windows_of_long_tiles) {
  for (const int window : {1, 16, 64, 65, 600}) {
    check_tile(Dtype::f16, 40, {990, 48, 1, window});
    check_tile(Dtype::f16, 128, {70, 12, 4, window, kSlopes});
  }
}

TEST(slopes) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f16})
    for (const int window : {0, 17, 64, 1000})
      for (const int first : {0, 60, 510, 1600})
        for (const int group : {1, 3, 4}) check_tile(dtype, 32, {first, 9, group, window, kSlopes});
}

// Scores far apart: all weight on one position, wherever it is, and no overflow.
TEST(one_position_takes_all) {
  const int head_dim = 64, positions = 1100;
  for (const int winner : {0, 63, 64, 511, 512, 700, 1099}) {
    Cache cache(Dtype::f32, 0, positions, head_dim, 5);
    std::vector<float> q(head_dim, 10);
    for (int position = 0; position < positions; ++position)
      for (int d = 0; d < head_dim; ++d)
        cache.keys.set(cache.key(position, d), position == winner ? 100.0f : -100.0f);
    for (const Kernels* kernels : cpu::runnable_kernels()) {
      const auto got = run(*kernels, cache, q.data(), head_dim, {positions - 1, 1, 1});
      for (int d = 0; d < head_dim; ++d)
        CHECK_EQ(got[static_cast<size_t>(d)], cache.values[cache.value(winner, d)]);
    }
  }
}

}  // namespace
}  // namespace quern::test
