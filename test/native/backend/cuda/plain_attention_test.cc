// Attention in float32 on the device against float64, for every kind of keys and values.
#include "backend/cuda/attention_case.h"

namespace quern::test {
namespace {

using cuda::KvType;

// Scores stay below 2 * 2 * sqrt(head_dim) / 2 and are off by at most so many units of that, weights by as
// much, and a sum of weighted values, each below 1, by a unit for every term.
double tolerance(const AttentionShape& shape, int length) {
  const double scores = 2 * std::sqrt(shape.head_dim) * (shape.head_dim + 8);
  return kUnit * (scores + length + 60) + (shape.is_plain ? 0 : 0x1p-8);
}

void check(const AttentionShape& shape, const std::vector<AttentionChunk>& chunks) {
  const auto got = run_attention(cuda::plain_attention, shape, chunks);
  const float* at = got.data();
  for (const AttentionChunk& chunk : chunks) {
    CHECK_FOR(attention_error(shape, chunk, at) <= tolerance(shape, chunk.first + chunk.rows),
              shape.text() + ", rows " + std::to_string(chunk.first) + " + " + std::to_string(chunk.rows));
    at += chunk.rows * shape.heads * shape.head_dim;
  }
}

TEST(every_head_size_and_type) {
  for (const KvType type : {KvType::f32, KvType::f16, KvType::bf16}) {
    for (const int head_dim : {12, 16, 24, 50, 64, 128}) {
      for (const bool is_plain : {true, false}) {
        const AttentionShape shape{
            .heads = 2, .kv_heads = 1, .head_dim = head_dim, .type = type, .is_plain = is_plain};
        const AttentionTokens a(shape, 1, 17), b(shape, 2, 140);
        check(shape, {{&a, 15, 2}, {&b, 139, 1}});
      }
    }
  }
  const AttentionShape large{
      .heads = 1, .kv_heads = 1, .head_dim = 512, .type = KvType::f32, .is_plain = true};
  const AttentionTokens tokens(large, 3, 20);
  check(large, {{&tokens, 18, 2}});
}

TEST(lengths) {
  const AttentionShape shape{
      .heads = 1, .kv_heads = 1, .head_dim = 16, .type = KvType::f32, .is_plain = true};
  for (const int length : {1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 255, 256, 257, 700}) {
    const AttentionTokens tokens(shape, static_cast<uint64_t>(length), length);
    check(shape, {{&tokens, length - 1, 1}});
  }
}

TEST(groups) {
  for (int group = 1; group <= 8; ++group) {
    const AttentionShape shape{
        .heads = 3 * group, .kv_heads = 3, .head_dim = 16, .type = KvType::bf16, .is_plain = true};
    const AttentionTokens tokens(shape, 1, 30);
    check(shape, {{&tokens, 28, 2}});
  }
}

TEST(windows_sinks_and_slopes) {
  for (const auto& [window, sinks, turned] :
       {std::tuple{1, 0, 0}, {16, 0, 0}, {100, 0, 0}, {1, 1, 12}, {28, 4, 12}, {60, 70, 16}, {100, 130, 0}}) {
    for (const bool has_slopes : {false, true}) {
      const AttentionShape shape{.heads = 2,
                                 .kv_heads = 1,
                                 .head_dim = 16,
                                 .type = KvType::f32,
                                 .window = window,
                                 .sinks = sinks,
                                 .has_slopes = has_slopes,
                                 .is_plain = true,
                                 .turned = turned};
      const AttentionTokens tokens(shape, 5, 400);
      check(shape, {{&tokens, 0, 3}, {&tokens, 97, 5}, {&tokens, 128, 1}, {&tokens, 396, 4}});
    }
  }
}

TEST(a_row_is_the_same_however_the_step_is_cut) {
  const AttentionShape shape{
      .heads = 2, .kv_heads = 1, .head_dim = 24, .type = KvType::f32, .window = 30, .is_plain = true};
  const AttentionTokens tokens(shape, 9, 60), other(shape, 10, 30);
  const auto whole = run_attention(cuda::plain_attention, shape, {{&tokens, 0, 60}});
  std::vector<float> cut;
  for (int first = 0; first < 60; first += 20) {
    auto part = run_attention(cuda::plain_attention, shape, {{&other, 3, 7}, {&tokens, first, 20}});
    cut.insert(cut.end(), part.begin() + 7 * shape.heads * shape.head_dim, part.end());
  }
  CHECK(whole == cut);
}

}  // namespace
}  // namespace quern::test
