#include "core/machine.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <thread>

#include "core/cgroup.h"

namespace quern {

int usable_processors() {
  int count = static_cast<int>(std::thread::hardware_concurrency());
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = CPU_COUNT(&set);
  const double quota = std::ceil(processor_quota(own_groups()));
  if (quota < count) count = static_cast<int>(quota);
  return std::max(count, 1);
}

uint64_t available_memory() {
  uint64_t available = std::numeric_limits<uint64_t>::max();
  std::ifstream info("/proc/meminfo");
  for (std::string line; std::getline(info, line);) {
    uint64_t kibibytes = 0;
    if (line.starts_with("MemAvailable:") && std::istringstream(line.substr(13)) >> kibibytes)
      available = kibibytes * 1024;
  }
  return std::min(available, memory_left(own_groups()));
}

}  // namespace quern
