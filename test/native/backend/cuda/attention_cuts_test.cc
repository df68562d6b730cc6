// The bits of a row between a prompt at once, in chunks of any size among rows of other sequences, and
// decoding.
#include "backend/cuda/attention_case.h"

namespace quern::test {
namespace {

using cuda::KvType;

// Rows of a sequence in one step, as a prompt.
std::vector<float> at_once(const AttentionShape& shape, const AttentionTokens& tokens, int first, int rows) {
  return run_attention(cuda::attention, shape, {{&tokens, first, rows}});
}

// The same in chunks of many sizes, between rows of another sequence.
std::vector<float> in_chunks(const AttentionShape& shape, const AttentionTokens& tokens,
                             const AttentionTokens& other, int first, int rows, std::vector<int> sizes) {
  std::vector<float> all;
  const int row_numbers = shape.heads * shape.head_dim;
  for (int at = 0, i = 0; at < rows; ++i) {
    const int size = std::min(sizes[static_cast<size_t>(i) % sizes.size()], rows - at);
    const int before = 1 + i % 3;
    const auto got = run_attention(
        cuda::attention, shape,
        {{&other, 20 + i % 20, before}, {&tokens, first + at, size}, {&other, 90, 1}, {&other, 10, 40}},
        {.multiprocessors = i % 2 == 0 ? 200 : 16, .longest = 4000 * (i % 2)});
    all.insert(all.end(), got.begin() + before * row_numbers, got.begin() + (before + size) * row_numbers);
    at += size;
  }
  return all;
}

void check_cuts(const AttentionShape& shape, int first, int rows, int every) {
  const AttentionTokens tokens(shape, 3, first + rows), other(shape, 4, 100);
  const auto whole = at_once(shape, tokens, first, rows);
  check_attention(shape, {{&tokens, first, rows}}, whole, every);
  const auto cut = in_chunks(shape, tokens, other, first, rows, {1, 2, 7, 8, 9, 17, 33, 64, 130});
  CHECK_FOR(whole == cut, shape.text() + ", rows from " + std::to_string(first));
}

TEST(a_prompt_in_any_chunks_and_decoding_give_the_same_bits) {
  for (const int group : {1, 3, 4, 8}) {
    check_cuts({.heads = group, .kv_heads = 1, .head_dim = 32}, 0, 150, 15);
    check_cuts({.heads = group, .kv_heads = 1, .head_dim = 32, .type = KvType::f16}, 230, 40, 7);
  }
  check_cuts({.heads = 2, .kv_heads = 2, .head_dim = 80}, 100, 40, 5);
}

TEST(every_head_size_as_a_prompt_and_row_by_row) {
  for (const KvType type : {KvType::bf16, KvType::f16}) {
    for (const int head_dim : {16, 48, 64, 80, 96, 112, 128, 256}) {
      const AttentionShape shape{.heads = 1, .kv_heads = 1, .head_dim = head_dim, .type = type};
      const AttentionTokens tokens(shape, 6, 290);
      const auto whole = at_once(shape, tokens, 220, 70);
      check_attention(shape, {{&tokens, 220, 70}}, whole, 20);
      for (const int row : {0, 15, 35, 36, 69}) {
        const auto alone = at_once(shape, tokens, 220 + row, 1);
        CHECK_FOR(std::equal(alone.begin(), alone.end(), whole.begin() + row * head_dim), shape.text());
      }
    }
  }
}

TEST(windows_sinks_and_slopes) {
  for (const auto& [window, sinks, turned] :
       {std::tuple{1, 0, 0}, {16, 0, 0}, {100, 0, 0}, {1, 1, 12}, {28, 4, 12}, {60, 70, 16}, {100, 530, 0}}) {
    for (const bool has_slopes : {false, true}) {
      AttentionShape shape{.heads = 2, .kv_heads = 1, .head_dim = 16, .window = window, .sinks = sinks};
      shape.has_slopes = has_slopes;
      shape.turned = turned;
      check_cuts(shape, 0, 75, 9);
      check_cuts(shape, 600, 20, 4);
    }
  }
  AttentionShape slopes{.heads = 4, .kv_heads = 2, .head_dim = 64, .has_slopes = true};
  check_cuts(slopes, 240, 40, 5);
}

}  // namespace
}  // namespace quern::test
