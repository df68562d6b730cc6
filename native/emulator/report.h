// What the computed GPU found wrong. Any report makes the next call that synchronises fail, with
// cudaErrorIllegalAddress, as a fault does on a device; texts are kept for tests and printed to stderr once.
#pragma once
#include <string>
#include <vector>

namespace quern::emulator {

struct Report {
  std::string kind;  // race, out-of-bounds, use-after-free, misaligned, uninitialised, async, deadlock,
                     // divergence, unsupported …
  std::string kernel;
  std::string
      text;  // one line: what, where (file:line of the .cu, and of the other access), which threads and block
};

void report(Report found);           // reports of one kind, kernel and pair of places are kept once
std::vector<Report> take_reports();  // those since it was asked last
bool has_reports();

}  // namespace quern::emulator
