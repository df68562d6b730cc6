// How products are cut into work items: nothing twice, nothing left out, nothing too large, and evenly.
#include "backend/cpu/partition.h"

#include <algorithm>
#include <queue>
#include <string>
#include <vector>

#include "backend/cpu/matmul_kernels.h"
#include "check.h"

namespace quern::test {
namespace {

using cpu::MatrixRows;
using cpu::Partition;

struct Shape {
  const char* name;
  int64_t hidden, heads, kv_heads, head_dim, ffn, vocab;
};
constexpr Shape kModels[] = {
    {"the bundled model", 256, 4, 2, 64, 640, 5120},   {"SmolLM2-135M", 576, 9, 3, 64, 1536, 49152},
    {"SmolLM2-1.7B", 2048, 32, 32, 64, 8192, 49152},   {"Qwen3-0.6B", 1024, 16, 8, 128, 3072, 151936},
    {"Qwen3-1.7B", 2048, 16, 8, 128, 6144, 151936},    {"Qwen3-4B", 2560, 32, 8, 128, 9728, 151936},
    {"Qwen3-8B", 4096, 32, 8, 128, 12288, 151936},     {"Qwen3-32B", 5120, 64, 8, 128, 25600, 151936},
    {"Qwen2.5-0.5B", 896, 14, 2, 64, 4864, 151936},    {"Qwen2.5-7B", 3584, 28, 4, 128, 18944, 152064},
    {"Llama-3.2-1B", 2048, 32, 8, 64, 8192, 128256},   {"Llama-3.2-3B", 3072, 24, 8, 128, 8192, 128256},
    {"Llama-3.1-8B", 4096, 32, 8, 128, 14336, 128256}, {"Llama-3.1-70B", 8192, 64, 8, 128, 28672, 128256},
};
constexpr const char* kFormats[] = {"F32", "F16", "BF16", "Q8_0", "Q4_0"};

struct Operation {
  std::string name;
  std::vector<MatrixRows> matrices;
  Partition cut(int64_t tokens, int threads) const {
    if (matrices.size() == 3) return {tokens, {matrices[0], matrices[1], matrices[2]}, threads};
    return {tokens, {matrices[0]}, threads};
  }
};

// Those of a layer, and the output matrix.
std::vector<Operation> operations(const Shape& model, const char* format, bool exact) {
  const cpu::MatmulKernel& kernel = cpu::choose_matmul(cpu::choose_isa("auto"), *find_format(format), exact);
  const auto matrix = [&](int64_t rows, int64_t cols, int64_t side_by_side = 1) {
    return MatrixRows{rows, side_by_side * cols, side_by_side * kernel.panel_bytes(cols) / kernel.panel_rows,
                      kernel.panel_rows};
  };
  const int64_t q = model.heads * model.head_dim, kv = model.kv_heads * model.head_dim;
  const auto named = [&](const char* name) { return std::string(model.name) + " " + format + " " + name; };
  return {{named("qkv"), {matrix(q, model.hidden), matrix(kv, model.hidden), matrix(kv, model.hidden)}},
          {named("o"), {matrix(model.hidden, q)}},
          {named("gate, up"), {matrix(model.ffn, model.hidden, 2)}},
          {named("down"), {matrix(model.hidden, model.ffn)}},
          {named("head"), {matrix(model.vocab, model.hidden)}}};
}

template <typename Check>
void for_all_operations(const Check& check) {
  for (const Shape& model : kModels)
    for (const char* format : kFormats)
      for (const Operation& operation : operations(model, format, false)) check(operation);
}

int64_t bytes_of(const Operation& operation, const Partition::Item& item) {
  return item.rows * operation.matrices[static_cast<size_t>(item.matrix)].row_bytes;
}
int64_t panel_bytes(const Operation& operation) {
  return operation.matrices[0].row_bytes * operation.matrices[0].panel_rows;
}

TEST(every_row_of_every_token_is_in_one_item) {
  const std::vector<MatrixRows> shapes = {{100, 72, 144, 4}, {333, 72, 81, 16}, {1, 4096, 2304, 16},
                                          {3072, 1, 2, 4},   {16, 20, 80, 4},   {4096, 1 << 20, 1 << 21, 4}};
  for (const MatrixRows& one : shapes) {
    for (const MatrixRows& other : shapes) {
      for (const int64_t tokens : {1, 7, 8, 96, 97, 193}) {
        for (const int threads : {1, 64}) {
          const Partition cut(tokens, {one, other, one}, threads);
          const int64_t rows[] = {one.rows, other.rows, one.rows};
          std::vector<std::vector<int>> seen;
          for (const int64_t count : rows) seen.emplace_back(static_cast<size_t>(count * tokens));
          for (int i = 0; i < cut.items(); ++i) {
            const auto item = cut.item(i);
            CHECK(item.rows > 0 && item.tokens > 0 && item.tokens * item.rows <= Partition::kMostOutputs);
            for (int64_t row = item.first_row; row < item.first_row + item.rows; ++row)
              for (int64_t t = item.first_token; t < item.first_token + item.tokens; ++t)
                ++seen[static_cast<size_t>(item.matrix)].at(static_cast<size_t>(t * rows[item.matrix] + row));
          }
          for (const auto& counts : seen)
            CHECK(std::all_of(counts.begin(), counts.end(), [](int count) { return count == 1; }));
        }
      }
    }
  }
  CHECK_EQ(Partition(0, {{100, 72, 144, 4}}, 2).items(), 0);
}

// A panel is the least that can be read: where one is larger, an item is one. That is so of 35 of these 350:
// most of them are `down` in F32 or Q8_0 (161 KB in Qwen3-4B).
TEST(decoding_reads_128_KB_of_weights_an_item_at_most) {
  int larger = 0, all = 0;
  for_all_operations([&](const Operation& operation) {
    for (const int tokens : {1, 7}) {
      const Partition cut = operation.cut(tokens, 1);
      const int64_t most = std::max<int64_t>(128 << 10, panel_bytes(operation));
      for (int i = 0; i < cut.items(); ++i)
        CHECK_FOR(bytes_of(operation, cut.item(i)) <= most, operation.name);
    }
    ++all;
    larger += panel_bytes(operation) > 128 << 10;
  });
  CHECK_EQ(all, 350);
  CHECK_EQ(larger, 35);
}

TEST(a_prompt_takes_items_that_a_cancelled_step_can_wait_for) {
  for_all_operations([&](const Operation& operation) {
    for (const int tokens : {8, 96, 512}) {
      const Partition cut = operation.cut(tokens, 1);
      for (int i = 0; i < cut.items(); ++i) {
        const auto item = cut.item(i);
        const MatrixRows& matrix = operation.matrices[static_cast<size_t>(item.matrix)];
        // Half a millisecond, or a panel of 96 tokens: less than two of them.
        CHECK_FOR(matrix.cols * item.rows * item.tokens <=
                      std::max<int64_t>(12 << 20, matrix.cols * matrix.panel_rows * item.tokens),
                  operation.name);
      }
    }
  });
}

// Seconds do not matter here, bytes do: threads take the items in their order, each the next when it has
// done one. None does more than an even share and one item more; an item is a quarter of a share at most, or
// a panel.
TEST(threads_end_together) {
  for_all_operations([&](const Operation& operation) {
    for (const int tokens : {1, 8}) {
      for (int threads = 1; threads <= 64; ++threads) {
        const Partition cut = operation.cut(tokens, threads);
        std::priority_queue<int64_t, std::vector<int64_t>, std::greater<>> done;
        for (int thread = 0; thread < threads; ++thread) done.push(0);
        int64_t total = 0, last = 0;
        for (int i = 0; i < cut.items(); ++i) {
          const int64_t bytes = bytes_of(operation, cut.item(i)), end = done.top() + bytes;
          done.pop();
          done.push(end);
          total += bytes;
          last = std::max(last, end);
        }
        const int64_t share = total / threads;
        CHECK_FOR(last <= share + std::max(share / 4, panel_bytes(operation)) + threads,
                  operation.name + " with " + std::to_string(threads) + " threads");
      }
    }
  });
}

}  // namespace
}  // namespace quern::test
