// What the computed GPU found wrong. Any report makes the next call that synchronises fail, with
// cudaErrorIllegalAddress, as a fault does on a device; texts are kept for tests and printed to stderr once.
#pragma once
#include <string>
#include <vector>

namespace quern::emulator {

struct Report {
  std::string kind;    // race, early, out-of-bounds, use-after-free, misaligned, uninitialised, async,
                       // deadlock, divergence, unsupported …
  std::string kernel;  // as the source names it, with its template arguments
  std::string
      text;  // one line: what, where (file:line of the .cu, and of the other access), which threads and block
  std::string places = {};  // two reports of a kind, a kernel and these are one; empty: the text
};

// A symbol as it is written in the source, without its parameters.
std::string readable(const std::string& symbol);

void report(Report found);           // of reports that are one, the first is kept
std::vector<Report> take_reports();  // those since it was asked last
bool has_reports();
void print_reports(bool yes);  // to stderr, as they come; from the beginning: yes

}  // namespace quern::emulator
