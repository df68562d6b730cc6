// Work that grows with its input, and no faster.
#pragma once
#include <algorithm>
#include <cmath>
#include <ctime>
#include <string>

#include "check.h"

namespace check {

// Processor time of this thread: what others do on the machine counts little.
template <typename Work>
double processor_seconds(Work work) {
  const auto now = [] {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  work();
  return now() - start;
}

// Twice the input takes 2.5 times the time at most, where what grows in the square takes four times; doubled
// twice, so that the two are far apart. `seconds(size)` does the work and says what it took. What else runs
// can only add to a time: so the least of some rounds counts.
template <typename Seconds>
void linear(size_t size, const std::string& what, Seconds seconds) {
  constexpr double kMost = 2.5 * 2.5, kPatience = 3;
  double once = seconds(size), fourfold = seconds(4 * size);
  double spent = once + fourfold;
  for (int round = 0; round < 20 && fourfold > kMost * once && spent < kPatience; ++round) {
    const double small = seconds(size), large = seconds(4 * size);
    spent += small + large;
    once = std::min(once, small);
    fourfold = std::min(fourfold, large);
  }
  if (fourfold > kMost * once) {
    fail(__FILE__, __LINE__,
         what + ": " + std::to_string(size) + " take " + shown(1e3 * once) + " ms, " +
             std::to_string(4 * size) + " take " + shown(1e3 * fourfold) + " ms");
  }
}

}  // namespace check
