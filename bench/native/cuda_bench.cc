// Speed of whole decoders on a GPU, of made-up weights in the shapes of real models: decoding one sequence
// with nothing before it and with 32,768 positions, 64 sequences at a time, and a prompt of 4,096 tokens;
// against what the memory that a step reads would take at the bandwidth of a copy.
//
//   bench.cuda [--json FILE] [--models qwen3-0.6b,qwen3-4b] [--dtypes bf16,int8,int4] [--tiny] [--seconds N]
//
// One line a case, the median of several runs after a first; --json adds each to FILE as an object a line.
// --tiny is a model and steps that a computed GPU does in seconds. After --seconds no other model is begun.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "backend/devices.h"
#include "model/decoder.h"
#include "model/plan.h"
#include "plan_lines.h"
#include "results.h"

namespace {

using namespace quern;
using test::LayerLine;
using test::ResultLine;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Shape {
  const char* name;
  int layers, hidden, heads, kv_heads, head_dim, ffn, vocab;
};
constexpr Shape kModels[] = {{"qwen3-0.6b", 28, 1024, 16, 8, 128, 3072, 151936},
                             {"qwen3-4b", 36, 2560, 32, 8, 128, 9728, 151936}};
constexpr Shape kTinyModel = {"tiny", 2, 64, 4, 2, 16, 96, 320};

// How much is done of what.
struct Amounts {
  int context, batch, batch_position, prompt, steps, runs, rows;
  size_t copied_bytes;
};
constexpr Amounts kAmounts = {32768, 64, 256, 4096, 48, 5, 4096, size_t{1} << 30};
constexpr Amounts kTinyAmounts = {40, 3, 16, 40, 3, 2, 40, size_t{1} << 16};

// All matrices random, all norms one; the output matrix is the embedding.
std::string plan_of(const Shape& s, int context) {
  std::string text = "quern-plan 3\nconfig hidden " + std::to_string(s.hidden) + "\nconfig vocab " +
                     std::to_string(s.vocab) + "\nconfig context_length " + std::to_string(context) +
                     "\nconfig tied_embeddings 1\nrope 0 theta 1000000\nrope 0 dim " +
                     std::to_string(s.head_dim) + "\n" +
                     LayerLine{s.layers, s.heads, s.kv_heads, s.head_dim, s.ffn, true}.text() + "seed 1\n";
  const auto weight = [&](const std::string& slot, int rows, int cols) {
    text += "weight " + slot + " bf16 " + std::to_string(rows) + " " + std::to_string(cols) +
            (rows == 1 ? " constant 1\n" : " random 0.03\n");
  };
  weight("embed", s.vocab, s.hidden);
  for (int i = 0; i < s.layers; ++i) {
    const std::string at = "layers." + std::to_string(i) + ".";
    weight(at + "attention_norm", 1, s.hidden);
    weight(at + "q", s.heads * s.head_dim, s.hidden);
    weight(at + "k", s.kv_heads * s.head_dim, s.hidden);
    weight(at + "v", s.kv_heads * s.head_dim, s.hidden);
    weight(at + "q_norm", 1, s.head_dim);
    weight(at + "k_norm", 1, s.head_dim);
    weight(at + "o", s.hidden, s.heads * s.head_dim);
    weight(at + "ffn_norm", 1, s.hidden);
    weight(at + "gate", s.ffn, s.hidden);
    weight(at + "up", s.ffn, s.hidden);
    weight(at + "down", s.hidden, s.ffn);
  }
  weight("final_norm", 1, s.hidden);
  return text + "end\n";
}

// Bytes a second that a copy within the device's memory reads and writes.
double measure_copy(size_t bytes) {
  const auto must = [](cudaError_t status) {
    if (status != cudaSuccess) throw std::runtime_error(cudaGetErrorString(status));
  };
  void *from = nullptr, *to = nullptr;
  cudaEvent_t began, ended;
  must(cudaMalloc(&from, bytes));
  must(cudaMalloc(&to, bytes));
  must(cudaMemset(from, 1, bytes));
  must(cudaEventCreate(&began));
  must(cudaEventCreate(&ended));
  std::vector<double> rates;
  for (int run = 0; run < 10; ++run) {
    must(cudaEventRecord(began));
    must(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice));
    must(cudaEventRecord(ended));
    must(cudaEventSynchronize(ended));
    float milliseconds = 0;
    must(cudaEventElapsedTime(&milliseconds, began, ended));
    if (run > 0 && milliseconds > 0) rates.push_back(2e3 * static_cast<double>(bytes) / milliseconds);
  }
  must(cudaEventDestroy(began));
  must(cudaEventDestroy(ended));
  must(cudaFree(from));
  must(cudaFree(to));
  return rates.empty() ? 0 : median(rates);
}

