#include "backend/cuda/cuda_stream.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <vector>

#include "backend/cuda/cuda_handles.h"
#include "backend/cuda/cuda_memory.h"
#include "backend/cuda/cuda_weight.h"
#include "backend/cuda/device_sampler.h"
#include "backend/cuda/graph_cache.h"
#include "backend/cuda/staged_copies.h"
#include "backend/cuda/step_tables.h"
#include "core/error.h"

namespace quern::cuda {

namespace {

static_assert(kPagePositions == quern::kPagePositions);

constexpr int kDepth = 1;
constexpr int kMostGraphRows = 64;
// Attention that is split over the device keeps what its parts have found: so much of its memory at most,
// beyond which it is split less.
constexpr size_t kMostPartialBytes = size_t{256} << 20, kPartialShare = 128;
constexpr int kAttentionSegment = 256;

const float* vector_of(const Weight* weight) {
  return weight ? cuda_weight(*weight).vector() : nullptr;
}
Matrix matrix_of(const Linear& linear) {
  Matrix matrix = cuda_weight(*linear.weight).matrix;
  matrix.bias = vector_of(linear.bias);
  return matrix;
}

KvType type_of(Dtype dtype) {
  return dtype == Dtype::f32 ? KvType::f32 : dtype == Dtype::f16 ? KvType::f16 : KvType::bf16;
}
KvCache cache_of(const KvShape& shape, KvLayer kv) {
  return {kv.keys, kv.values, shape.kv_heads, shape.head_dim, kv.group, type_of(shape.dtype)};
}

// The next of 255, 511, 1023, …: operations of a sequence that grows stay equal for long.
int rounded_up(int longest) {
  int64_t most = kAttentionSegment;
  while (most <= longest) most *= 2;
  return static_cast<int>(std::min<int64_t>(most - 1, INT32_MAX));
}

struct ReadBack {
  const float* from;
  float* into;
  size_t numbers;
};

// A step from its launch until it is collected.
struct Flight {
  explicit Flight(const std::shared_ptr<const Context>& context)
      : began(context), done(context), sampling(context) {}

  Ticket ticket = 0;
  const std::atomic<bool>* abort = nullptr;
  OwnedEvent began, done;
  PinnedBuffer numbers;  // of all that is read back, one after the other
  std::vector<ReadBack> read_backs;
  StagedSampling sampling;
};

class CudaStream final : public Stream {
 public:
  CudaStream(std::shared_ptr<const Context> context, const StreamLimits& limits)
      : context_(std::move(context)),
        upload_(context_, limits),
        copies_(context_),
        graphs_(context_),
        drawn_(context_, static_cast<size_t>(limits.rows) * sizeof(int32_t)),
        // A row may be both drawn from and scored.
        sampler_(context_, limits.logits_rows, 2 * std::max(limits.rows, limits.logits_rows), limits.vocab,
                 drawn_.as<int32_t>()),
        flights_{Flight(context_), Flight(context_)},
        stream_(context_) {
    take_workspace(limits);
    drawn_.clear();
  }

  Ticket begin(const StepInput& input) override {
    QUERN_CHECK(in_flight_.size() <= kDepth);
    context_->enter();
    upload_.begin(input, drawn_.as<int32_t>());
    operations_.clear();
    after_.clear();
    recording_ = in_flight_.empty() || in_flight_.front() == &flights_[1] ? &flights_[0] : &flights_[1];
    recording_->abort = input.abort;
    recording_->read_backs.clear();
    sampler_.begin(recording_->sampling);
    is_decoding_ = input.rows() == static_cast<int>(input.sequences.size()) && input.rows() <= kMostGraphRows;
    return ++last_;
  }

  void embed(const Weight& table, Tensor x) override {
    operations_.push_back(Embed{upload_.tables(), cuda_weight(table).matrix, x.as<float>()});
  }

  void attention_input(const AttentionInputWeights& w, int rope, Tensor x, const KvShape& shape, KvLayer kv,
                       Tensor q) override {
    put(w.q.weight,
        AttentionInput{upload_.tables(), x.as<float>(), vector_of(w.norm), w.norm_eps, matrix_of(w.q),
                       matrix_of(w.k), matrix_of(w.v), vector_of(w.q_norm), vector_of(w.k_norm),
                       upload_.turn(rope), cache_of(shape, kv), q.data, workspace_});
  }

