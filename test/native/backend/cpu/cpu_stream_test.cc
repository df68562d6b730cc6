#include "backend/cpu/cpu_stream.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "backend/cpu/isa.h"
#include "backend/cpu/layer.h"
#include "check.h"
#include "core/error.h"
#include "numbers.h"

namespace quern::test {
namespace {

struct Sequence {
  std::vector<int32_t> tokens, pages;
  int computed = 0;
  std::vector<float> logits;
};

std::vector<Sequence> make_sequences(const std::vector<int>& lengths) {
  Random random(17);
  std::vector<int32_t> free;
  for (int32_t page = 0; page < 200; ++page) free.push_back(page);
  random.shuffle(free);
  std::vector<Sequence> sequences;
  for (const int length : lengths) {
    Sequence sequence;
    for (int i = 0; i < length; ++i) sequence.tokens.push_back(random.below(kVocab));
    for (int i = 0; i < length; i += kPagePositions) {
      sequence.pages.push_back(free.back());
      free.pop_back();
    }
    sequences.push_back(std::move(sequence));
  }
  return sequences;
}

// All sequences to their ends; each step takes a random choice of them, with chunks of at most `chunk` rows.
std::vector<std::vector<float>> compute(Layer& layer, std::vector<Sequence> sequences, int chunk,
                                        uint64_t seed) {
  Random random(seed);
  for (;;) {
    std::vector<SequenceRows> rows;
    std::vector<const int32_t*> tables;
    tables.reserve(sequences.size());
    std::vector<int32_t> tokens;
    std::vector<Sequence*> parts;
    bool unfinished = false;
    for (Sequence& sequence : sequences) {
      const int left = static_cast<int>(sequence.tokens.size()) - sequence.computed;
      unfinished = unfinished || left > 0;
      const int room = kRows - static_cast<int>(tokens.size());
      if (left == 0 || room == 0 || random.below(3) == 0) continue;
      const int count = std::min({left, room, random.between(1, chunk)});
      tables.push_back(sequence.pages.data());
      rows.push_back({static_cast<int>(tokens.size()), count, sequence.computed, {&tables.back(), 1}});
      tokens.insert(tokens.end(), sequence.tokens.begin() + sequence.computed,
                    sequence.tokens.begin() + sequence.computed + count);
      parts.push_back(&sequence);
    }
    if (!unfinished) break;
    if (tokens.empty()) continue;
    const auto logits = layer.step(rows, tokens);
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto begin = logits.begin() + int64_t{rows[i].first_row} * kVocab;
      parts[i]->logits.insert(parts[i]->logits.end(), begin, begin + int64_t{rows[i].rows} * kVocab);
      parts[i]->computed += rows[i].rows;
    }
  }
  std::vector<std::vector<float>> results;
  for (Sequence& sequence : sequences) results.push_back(std::move(sequence.logits));
  return results;
}

void check_same_bits(const std::string& isa, const Format& weights, Dtype kv, bool exact) {
  Layer::Options options;
  options.exact = exact;
  const auto sequences = make_sequences({700, 1, 5, 130, 17, 64, 16});
  Layer single(1, isa, weights, kv, options);
  std::vector<std::vector<float>> solo;
  for (const Sequence& sequence : sequences) solo.push_back(compute(single, {sequence}, kRows, 1)[0]);
  for (const float logit : solo[0]) CHECK(std::isfinite(logit));
  for (const int threads : {1, 2}) {
    Layer layer(threads, isa, weights, kv, options);
    for (const int chunk : {9, kRows}) {
      const auto together = compute(layer, sequences, chunk, static_cast<uint64_t>(chunk));
      for (size_t i = 0; i < solo.size(); ++i)
        CHECK_FOR(same_bytes(solo[i], together[i]), isa + " threads " + std::to_string(threads) + " chunk " +
                                                        std::to_string(chunk) + " sequence " +
                                                        std::to_string(i));
    }
  }
}

// What a token gets depends on its own sequence alone: not on the threads, on what else is in the batch, nor
// on how its prompt was cut. Long contexts with few sequences take other work items than many short ones.
TEST(same_bits_for_threads_batches_and_chunks) {
  for (const cpu::Kernels* kernels : cpu::runnable_kernels())
    check_same_bits(kernels->name, format_of(Dtype::bf16), Dtype::f16, true);
  check_same_bits("auto", format_of(Dtype::f32), Dtype::f32, true);
  check_same_bits("auto", format_of(Dtype::f16), Dtype::f16, true);
}

TEST(same_bits_with_weights_in_blocks) {
  for (const char* format : {"Q8_0", "Q4_0"})
    for (const bool exact : {true, false}) check_same_bits("auto", *find_format(format), Dtype::f16, exact);
}

// One row at a time, as decoding does: the same bits as the whole prompt at once.
TEST(decoding_equals_prefill) {
  const auto sequences = make_sequences({1040});
  Layer layer(2, "auto", Dtype::bf16, Dtype::f16);
  const auto whole = compute(layer, sequences, kRows, 1)[0], single = compute(layer, sequences, 1, 2)[0];
  CHECK(same_bytes(whole, single));
}

// Instruction sets differ in the order of sums only.
TEST(instruction_sets_agree) {
  const auto sequences = make_sequences({100, 600});
  std::vector<std::vector<float>> first;
  for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
    Layer layer(1, kernels->name, Dtype::f32, Dtype::f32);
    const auto logits = compute(layer, sequences, 200, 3);
    if (first.empty()) first = logits;
    for (size_t i = 0; i < first.size(); ++i)
      for (size_t at = 0; at < first[i].size(); ++at) CHECK_NEAR(logits[i][at], first[i][at], 1e-4, 1e-4);
  }
}