// A decoder on the device, and sequences that share its pages.
class Runner {
 public:
  struct Timed {
    double seconds = 0, device_seconds = 0;  // of a step
  };

  Runner(const Shape& shape, const std::string& dtype, const Amounts& amounts, Device& device)
      : amounts_(amounts), samples_(device.samples(greedy_)) {
    const int positions = amounts.context + 2 * amounts.steps;
    const ModelPlan plan = parse_plan(plan_of(shape, positions));
    const int longest =
        std::max(positions, amounts.batch * (amounts.batch_position + 2 * amounts.steps + kPagePositions));
    StateShape state{{device.kv_dtype(false), shape.kv_heads, shape.head_dim, longest / kPagePositions + 1},
                     group_layers(std::vector<int>(static_cast<size_t>(shape.layers), 0)),
                     0};
    for (int32_t page = 0; page < state.kv.pages; ++page) pages_.push_back(page);
    kv_bytes_ = static_cast<double>(state.page_bytes()) / kPagePositions;
    decoder_ = std::make_unique<Decoder>(plan.config,
                                         DecoderWeights(plan, device, *weight_choice(dtype), {}), device,
                                         state, Decoder::Limits{amounts.rows, amounts.batch, amounts.batch,
                                                                positions});
    logits_.resize(static_cast<size_t>(amounts.batch) * static_cast<size_t>(shape.vocab));
  }

  // Steps of one new token for each sequence, behind `position` others.
  Timed decode(int sequences, int position) {
    std::vector<double> seconds, device_seconds;
    for (int run = 0; run <= amounts_.runs; ++run) {
      const Timed timed = decode_once(sequences, position);
      if (run == 0) continue;
      seconds.push_back(timed.seconds);
      device_seconds.push_back(timed.device_seconds);
    }
    return {median(seconds), median(device_seconds)};
  }

  // A prompt in steps of so many rows.
  Timed prefill(int tokens, int rows) {
    std::vector<double> seconds, device_seconds;
    for (int run = 0; run <= amounts_.runs / 2 + 1; ++run) {
      double device = 0;
      const double began = now();
      for (int first = 0; first < tokens; first += rows) {
        const int count = std::min(rows, tokens - first);
        const std::vector<int32_t> chunk(static_cast<size_t>(count), 5);
        const int32_t* const table = pages_.data();
        const DecoderInput input{chunk, first, tokens, {&table, 1}};
        const Ticket step = decoder_->begin({&input, 1}, never_);
        if (first + count == tokens) want({count - 1});
        decoder_->launch(step);
        collect(step);
        device += result_.seconds;
      }
      if (run == 0) continue;
      seconds.push_back(now() - began);
      device_seconds.push_back(device);
    }
    return {median(seconds), median(device_seconds)};
  }

  // Bytes that a step reads of weights, and of keys and values.
  double bytes(int sequences, int position) const {
    return static_cast<double>(decoder_->weights().bytes_per_token()) +
           kv_bytes_ * sequences * (position + amounts_.steps / 2.0);
  }
  bool samples() const { return samples_; }