  void attention(const AttentionSpec& spec, Tensor q, const KvShape& shape, KvLayer kv, Tensor out) override {
    Attention op;
    op.step = upload_.tables();
    op.q = q.data;
    op.out = out.data;
    op.heads = static_cast<int>(q.cols) / shape.head_dim;
    op.kv = cache_of(shape, kv);
    op.window = spec.window;
    op.sinks = spec.sinks;
    op.slopes = slopes_on_device(spec.slopes);
    op.sink_turn = upload_.turn(spec.sink_turn);
    op.longest = rounded_up(upload_.longest());
    op.is_plain = q.dtype == Dtype::f32;
    op.workspace = workspace_;
    if (op.is_plain || !lies_in_tiles(op.kv.type, shape.head_dim)) {
      operations_.push_back(Plain<Attention>{op});
    } else {
      operations_.push_back(op);
    }
  }

  void matmul_add(const Weight& weight, Tensor in, Tensor x) override {
    put(&weight,
        MatmulAdd{cuda_weight(weight).matrix, in.data, static_cast<int>(in.rows), x.as<float>(), workspace_});
  }

  void ffn_input(const FfnInputWeights& w, Tensor x, Tensor out) override {
    put(w.gate, FfnInput{x.as<float>(), static_cast<int>(x.rows), vector_of(w.norm), w.norm_eps,
                         cuda_weight(*w.gate).matrix, cuda_weight(*w.up).matrix, out.data, workspace_});
  }

  void final_norm(const Weight& weight, float norm_eps, Tensor x, std::span<const int32_t> chosen,
                  Tensor out) override {
    operations_.push_back(Norm{x.as<float>(), upload_.choose(chosen), cuda_weight(weight).vector(), norm_eps,
                               static_cast<int>(chosen.size()), static_cast<int>(x.cols), out.data, false});
  }

  void logits(const Weight& norm, float norm_eps, const Weight& head, Tensor x,
              std::span<const int32_t> chosen, Tensor out) override {
    put(&head,
        Logits{x.as<float>(), upload_.choose(chosen), static_cast<int>(chosen.size()),
               cuda_weight(norm).vector(), norm_eps, cuda_weight(head).matrix, out.as<float>(), workspace_});
  }

  void sample(Tensor logits, std::span<const SampleParams> params) override {
    operations_.push_back(sampler_.sample(recording_->sampling, logits.as<float>(), params));
  }
  void score(Tensor logits, std::span<const ScoreParams> params) override {
    operations_.push_back(sampler_.score(recording_->sampling, logits.as<float>(), params));
  }

  void read_back(Tensor from, float* into) override {
    QUERN_CHECK(from.dtype == Dtype::f32);
    const size_t index = recording_->read_backs.size();
    recording_->read_backs.push_back({from.as<float>(), into, static_cast<size_t>(from.rows * from.cols)});
    after_.push_back({operations_.size(), index});
  }

  void launch(Ticket step) override {
    QUERN_CHECK(step == last_ && recording_);
    Flight& flight = *std::exchange(recording_, nullptr);
    context_->enter();
    size_t numbers = 0;
    for (const ReadBack& one : flight.read_backs) numbers += one.numbers;
    if (flight.numbers.bytes() < numbers * sizeof(float))
      flight.numbers = PinnedBuffer(context_, numbers * sizeof(float));
    try {
      launch_all_of(flight);
    } catch (...) {
      // What was launched before it failed copies from and to the flight's memory, which the next step writes
      // into. And if the GPU itself failed, this says so.
      context_->check(cudaStreamSynchronize(stream_), "launching a step");
      throw;
    }
    flight.ticket = step;
    in_flight_.push_back(&flight);
  }

  bool collect(Ticket step, StepResult& result) override {
    QUERN_CHECK(!in_flight_.empty() && in_flight_.front()->ticket == step);
    const Flight& flight = *in_flight_.front();
    in_flight_.pop_front();
    context_->enter();
    context_->check(cudaEventSynchronize(flight.done), "computing a step");
    float milliseconds = 0;
    context_->check(cudaEventElapsedTime(&milliseconds, flight.began, flight.done), "computing a step");
    DeviceSampler::collect(flight.sampling, result.sampled, result.scored);
    result.seconds = milliseconds * 1e-3;
    const float* from = flight.numbers.as<float>();
    for (const ReadBack& one : flight.read_backs) {
      std::memcpy(one.into, from, one.numbers * sizeof(float));
      from += one.numbers;
    }
    return !flight.abort->load();
  }

  int depth() const override { return kDepth; }

  void upload(std::span<const Copy> copies) override { copies_.upload(copies, stream_); }
  void download(std::span<const Copy> copies) override { copies_.download(copies, stream_); }

 private:
  // What comes between the operations: after so many of them, the read-back of this index.
  struct After {
    size_t operations;
    size_t read_back;
  };

