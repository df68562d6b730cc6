// Attention by tensor cores against float64, and the bits of its rows between every two ways to compute them.
#include "backend/cuda/attention_case.h"

namespace quern::test {
namespace {

using cuda::KvType;

constexpr KvType kTypes[] = {KvType::bf16, KvType::f16};

TEST(decoding_at_every_length) {
  for (const KvType type : kTypes) {
    const AttentionShape shape{.heads = 4, .kv_heads = 1, .head_dim = 64, .type = type};
    for (const int length : {1, 15, 16, 17, 63, 64, 65, 255, 256, 257, 700}) {
      const AttentionTokens tokens(shape, static_cast<uint64_t>(length), length);
      const std::vector<AttentionChunk> row{{&tokens, length - 1, 1}};
      const auto whole = run_attention(cuda::attention, shape, row, {.multiprocessors = 1});
      const auto split = run_attention(cuda::attention, shape, row, {.longest = 5000});
      check_attention(shape, row, split);
      CHECK_FOR(whole == split, shape.text() + ", length " + std::to_string(length));
    }
  }
}

TEST(every_head_size) {
  for (const KvType type : kTypes) {
    for (const int head_dim : {16, 24, 32, 48, 64, 80, 96, 112, 128, 256}) {
      const AttentionShape shape{.heads = 2, .kv_heads = 1, .head_dim = head_dim, .type = type};
      const AttentionTokens a(shape, 1, 300), b(shape, 2, 17);
      const std::vector<AttentionChunk> chunks{{&a, 299, 1}, {&b, 16, 1}};
      check_attention(shape, chunks, run_attention(cuda::attention, shape, chunks));
    }
  }
}

TEST(groups) {
  for (const int group : {1, 2, 3, 4, 5, 6, 7, 8, 12, 17, 40}) {
    const AttentionShape shape{.heads = 2 * group, .kv_heads = 2, .head_dim = 32};
    const AttentionTokens a(shape, 1, 280), b(shape, 2, 70);
    const std::vector<AttentionChunk> chunks{{&a, 279, 1}, {&b, 69, 1}};
    const auto whole = run_attention(cuda::attention, shape, chunks, {.multiprocessors = 1});
    check_attention(shape, chunks, whole);
    CHECK_FOR(whole == run_attention(cuda::attention, shape, chunks, {.multiprocessors = 100}), shape.text());
    CHECK_FOR(whole == run_attention(cuda::attention, shape, chunks, {.most_partials = 100}), shape.text());
  }
}

// Segments are longer from position 4096 on.
TEST(a_long_sequence) {
  const AttentionShape shape{.heads = 2, .kv_heads = 1, .head_dim = 16};
  const AttentionTokens tokens(shape, 5, 6300);
  const std::vector<AttentionChunk> row{{&tokens, 6299, 1}};
  const auto split = run_attention(cuda::attention, shape, row, {.multiprocessors = 100});
  check_attention(shape, row, split);
  CHECK(split == run_attention(cuda::attention, shape, row, {.multiprocessors = 1}));
  CHECK(split == run_attention(cuda::attention, shape, row, {.multiprocessors = 2, .longest = 20000}));
  CHECK(split == run_attention(cuda::attention, shape, row, {.most_partials = 0}));
  const AttentionTokens other(shape, 6, 40);
  const auto among =
      run_attention(cuda::attention, shape, {{&other, 39, 1}, {&tokens, 6299, 1}, {&other, 20, 1}},
                    {.multiprocessors = 3});  // each by itself, but for the long one
  CHECK(split == std::vector<float>(among.begin() + 32, among.begin() + 64));
  const auto prompt = run_attention(cuda::attention, shape, {{&tokens, 6260, 40}});
  CHECK(split == std::vector<float>(prompt.end() - 32, prompt.end()));
}

}  // namespace
}  // namespace quern::test