std::vector<std::vector<double>> reference_logits(const Layer& layer,
                                                  const std::vector<Sequence>& sequences) {
  std::vector<std::vector<double>> all;
  for (const Sequence& sequence : sequences) all.push_back(layer.reference().logits(sequence.tokens));
  return all;
}

// Computed in chunks and side by side, relative to the largest logit.
double largest_difference(Layer& layer, const std::vector<Sequence>& sequences,
                          const std::vector<std::vector<double>>& wanted) {
  const auto got = compute(layer, sequences, 100, 3);
  double difference = 0, largest = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    CHECK_EQ(got[i].size(), wanted[i].size());
    for (size_t at = 0; at < wanted[i].size(); ++at) {
      CHECK(std::isfinite(got[i][at]));
      difference = std::max(difference, std::abs(double{got[i][at]} - wanted[i][at]));
      largest = std::max(largest, std::abs(wanted[i][at]));
    }
  }
  return difference / largest;
}

// Five times what is measured: 4.2e-7 (some seven roundings of float32) where keys and values are
// float32, 1.8e-4 where they have 11 bits.
constexpr double kExact = 2e-6, kHalves = 9e-4;

TEST(a_layer_equals_its_float64_reference) {
  const auto sequences = make_sequences({1, 90, 530});
  for (const Dtype weights : kDtypes) {
    std::vector<std::vector<double>> wanted;
    for (const cpu::Kernels* kernels : cpu::runnable_kernels()) {
      Layer exact(2, kernels->name, weights, Dtype::f32), halves(2, kernels->name, weights, Dtype::f16);
      if (wanted.empty()) wanted = reference_logits(exact, sequences);
      CHECK_NEAR(largest_difference(exact, sequences, wanted), 0, kExact, 0);
      CHECK_NEAR(largest_difference(halves, sequences, wanted), 0, kHalves, 0);
    }
  }
}

// With activations of eight bits each product is off by their rounding, some 1/254 of the largest number of a
// block. Five times what is measured: 0.0097, of logits about 1.
TEST(a_layer_with_weights_in_blocks_equals_its_float64_reference) {
  const auto sequences = make_sequences({1, 90, 530});
  for (const char* format : {"Q8_0", "Q4_0"}) {
    std::vector<std::vector<double>> wanted;
    for (const cpu::Isa* isa : cpu::runnable_isas()) {
      Layer::Options options;
      Layer exact(2, isa->name, *find_format(format), Dtype::f32, options);
      options.exact = false;
      Layer fast(2, isa->name, *find_format(format), Dtype::f32, options);
      if (wanted.empty()) wanted = reference_logits(exact, sequences);
      CHECK_NEAR(largest_difference(exact, sequences, wanted), 0, kExact, 0);
      CHECK_NEAR(largest_difference(fast, sequences, wanted), 0, 0.05, 0);
    }
  }
}

TEST(without_norms_of_heads_and_with_large_values) {
  const auto sequences = make_sequences({40, 17});
  for (const Layer::Options options : {Layer::Options{0.3f, false}, Layer::Options{1e5f, true}}) {
    Layer layer(2, "auto", Dtype::f32, Dtype::f32, options);
    CHECK_NEAR(largest_difference(layer, sequences, reference_logits(layer, sequences)), 0, kExact, 0);
  }
}

// 16 bits hold 65504 at most: larger keys and values are that, for an infinite one would make everything NaN.
TEST(keys_and_values_beyond_16_bits_are_the_largest_of_16_bits) {
  for (const bool head_norms : {true, false}) {  // a normed key is small: then only values are large
    Layer layer(2, "auto", Dtype::f32, Dtype::f16, {1e5f, head_norms});
    for (const auto& logits : compute(layer, make_sequences({40, 17}), 30, 3))
      for (const float logit : logits) CHECK(std::isfinite(logit));
    CHECK(head_norms ? layer.largest_key() < 10 : layer.largest_key() == 65504);
    CHECK_EQ(layer.largest_value(), 65504.0f);
  }
}

TEST(an_unknown_instruction_set_is_refused) {
  CHECK_ERROR(create_cpu_device({1, "sse9"}), "invalid_option");
  CHECK_EQ(create_cpu_device({2, "baseline"})->describe().isa, std::string("baseline"));
  CHECK_EQ(create_cpu_device({2, "auto"})->describe().isa, std::string(cpu::runnable_isas().back()->name));
  CHECK_EQ(create_cpu_device({3, "auto"})->describe().threads, 3);
  CHECK(create_cpu_device({})->describe().threads >= 1);
}

TEST(an_error_while_reading_a_weight_arrives) {
  const auto device = create_cpu_device({2, "auto"});
  for (const Dtype dtype : kDtypes) {
    for (const int64_t rows : {1, 4000}) {
      const WeightView view{&format_of(dtype),
                            rows,
                            1000,
                            rows == 1,
                            false,
                            [](int64_t, int64_t, std::byte*) { throw Error("read_error", "made up"); }};
      CHECK_ERROR(device->prepare_weight(view), "read_error");
    }
  }
}

TEST(an_aborted_step_says_so) {
  const auto stream = create_cpu_device({2, "auto"})->create_stream({8, 8, 16, 1, 1, 16, 16, 16, 64});
  std::atomic<bool> abort{true};
  StepInput nothing;
  nothing.abort = &abort;
  const auto completes = [&] {
    const Ticket step = stream->begin(nothing);
    stream->launch(step);
    StepResult result;
    return stream->collect(step, result);
  };
  CHECK(!completes());
  abort = false;
  CHECK(completes());
}

}  // namespace
}  // namespace quern::test