 private:
  Timed decode_once(int sequences, int position) {
    // The next step is launched before the tokens of this one are read, where the device draws them.
    const bool ahead = samples_ && decoder_->depth() > 0;
    const int pages_each = (position + 2 * amounts_.steps) / kPagePositions + 1;
    std::vector<int32_t> tokens(static_cast<size_t>(sequences), 5), rows;
    std::vector<const int32_t*> tables;
    for (int i = 0; i < sequences; ++i) {
      tables.push_back(pages_.data() + (sequences > 1 ? i * pages_each : 0));
      rows.push_back(i);
    }
    Timed timed;
    Ticket before = 0;
    const double began = now();
    for (int step = 0; step < amounts_.steps; ++step) {
      std::vector<DecoderInput> inputs;
      for (size_t i = 0; i < tokens.size(); ++i)
        inputs.push_back({{&tokens[i], 1}, position + step, position + 1, {&tables[i], 1}});
      const Ticket ticket = decoder_->begin(inputs, never_);
      want(rows);
      decoder_->launch(ticket);
      if (step > 0 && ahead) timed.device_seconds += collect(before);
      if (!ahead) timed.device_seconds += collect(ticket);
      before = ticket;
      if (ahead)
        for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = drawn_in(static_cast<int>(i));
    }
    if (ahead) timed.device_seconds += collect(before);
    timed.seconds = (now() - began) / amounts_.steps;
    timed.device_seconds /= amounts_.steps;
    return timed;
  }

  void want(const std::vector<int32_t>& rows) {
    if (samples_) {
      SampleParams params;
      params.options = &greedy_;
      decoder_->sample(rows, std::vector<SampleParams>(rows.size(), params));
    } else {
      decoder_->read_logits(rows, logits_.data());
    }
  }
  double collect(Ticket step) {
    if (!decoder_->collect(step, result_)) throw std::runtime_error("a step was given up");
    return result_.seconds;
  }

  const Amounts& amounts_;
  const SamplingOptions greedy_;
  const bool samples_;
  double kv_bytes_ = 0;  // of a position
  std::vector<int32_t> pages_;
  std::unique_ptr<Decoder> decoder_;
  std::vector<float> logits_;
  const std::atomic<bool> never_{false};
  StepResult result_;
};

// Multiply-adds of one token's products with the layers' matrices.
double products_of(const Shape& s) {
  const double attention = double(s.hidden) * s.head_dim * (2 * s.heads + 2 * s.kv_heads);
  return s.layers * (attention + 3.0 * s.hidden * s.ffn);
}

