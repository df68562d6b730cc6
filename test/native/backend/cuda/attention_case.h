// Sequences with made-up queries, keys and values: attention of chunks of them on the device, and in float64.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "backend/cuda/device_array.h"
#include "backend/cuda/kernels/operations.h"
#include "check.h"
#include "numbers.h"

namespace quern::test {

struct AttentionShape {
  int heads = 4, kv_heads = 2, head_dim = 32;
  cuda::KvType type = cuda::KvType::bf16;
  int window = 0, sinks = 0;
  bool has_slopes = false;
  bool is_plain = false;  // queries and results are f32, not bf16
  int turned = 0;         // numbers of a head that are turned for the sinks

  Dtype kv_dtype() const {
    return type == cuda::KvType::f32 ? Dtype::f32 : type == cuda::KvType::f16 ? Dtype::f16 : Dtype::bf16;
  }
  Dtype io_dtype() const { return is_plain ? Dtype::f32 : Dtype::bf16; }
  float slope(int head) const { return has_slopes ? 0.25f / static_cast<float>(1 + head) : 0; }
  std::string text() const {
    return std::to_string(heads) + "/" + std::to_string(kv_heads) + " heads of " + std::to_string(head_dim) +
           ", kv " + std::to_string(static_cast<int>(type)) + ", window " + std::to_string(window) + ", " +
           std::to_string(sinks) + " sinks" + (has_slopes ? ", slopes" : "");
  }
};

// One sequence, told by its seed; numbers are as the device sees them, already rounded.
class AttentionTokens {
 public:
  AttentionTokens(const AttentionShape& shape, uint64_t seed, int length)
      : shape_(shape), length_(length), seed_(seed) {
    Random random(seed);
    const auto make = [&](Dtype dtype, int heads, float scale) {
      Stored stored(dtype, static_cast<size_t>(length * heads * shape.head_dim));
      for (size_t i = 0; i < stored.size(); ++i) stored.set(i, random.real(scale));
      return stored;
    };
    q = make(shape.io_dtype(), shape.heads, 2);
    keys = make(shape.kv_dtype(), shape.kv_heads, 2);
    values = make(shape.kv_dtype(), shape.kv_heads, 1);
  }
  int length() const { return length_; }
  uint64_t seed() const { return seed_; }

  bool sees(int i, int j) const {
    return j <= i && (shape_.window == 0 || j > i - shape_.window || j < shape_.sinks);
  }
  // By how many positions a row's queries are turned for the sinks.
  int turn_of(int position) const {
    return shape_.sinks > 0 ? std::min(0, shape_.sinks + shape_.window - 1 - position) : 0;
  }
  static double frequency(int pair) { return std::pow(50.0, -0.25 * pair); }

  // Of one row and one head: [head_dim].
  std::vector<double> reference(int i, int head) const {
    const int dim = shape_.head_dim, kv_head = head / (shape_.heads / shape_.kv_heads),
              half = shape_.turned / 2;
    std::vector<double> own, out(static_cast<size_t>(dim)), weights;
    for (int d = 0; d < dim; ++d) own.push_back(q[static_cast<size_t>((i * shape_.heads + head) * dim + d)]);
    std::vector<double> turned = own;
    for (int pair = 0; pair < half; ++pair) {
      const double cos = static_cast<float>(std::cos(turn_of(i) * frequency(pair)));
      const double sin = static_cast<float>(std::sin(turn_of(i) * frequency(pair)));
      const auto a = static_cast<size_t>(pair), b = static_cast<size_t>(pair + half);
      turned[a] = own[a] * cos - own[b] * sin;
      turned[b] = own[b] * cos + own[a] * sin;
    }
    double largest = -INFINITY, total = 0;
    for (int j = 0; j <= i; ++j) {
      const bool is_sink = j < shape_.sinks;
      double score = 0;
      for (int d = 0; d < dim; ++d)
        score += (is_sink ? turned : own)[static_cast<size_t>(d)] * keys[at(j, kv_head, d)];
      score = score / std::sqrt(dim) + double{shape_.slope(head)} * (j - (is_sink ? i + turn_of(i) : i));
      weights.push_back(sees(i, j) ? score : -INFINITY);
      largest = std::max(largest, weights.back());
    }
    for (double& weight : weights) total += weight = std::exp(weight - largest);
    for (int j = 0; j <= i; ++j)
      for (int d = 0; d < dim; ++d)
        out[static_cast<size_t>(d)] += weights[static_cast<size_t>(j)] / total * values[at(j, kv_head, d)];
    return out;
  }

