// What choosing a token costs: `bench.sampler`. Logits of a vocabulary of 151,936, normally distributed;
// medians of many draws, one thread.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <vector>

#include "backend/cpu/isa.h"
#include "backend/cpu/sampler.h"

namespace {

using namespace quern;

constexpr int kVocab = 151936, kDraws = 101;

void measure(cpu::Sampler& sampler, const cpu::Kernels& kernels, double deviation, const char* name,
             SampleParams params) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, static_cast<float>(deviation));
  std::vector<float> logits(kVocab);
  for (float& logit : logits) logit = normal(random);
  std::vector<double> seconds;
  for (int draw = 0; draw < kDraws; ++draw) {
    params.uniform = (draw + 0.5) / kDraws;
    const auto start = std::chrono::steady_clock::now();
    sampler.sample(kernels, 0, logits, params);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + kDraws / 2, seconds.end());
  std::printf("%-12s deviation %.0f  %-32s %.3f ms\n", kernels.name, deviation, name,
              1e3 * seconds[kDraws / 2]);
}

}  // namespace

int main() {
  for (const quern::cpu::Kernels* kernels : quern::cpu::runnable_kernels()) {
    quern::cpu::Sampler sampler;
    sampler.reserve(kVocab, 1);
    for (const double deviation : {1.0, 3.0}) {
      measure(sampler, *kernels, deviation, "greedy", {0});
      measure(sampler, *kernels, deviation, "temperature 1", {1});
      measure(sampler, *kernels, deviation, "temperature 0.7, top_k 20", {0.7f, 20});
      measure(sampler, *kernels, deviation, "temperature 0.8, top_p 0.95", {0.8f, 0, 0.95f});
      measure(sampler, *kernels, deviation, "0.7, top_k 20, top_p 0.8", {0.7f, 20, 0.8f});
      measure(sampler, *kernels, deviation, "temperature 1, min_p 0.05", {1, 0, 1, 0.05f});
    }
  }
}
