#include "core/bytes_text.h"

#include <cstdio>
#include <iterator>

namespace quern {

std::string bytes_text(uint64_t bytes) {
  const std::string exact = std::to_string(bytes) + " bytes";
  const char* const units[] = {"kB", "MB", "GB", "TB"};
  if (bytes < 1000) return exact;
  auto value = static_cast<double>(bytes) / 1000;
  size_t unit = 0;
  for (; unit + 1 < std::size(units) && value >= 999.5; ++unit) value /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, units[unit]);
  return std::string(text) + " (" + exact + ")";
}

}  // namespace quern
