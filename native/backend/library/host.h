#pragma once
#include <string>
#include <vector>

#include "backend/library/abi.h"

namespace quern {

// What this process offers to the libraries that it loads.
const QuernHost& library_host();

// The last lines that libraries wrote, the oldest first. Nothing is printed: the terminal is not ours.
std::vector<std::string> library_log();

}  // namespace quern
