#include "core/machine.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <thread>

namespace quern {

namespace {

constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

// This process's directory in the cgroup v2 hierarchy, or "" where there is none.
std::string cgroup_directory() {
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.starts_with("0::")) return "/sys/fs/cgroup" + line.substr(3);
  }
  return "";
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// A limit of a group holds for all groups below it: calls visit(directory) from this process's group up to
// the root.
template <typename Visit>
void for_each_cgroup(Visit visit) {
  for (std::string directory = cgroup_directory(); directory.size() >= sizeof("/sys/fs/cgroup") - 1;) {
    visit(directory);
    directory.resize(directory.find_last_of('/'));
  }
}

uint64_t number(const std::string& text) {
  uint64_t value = kUnlimited;
  std::istringstream(text) >> value;
  return text.empty() || text.starts_with("max") ? kUnlimited : value;
}

}  // namespace

int usable_processors() {
  int count = static_cast<int>(std::thread::hardware_concurrency());
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = CPU_COUNT(&set);
  for_each_cgroup([&](const std::string& directory) {
    std::istringstream line(first_line(directory + "/cpu.max"));
    std::string quota;
    double period = 0;
    if (line >> quota >> period && quota != "max" && period > 0) {
      count = std::min(count, static_cast<int>(std::ceil(std::atof(quota.c_str()) / period)));
    }
  });
  return std::max(count, 1);
}

uint64_t available_memory() {
  uint64_t available = kUnlimited;
  std::ifstream info("/proc/meminfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("MemAvailable:")) available = number(line.substr(13)) * 1024;
  }
  for_each_cgroup([&](const std::string& directory) {
    const uint64_t limit = number(first_line(directory + "/memory.max"));
    const uint64_t used = number(first_line(directory + "/memory.current"));
    if (limit != kUnlimited && used != kUnlimited)
      available = std::min(available, limit - std::min(limit, used));
  });
  return available;
}

}  // namespace quern
