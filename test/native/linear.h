// Work that grows with its input, and no faster.
#pragma once
#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>
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

struct Growth {
  double per_doubling, once, fourfold;
  double processor_seconds;  // the longest that all which was done for one measurement took
};

// From an input to one of four times its length, measured until it is less than `most`, or for 3 s. What else
// runs can only add to a time: so the least of some rounds counts.
template <typename Seconds>
Growth growth(size_t size, double most, Seconds seconds) {
  constexpr double kPatience = 3;
  constexpr int kMostRounds = 20;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Growth found{kInfinity, kInfinity, kInfinity, 0};
  double spent = 0;
  for (int round = 0; round < kMostRounds && spent < kPatience && found.per_doubling >= most; ++round) {
    const double large =
        processor_seconds([&] { found.fourfold = std::min(found.fourfold, seconds(4 * size)); });
    const double small = processor_seconds([&] { found.once = std::min(found.once, seconds(size)); });
    spent += large + small;
    found.processor_seconds = std::max(found.processor_seconds, large);
    found.per_doubling = std::sqrt(found.fourfold / found.once);
  }
  return found;
}

// Twice the input takes 2.5 times the time at most, where what grows in the square takes four times; doubled
// twice, so that the two are far apart. `seconds(size)` does the work and says what it took. Linear work has
// steps too, where what it holds outgrows a cache, and one may look like a square. So where four times the
// input leave a doubt, 16 and then 64 times it decide: beyond the step all is linear, while a square shows
// the more the larger it is. Gives what was measured where it is not linear, or nothing.
template <typename Seconds>
std::string growth_faster_than_linear(size_t size, Seconds seconds) {
  constexpr double kMost = 2.5, kLongest = 5;
  std::string measured;
  for (const size_t once : {size, 4 * size, 16 * size}) {
    const Growth found = growth(once, kMost, seconds);
    if (found.per_doubling < kMost) return {};
    measured += "; " + std::to_string(once) + " take " + shown(1e3 * found.once) + " ms, " +
                std::to_string(4 * once) + " take " + shown(1e3 * found.fourfold) + " ms";
    if (16 * found.processor_seconds > kLongest) break;  // what a square takes next
  }
  return measured;
}

template <typename Seconds>
void linear(size_t size, const std::string& what, Seconds seconds) {
  const std::string measured = growth_faster_than_linear(size, seconds);
  if (!measured.empty()) fail(__FILE__, __LINE__, what + measured);
}

}  // namespace check
