#include "backend/cpu/cpu_backend.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "backend/cpu/isa.h"
#include "check.h"
#include "core/error.h"
#include "numbers.h"

namespace quern::test {
namespace {

constexpr int kHidden = 72, kHeads = 6, kKvHeads = 2, kHeadDim = 40, kFfn = 100, kVocab = 333, kRows = 700;
constexpr int kRopeDim = 32;  // less than head_dim

const std::atomic<bool> kNever{false};

Tensor view(std::vector<float>& numbers, int64_t cols) {
  return {numbers.data(), Dtype::f32, static_cast<int64_t>(numbers.size()) / cols, cols};
}

// A made-up layer on one backend: everything that a decoder asks of it.
class Layer {
 public:
  Layer(int threads, const std::string& isa, Dtype weights, Dtype kv)
      : backend_(create_cpu_backend({threads, isa})), shape_{kv, kKvHeads, kHeadDim, 200} {
    const int q_rows = kHeads * kHeadDim, kv_rows = kKvHeads * kHeadDim;
    table_ = prepare(weights, kVocab, kHidden, 1);
    norm_ = prepare(weights, 1, kHidden, 2);
    q_ = prepare(weights, q_rows, kHidden, 3);
    k_ = prepare(weights, kv_rows, kHidden, 4);
    v_ = prepare(weights, kv_rows, kHidden, 5);
    q_bias_ = prepare(weights, 1, q_rows, 6);
    k_bias_ = prepare(weights, 1, kv_rows, 7);
    v_bias_ = prepare(weights, 1, kv_rows, 8);
    q_norm_ = prepare(weights, 1, kHeadDim, 9);
    k_norm_ = prepare(weights, 1, kHeadDim, 10);
    o_ = prepare(weights, kHidden, q_rows, 11);
    gate_ = prepare(weights, kFfn, kHidden, 12);
    up_ = prepare(weights, kFfn, kHidden, 13);
    down_ = prepare(weights, kHidden, kFfn, 14);
    keys_ = backend_->allocate(static_cast<size_t>(shape_.layer_bytes()));
    values_ = backend_->allocate(static_cast<size_t>(shape_.layer_bytes()));
    backend_->reserve({kRows, 64, kHidden, kHeads, kKvHeads, kHeadDim, kFfn, kVocab, 3000});
  }

  // The sequences' tokens from embedding to logits: [rows, vocab].
  std::vector<float> step(const std::vector<SequenceRows>& sequences, const std::vector<int32_t>& tokens) {
    const size_t rows = tokens.size();
    std::vector<float> cos, sin;
    for (const SequenceRows& sequence : sequences) {
      for (int i = 0; i < sequence.rows; ++i) {
        for (int pair = 0; pair < kRopeDim / 2; ++pair) {
          const double angle = (sequence.first_position + i) * std::pow(10000, -2.0 * pair / kRopeDim);
          cos.push_back(static_cast<float>(std::cos(angle)));
          sin.push_back(static_cast<float>(std::sin(angle)));
        }
      }
    }
    const Batch batch{tokens, cos.data(), sin.data(), kRopeDim, sequences};
    const KvLayer kv{keys_.as<void>(), values_.as<void>()};
    std::vector<float> x(rows * kHidden), q(rows * kHeads * kHeadDim), attended(q), hidden(rows * kFfn);
    backend_->begin_step(kNever);
    backend_->embed(*table_, batch, view(x, kHidden));
    backend_->attention_input({norm_.get(), q_.get(), k_.get(), v_.get(), q_bias_.get(), k_bias_.get(),
                               v_bias_.get(), q_norm_.get(), k_norm_.get(), 1e-6f},
                              view(x, kHidden), batch, shape_, kv, view(q, kHeads * kHeadDim));
    backend_->attention(view(q, kHeads * kHeadDim), batch, shape_, kv, view(attended, kHeads * kHeadDim));
    backend_->matmul_add(*o_, view(attended, kHeads * kHeadDim), view(x, kHidden));
    backend_->ffn_input({norm_.get(), gate_.get(), up_.get(), 1e-6f}, view(x, kHidden), view(hidden, kFfn));
    backend_->matmul_add(*down_, view(hidden, kFfn), view(x, kHidden));
    CHECK(backend_->end_step());
    std::vector<float> all;
    for (size_t first = 0; first < rows; first += 64) {
      std::vector<int32_t> chosen;
      for (size_t row = first; row < std::min(rows, first + 64); ++row)
        chosen.push_back(static_cast<int32_t>(row));
      std::vector<float> logits(chosen.size() * kVocab);
      backend_->logits(*norm_, 1e-6f, *table_, view(x, kHidden), chosen, view(logits, kVocab));
      all.insert(all.end(), logits.begin(), logits.end());
    }
    return all;
  }