  size_t at(int j, int kv_head, int d) const {
    return static_cast<size_t>((j * shape_.kv_heads + kv_head) * shape_.head_dim + d);
  }
  Stored q{Dtype::f32, 0}, keys{Dtype::f32, 0}, values{Dtype::f32, 0};

 private:
  AttentionShape shape_;
  int length_;
  uint64_t seed_;
};

// Rows [first, first + rows) of a sequence.
struct AttentionChunk {
  const AttentionTokens* tokens = nullptr;
  int first = 0, rows = 0;
};

// What the device is said to have.
struct AttentionScratch {
  int multiprocessors = 16;
  int64_t most_partials = 1 << 20;
  int longest = 0;  // as a recorded step would have it; 0: as the rows have it
};

using AttentionKernel = void (*)(const cuda::Attention&, cuda::StreamEnd);

// A step of some chunks; gives their rows in order, [rows][heads * head_dim]. Pages lie in no order, those
// that are not seen are missing, and what lies behind a sequence's end is not a number.
inline std::vector<float> run_attention(AttentionKernel kernel, const AttentionShape& shape,
                                        const std::vector<AttentionChunk>& chunks,
                                        const AttentionScratch& scratch = {}) {
  using cuda::kPagePositions;
  const auto row_numbers = static_cast<size_t>(shape.heads * shape.head_dim);
  const auto part_numbers = static_cast<size_t>(kPagePositions * shape.head_dim);
  std::vector<cuda::SequenceSpan> spans;
  std::vector<int32_t> row_sequence, row_position, page_starts, pages, free_pages;
  std::vector<float> cos, sin;
  int rows = 0, page_count = 0, longest = 0;
  for (const AttentionChunk& chunk : chunks) page_count += (chunk.first + chunk.rows) / kPagePositions + 1;
  for (int32_t page = 0; page < page_count; ++page) free_pages.push_back(page);
  Random random(7);
  random.shuffle(free_pages);

  const bool in_tiles = cuda::lies_in_tiles(shape.type, shape.head_dim);
  Stored keys(shape.kv_dtype(), static_cast<size_t>(page_count * shape.kv_heads) * part_numbers);
  Stored values = keys, q(shape.io_dtype(), 0);
  std::memset(keys.data(), 0xff, keys.size() * size_of(keys.dtype()));
  std::memset(values.data(), 0xff, values.size() * size_of(values.dtype()));
  std::vector<std::byte> q_bytes;
  for (const AttentionChunk& chunk : chunks) {
    const AttentionTokens& tokens = *chunk.tokens;
    const int end = chunk.first + chunk.rows;
    page_starts.push_back(static_cast<int32_t>(pages.size()));
    for (int first = 0; first < end; first += kPagePositions) {
      bool is_seen = false;
      for (int i = chunk.first; i < end; ++i)
        for (int j = first; j < std::min(end, first + kPagePositions); ++j) is_seen |= tokens.sees(i, j);
      pages.push_back(is_seen ? free_pages.back() : -1);
      if (!is_seen) continue;
      free_pages.pop_back();
      for (int j = first; j < std::min(end, first + kPagePositions); ++j) {
        for (int head = 0; head < shape.kv_heads; ++head) {
          const size_t part = static_cast<size_t>(pages.back() * shape.kv_heads + head) * part_numbers;
          for (int d = 0; d < shape.head_dim; ++d) {
            const int place = j - first;
            const int key =
                in_tiles ? cuda::key_tile_index(place, d) : cuda::plain_index(shape.head_dim, place, d);
            const int value =
                in_tiles ? cuda::value_tile_index(place, d) : cuda::plain_index(shape.head_dim, place, d);
            keys.set(part + static_cast<size_t>(key), tokens.keys[tokens.at(j, head, d)]);
            values.set(part + static_cast<size_t>(value), tokens.values[tokens.at(j, head, d)]);
          }
        }
      }
    }
    pages.insert(pages.end(), 3, -1);
    spans.push_back({rows, chunk.rows, chunk.first});
    for (int i = chunk.first; i < end; ++i) {
      row_sequence.push_back(static_cast<int32_t>(spans.size()) - 1);
      row_position.push_back(i);
      for (int pair = 0; pair < shape.turned / 2; ++pair) {
        cos.push_back(static_cast<float>(std::cos(tokens.turn_of(i) * AttentionTokens::frequency(pair))));
        sin.push_back(static_cast<float>(std::sin(tokens.turn_of(i) * AttentionTokens::frequency(pair))));
      }
    }
    const auto* const from =
        static_cast<const std::byte*>(tokens.q.at(static_cast<size_t>(chunk.first) * row_numbers));
    q_bytes.insert(q_bytes.end(), from,
                   from + static_cast<size_t>(chunk.rows) * row_numbers * size_of(shape.io_dtype()));
    rows += chunk.rows;
    longest = std::max(longest, end - 1);
  }
  std::vector<float> slopes;
  for (int head = 0; head < shape.heads; ++head) slopes.push_back(shape.slope(head));

  const auto bytes_of = [](const Stored& stored) {
    const auto* const from = static_cast<const std::byte*>(stored.data());
    return std::vector<std::byte>(from, from + stored.size() * size_of(stored.dtype()));
  };
  const DeviceArray<std::byte> device_keys(bytes_of(keys)), device_values(bytes_of(values)),
      device_q(q_bytes), device_out(q_bytes.size());
  const DeviceArray<cuda::SequenceSpan> device_spans(spans);
  const DeviceArray<int32_t> device_sequence(row_sequence), device_position(row_position),
      device_starts(page_starts), device_pages(pages);
  const DeviceArray<float> device_cos(cos), device_sin(sin), device_slopes(slopes),
      partials(static_cast<size_t>(scratch.most_partials));
  DeviceArray<int32_t> tickets(static_cast<size_t>(rows * shape.heads));
  tickets.clear();

  cuda::Attention op;
  op.step.rows = rows;
  op.step.sequences = static_cast<int>(spans.size());
  op.step.row_sequence = device_sequence.data();
  op.step.row_position = device_position.data();
  op.step.spans = device_spans.data();
  op.step.page_starts = device_starts.data();
  op.step.pages = device_pages.data();
  op.q = device_q.data();
  op.out = device_out.data();
  op.heads = shape.heads;
  op.kv = {device_keys.data(), device_values.data(), shape.kv_heads, shape.head_dim, 0, shape.type};
  op.window = shape.window;
  op.sinks = shape.sinks;
  if (shape.has_slopes) op.slopes = device_slopes.data();
  if (shape.turned > 0) op.sink_turn = {device_cos.data(), device_sin.data(), shape.turned};
  op.longest = std::max(longest, scratch.longest);
  op.is_plain = shape.is_plain;
  op.workspace.partials = partials.data();
  op.workspace.most_partials = scratch.most_partials;
  op.workspace.tickets = tickets.data();
  op.workspace.most_tickets = static_cast<int>(tickets.size());
  op.workspace.multiprocessors = scratch.multiprocessors;
  kernel(op, nullptr);
  must(cudaDeviceSynchronize());

  for (const int32_t ticket : tickets.read()) CHECK_EQ(ticket, 0);
  Stored out(shape.io_dtype(), static_cast<size_t>(rows) * row_numbers);
  const auto out_bytes = device_out.read();
  std::memcpy(out.data(), out_bytes.data(), out_bytes.size());
  std::vector<float> numbers(out.size());
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = out[i];
  return numbers;
}

// The largest difference from float64 over the rows of a chunk, of which every `every`th is looked at.
inline double attention_error(const AttentionShape& shape, const AttentionChunk& chunk, const float* got,
                              int every = 1) {
  double most = 0;
  for (int row = 0; row < chunk.rows; ++row) {
    if (row % every != 0 && row != chunk.rows - 1) continue;
    for (int head = 0; head < shape.heads; ++head) {
      const auto want = chunk.tokens->reference(chunk.first + row, head);
      for (int d = 0; d < shape.head_dim; ++d) {
        const double error = std::abs(double{got[(row * shape.heads + head) * shape.head_dim + d]} -
                                      want[static_cast<size_t>(d)]);
        if (!(error <= most)) most = error;  // and what is not a number
      }
    }
  }
  return most;
}

// Of the kernels that use tensor cores. Values are below 1. Weights are off by half a unit of the type they
// are rounded to, the result by half a unit of bf16; scores of queries that were turned by half a unit of the
// type for every product; what is left is float32.
inline double attention_tolerance(const AttentionShape& shape) {
  const double unit = shape.type == cuda::KvType::bf16 ? 0x1p-9 : 0x1p-12;
  const double turned = shape.turned > 0 ? 2 * unit * 4 * std::sqrt(shape.head_dim) / 2 : 0;
  return unit + 0x1p-9 + turned + 2e-4;
}

inline void check_attention(const AttentionShape& shape, const std::vector<AttentionChunk>& chunks,
                            const std::vector<float>& got, int every = 1) {
  const float* at = got.data();
  for (const AttentionChunk& chunk : chunks) {
    const double error = attention_error(shape, chunk, at, every);
    CHECK_FOR(error <= attention_tolerance(shape), shape.text() + ", rows " + std::to_string(chunk.first) +
                                                       " + " + std::to_string(chunk.rows) + ": " +
                                                       std::to_string(error));
    at += chunk.rows * shape.heads * shape.head_dim;
  }
}

}  // namespace quern::test