  void take_workspace(const StreamLimits& limits) {
    const int64_t rows = std::max(limits.rows, limits.logits_rows);
    const int heads = limits.heads + 2 * limits.kv_heads;
    const auto f32 = [&](int64_t count) {
      return memory_.emplace_back(context_, static_cast<size_t>(count) * sizeof(float)).as<float>();
    };
    workspace_.normed = f32(rows * limits.hidden);
    workspace_.products = f32(rows * heads * limits.head_dim);
    workspace_.multiprocessors = context_->properties().multiProcessorCount;
    // Rows that leave some of the device idle are split into the segments of their context.
    const int64_t split_rows =
        std::min<int64_t>(limits.rows, 2 * workspace_.multiprocessors / std::max(1, limits.kv_heads) + 1);
    const int64_t segments = int64_t{limits.context} / kAttentionSegment + 1;
    const size_t most = std::min(kMostPartialBytes, context_->properties().totalGlobalMem / kPartialShare);
    workspace_.most_partials = std::min(split_rows * segments * limits.heads * (limits.head_dim + 2),
                                        static_cast<int64_t>(most / sizeof(float)));
    workspace_.partials = f32(workspace_.most_partials);
    workspace_.most_tickets = std::max(limits.rows * limits.kv_heads, 8 * heads);
    const DeviceBuffer& tickets =
        memory_.emplace_back(context_, static_cast<size_t>(workspace_.most_tickets) * sizeof(int32_t));
    tickets.clear();
    workspace_.tickets = tickets.as<int32_t>();
  }

  // As products with this weight are done.
  template <typename T>
  void put(const Weight* weight, const T& operation) {
    if (cuda_weight(*weight).is_plain) {
      operations_.push_back(Plain<T>{operation});
    } else {
      operations_.push_back(operation);
    }
  }

  const float* slopes_on_device(std::span<const float> slopes) {
    if (slopes.empty()) return nullptr;
    for (const auto& [numbers, buffer] : slopes_)
      if (std::equal(numbers.begin(), numbers.end(), slopes.begin(), slopes.end())) return buffer.as<float>();
    context_->enter();
    auto& [numbers, buffer] = slopes_.emplace_back(std::vector(slopes.begin(), slopes.end()),
                                                   DeviceBuffer(context_, slopes.size_bytes()));
    context_->check(cudaMemcpyAsync(buffer.as<void>(), numbers.data(), slopes.size_bytes(),
                                    cudaMemcpyHostToDevice, stream_),
                    "copying slopes");
    return buffer.as<float>();
  }

  void launch_all_of(Flight& flight) {
    context_->check(cudaEventRecord(flight.began, stream_), "launching a step");
    upload_.copy(stream_);
    sampler_.upload(flight.sampling, stream_);
    launch_operations(flight);
    sampler_.read_back(flight.sampling, stream_);
    context_->check(cudaEventRecord(flight.done, stream_), "launching a step");
  }

  // A decoding step's operations up to the first read-back are the same from step to step.
  void launch_operations(const Flight& flight) {
    const size_t first = after_.empty() ? operations_.size() : after_.front().operations;
    size_t done = 0;
    if (is_decoding_) {
      graphs_.launch(std::span(operations_).first(first), stream_);
      done = first;
    }
    float* into = flight.numbers.as<float>();
    StreamEnd end(stream_);
    const auto launch_up_to = [&](size_t last) {
      for (; done < last; ++done, end = end.behind_kernel()) cuda::launch(operations_[done], end);
    };
    for (const After& after : after_) {
      launch_up_to(after.operations);
      const ReadBack& one = flight.read_backs[after.read_back];
      context_->check(
          cudaMemcpyAsync(into, one.from, one.numbers * sizeof(float), cudaMemcpyDeviceToHost, stream_),
          "reading numbers back");
      into += one.numbers;
      end = StreamEnd(stream_);
    }
    launch_up_to(operations_.size());
  }

  const std::shared_ptr<const Context> context_;
  StepUpload upload_;
  StagedCopies copies_;
  GraphCache graphs_;
  std::deque<DeviceBuffer> memory_;
  Workspace workspace_;
  DeviceBuffer drawn_;
  DeviceSampler sampler_;
  std::deque<std::pair<std::vector<float>, DeviceBuffer>> slopes_;

  Ticket last_ = 0;
  Flight flights_[kDepth + 1];
  Flight* recording_ = nullptr;
  std::deque<Flight*> in_flight_;
  std::vector<Operation> operations_;
  std::vector<After> after_;
  bool is_decoding_ = false;
  const OwnedStream stream_;  // the last, so that nothing that it uses goes before it
};

}  // namespace

std::unique_ptr<Stream> create_cuda_stream(std::shared_ptr<const Context> context,
                                           const StreamLimits& limits) {
  return std::make_unique<CudaStream>(std::move(context), limits);
}

}  // namespace quern::cuda
