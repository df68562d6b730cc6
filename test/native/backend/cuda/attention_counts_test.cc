// What attention asks of the GPU's memories, counted: keys and values once for a whole group of query heads,
// no bank conflicts, no local memory, one launch.
#include "backend/cuda/attention_case.h"
#include "emulator/counters.h"

namespace quern::test {
namespace {

emulator::Counters count(const AttentionShape& shape, int first, int rows, int multiprocessors) {
  const AttentionTokens tokens(shape, 3, first + rows);
  emulator::take_counters();
  run_attention(cuda::attention, shape, {{&tokens, first, rows}}, {.multiprocessors = multiprocessors});
  const emulator::Counters sum = emulator::take_counters();
  CHECK_EQ(sum.launches, 1u);
  CHECK_EQ(sum.shared_conflict_cycles, 0u);
  CHECK_EQ(sum.local_accesses, 0u);
  return sum;
}

constexpr int kLength = 2048, kBlocks = kLength / 64;

TEST(decoding_reads_keys_and_values_once) {
  for (const int head_dim : {64, 80, 96, 128}) {
    const AttentionShape shape{.heads = 8, .kv_heads = 1, .head_dim = head_dim};
    for (const int multiprocessors : {1, 132}) {
      const emulator::Counters counts = count(shape, kLength - 1, 1, multiprocessors);
      const double bytes = 4.0 * kLength * head_dim,
                   traffic = 32.0 * static_cast<double>(counts.global_sectors);
      std::printf(
          "     %d numbers, %d multiprocessors: %.3f of the bytes of keys and values, %.0f "
          "instructions a warp and step\n",
          head_dim, multiprocessors, traffic / bytes,
          static_cast<double>(counts.warp_instructions) / (4 * kBlocks));
      // Beside them: queries for each part of the sequence, page tables, partial results.
      CHECK(traffic <= (multiprocessors == 1 ? 1.06 : 1.2) * bytes);
      CHECK(static_cast<double>(counts.global_sectors) <=
            1.01 * static_cast<double>(counts.global_ideal_sectors));
      CHECK_EQ(counts.tensor_instructions, static_cast<uint64_t>(kBlocks * head_dim));
    }
  }
}

TEST(a_tile_of_a_prompt_reads_keys_and_values_once) {
  for (const int head_dim : {64, 80, 96, 128}) {
    const AttentionShape shape{.heads = 4, .kv_heads = 1, .head_dim = head_dim};
    const emulator::Counters counts = count(shape, kLength - 16, 16, 132);  // 64 rows
    const double bytes = 4.0 * kLength * head_dim,
                 traffic = 32.0 * static_cast<double>(counts.global_sectors);
    std::printf("     %d numbers: %.3f of the bytes of keys and values, %.0f instructions a warp and step\n",
                head_dim, traffic / bytes, static_cast<double>(counts.warp_instructions) / (4 * kBlocks));
    CHECK(traffic <= 1.08 * bytes);
    CHECK_EQ(counts.tensor_instructions, static_cast<uint64_t>(4 * kBlocks * head_dim));
  }
}

}  // namespace
}  // namespace quern::test