 private:
  std::unique_ptr<Weight> prepare(Dtype dtype, int64_t rows, int64_t cols, uint64_t seed) {
    const Stored numbers(dtype, Random(seed).reals(static_cast<size_t>(rows * cols), 0.3f));
    return backend_->prepare_weight({dtype, rows, cols, [&](int64_t first, int64_t count, void* into) {
                                       std::memcpy(into, numbers.at(static_cast<size_t>(first)),
                                                   static_cast<size_t>(count) * size_of(dtype));
                                     }});
  }

  std::unique_ptr<Backend> backend_;
  KvShape shape_;
  std::unique_ptr<Weight> table_, norm_, q_, k_, v_, q_bias_, k_bias_, v_bias_, q_norm_, k_norm_, o_, gate_,
      up_, down_;
  Buffer keys_, values_;
};

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
    std::vector<int32_t> tokens;
    std::vector<Sequence*> parts;
    bool unfinished = false;
    for (Sequence& sequence : sequences) {
      const int left = static_cast<int>(sequence.tokens.size()) - sequence.computed;
      unfinished = unfinished || left > 0;
      const int room = kRows - static_cast<int>(tokens.size());
      if (left == 0 || room == 0 || random.below(3) == 0) continue;
      const int count = std::min({left, room, random.between(1, chunk)});
      rows.push_back({static_cast<int>(tokens.size()), count, sequence.computed, sequence.pages.data()});
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

void check_same_bits(const std::string& isa, Dtype weights, Dtype kv) {
  const auto sequences = make_sequences({700, 1, 5, 130, 17, 64, 16});
  Layer single(1, isa, weights, kv);
  std::vector<std::vector<float>> solo;
  for (const Sequence& sequence : sequences) solo.push_back(compute(single, {sequence}, kRows, 1)[0]);
  for (const float logit : solo[0]) CHECK(std::isfinite(logit));
  for (const int threads : {1, 2}) {
    Layer layer(threads, isa, weights, kv);
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
    check_same_bits(kernels->name, Dtype::bf16, Dtype::f16);
  check_same_bits("auto", Dtype::f32, Dtype::f32);
  check_same_bits("auto", Dtype::f16, Dtype::f16);
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

TEST(an_unknown_instruction_set_is_refused) {
  CHECK_ERROR(create_cpu_backend({1, "sse9"}), "invalid_option");
  CHECK_EQ(create_cpu_backend({2, "baseline"})->isa(), std::string("baseline"));
  CHECK_EQ(create_cpu_backend({2, "auto"})->isa(), std::string(cpu::runnable_kernels().back()->name));
  CHECK_EQ(create_cpu_backend({3, "auto"})->threads(), 3);
  CHECK(create_cpu_backend({})->threads() >= 1);
}

TEST(an_error_while_reading_a_weight_arrives) {
  const auto backend = create_cpu_backend({2, "auto"});
  for (const Dtype dtype : kDtypes) {
    for (const int64_t rows : {1, 4000}) {
      const WeightView view{dtype, rows, 1000,
                            [](int64_t, int64_t, void*) { throw Error("read_error", "made up"); }};
      CHECK_ERROR(backend->prepare_weight(view), "read_error");
    }
  }
}

TEST(an_aborted_step_says_so) {
  const auto backend = create_cpu_backend({2, "auto"});
  std::atomic<bool> abort{true};
  backend->begin_step(abort);
  CHECK(!backend->end_step());
  abort = false;
  backend->begin_step(abort);
  CHECK(backend->end_step());
}

}  // namespace
}  // namespace quern::test
