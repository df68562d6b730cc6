#include "emulator/report.h"

#include <cxxabi.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>
#include <utility>

namespace quern::emulator {
namespace {

struct Reports {
  std::mutex lock;
  std::vector<Report> untaken;
  std::set<std::string> known;  // since the last take
  bool are_printed = true;

  static Reports& all() {
    static Reports& reports = *new Reports();
    return reports;
  }
};

}  // namespace

std::string readable(const std::string& symbol) {
  if (!symbol.starts_with("_Z")) return symbol;
  int status = 0;
  char* const demangled = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
  const std::string name = demangled ? demangled : symbol;
  std::free(demangled);
  int open = 0;  // parentheses, from the end
  for (size_t at = name.size(); at-- > 0;) {
    open += name[at] == ')' ? 1 : name[at] == '(' ? -1 : 0;
    if (open == 0) return name.substr(0, at);
  }
  return name;
}

void report(Report found) {
  found.kernel = readable(found.kernel);
  Reports& all = Reports::all();
  const std::lock_guard guard(all.lock);
  const std::string& places = found.places.empty() ? found.text : found.places;
  if (!all.known.insert(found.kind + '\n' + found.kernel + '\n' + places).second) return;
  if (all.are_printed) {
    std::fprintf(stderr, "computed GPU: %s in %s: %s\n", found.kind.c_str(), found.kernel.c_str(),
                 found.text.c_str());
  }
  all.untaken.push_back(std::move(found));
}

std::vector<Report> take_reports() {
  Reports& all = Reports::all();
  const std::lock_guard guard(all.lock);
  all.known.clear();
  return std::exchange(all.untaken, {});
}

bool has_reports() {
  Reports& all = Reports::all();
  const std::lock_guard guard(all.lock);
  return !all.untaken.empty();
}

void print_reports(bool yes) {
  Reports& all = Reports::all();
  const std::lock_guard guard(all.lock);
  all.are_printed = yes;
}

}  // namespace quern::emulator
