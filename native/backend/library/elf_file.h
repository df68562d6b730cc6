#pragma once
#include <string>

namespace quern {

// Whether a shared library lacks its end, as an interrupted copy leaves it. The system maps such a file and
// ends the process where its pages are looked at. False for what is no ELF file of this machine's kind: the
// system refuses that by itself.
bool is_cut_off(const std::string& path);

}  // namespace quern
