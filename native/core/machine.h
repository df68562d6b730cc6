#pragma once
#include <cstdint>

namespace quern {

// Processors that this process may really use: the affinity mask, and the cgroup's quota rounded up.
int usable_processors();

// Bytes that this process may still take: what the system has available, and what its cgroup leaves.
uint64_t available_memory();

}  // namespace quern
