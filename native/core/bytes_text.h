#pragma once
#include <cstdint>
#include <string>

namespace quern {

// Bytes for people, decimal as disks are counted, and exactly: "8.59 GB (8589934592 bytes)", "512 bytes".
std::string bytes_text(uint64_t bytes);

}  // namespace quern