void measure(const Shape& shape, const std::string& dtype, const Amounts& amounts, double bandwidth) {
  const double began = now();
  const auto device = create_device({0, "auto", QUERN_CUDA_LIBRARY});
  Runner runner(shape, dtype, amounts, *device);
  const double loaded = now() - began;
  std::printf("%-10s %-4s  loaded in %.1f s\n", shape.name, dtype.c_str(), loaded);
  const auto line = [&](const std::string& what, double tokens, const Runner::Timed& timed) {
    ResultLine result;
    result.add("bench", std::string(shape.name) + " " + dtype + " " + what)
        .add("model", shape.name)
        .add("dtype", dtype)
        .add("what", what)
        .add("tokens_per_second", tokens / timed.seconds)
        .add("milliseconds", 1e3 * timed.seconds)
        .add("device_milliseconds", 1e3 * timed.device_seconds)
        .add("draws", runner.samples() ? "device" : "host");
    std::printf("%-10s %-4s  %-22s %9.1f tokens/s  %8.3f ms, %8.3f on the device", shape.name, dtype.c_str(),
                what.c_str(), tokens / timed.seconds, 1e3 * timed.seconds, 1e3 * timed.device_seconds);
    return result;
  };
  const auto decode = [&](int sequences, int position) {
    const Runner::Timed timed = runner.decode(sequences, position);
    const std::string what = std::to_string(sequences) + " x decode at " + std::to_string(position);
    const double bytes = runner.bytes(sequences, position), share = bytes / timed.seconds / bandwidth;
    line(what, sequences, timed).add("bytes", bytes).add("share_of_copy", share).write();
    std::printf("  %6.1f MB a step, %3.0f %% of a copy\n", 1e-6 * bytes, 100 * share);
    std::fflush(stdout);
  };
  const auto prefill = [&](int rows) {
    const Runner::Timed timed = runner.prefill(amounts.prompt, rows);
    const double attention = 2.0 * shape.layers * shape.heads * shape.head_dim * amounts.prompt / 2;
    const double rate = 2 * (products_of(shape) + attention) * amounts.prompt / timed.seconds;
    const std::string what = "prompt of " + std::to_string(amounts.prompt) + " by " + std::to_string(rows);
    line(what, amounts.prompt, timed).add("tflops", 1e-12 * rate).write();
    std::printf("  %6.1f TFLOP/s\n", 1e-12 * rate);
    std::fflush(stdout);
  };
  decode(1, 0);
  decode(1, amounts.context);
  decode(amounts.batch, amounts.batch_position);
  prefill(std::min(512, amounts.rows / 2));
  prefill(amounts.rows);
}

bool lists(const std::string& list, const std::string& name) {
  return ("," + list + ",").find("," + name + ",") != std::string::npos;
}

}  // namespace

int main(int count, char** arguments) {
  std::string models = "qwen3-0.6b,qwen3-4b", dtypes = "bf16,int8,int4";
  double most_seconds = 1e9;
  bool is_tiny = false;
  for (int i = 1; i < count; ++i) {
    const std::string option = arguments[i];
    const std::string value = i + 1 < count ? arguments[i + 1] : "";
    if (option == "--tiny") {
      is_tiny = true;
      continue;
    }
    if (option == "--json") setenv("QUERN_RESULTS", value.c_str(), 1);
    else if (option == "--models") models = value;
    else if (option == "--dtypes") dtypes = value;
    else if (option == "--seconds") most_seconds = std::atof(value.c_str());
    else {
      std::fprintf(stderr, "unknown option %s\n", option.c_str());
      return 2;
    }
    ++i;
  }
  const Amounts& amounts = is_tiny ? kTinyAmounts : kAmounts;
  const double began = now();
  int failures = 0;
  const auto guarded = [&](const std::string& what, const std::function<void()>& work) {
    try {
      work();
    } catch (const std::exception& error) {
      ++failures;
      std::printf("%s: FAILED: %s\n", what.c_str(), error.what());
      ResultLine().add("bench", what).add("failure", error.what()).write();
    }
  };
  double bandwidth = 0;
  guarded("copy", [&] {
    bandwidth = measure_copy(amounts.copied_bytes);
    std::printf("copy within the device: %.0f GB/s, read and written\n", 1e-9 * bandwidth);
    ResultLine().add("bench", "copy").add("gigabytes_per_second", 1e-9 * bandwidth).write();
  });
  const auto model = [&](const Shape& shape, const std::string& dtype) {
    const std::string what = std::string(shape.name) + " " + dtype;
    if (now() - began > most_seconds) {
      std::printf("%s: left out, %.0f s are over\n", what.c_str(), most_seconds);
      return;
    }
    guarded(what, [&] { measure(shape, dtype, amounts, bandwidth); });
  };
  for (const Shape& shape : kModels)
    for (const char* dtype : {"bf16", "int8", "int4"})
      if (!is_tiny && lists(models, shape.name) && lists(dtypes, dtype)) model(shape, dtype);
  if (is_tiny)
    for (const char* dtype : {"bf16", "int8", "int4"}) model(kTinyModel, dtype);
  return failures == 0 ? 0 : 1;
}
