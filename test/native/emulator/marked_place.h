// Lines of test/native/emulator/kernels that a report is to name.
#pragma once
#include <cctype>
#include <fstream>
#include <stdexcept>
#include <string>

#include "emulator/report.h"

// "planted.cu:<line>" of the line that ends in "reported: … <name> …".
inline std::string marked_place(const std::string& file_name, const std::string& name) {
  std::ifstream file(std::string(QUERN_SOURCE_DIR) + "/test/native/emulator/kernels/" + file_name);
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    number++;
    const size_t at = line.find("// reported: ");
    if (at != std::string::npos && (line.substr(at) + " ").find(" " + name + " ") != std::string::npos) {
      return file_name + ":" + std::to_string(number);
    }
  }
  throw std::runtime_error("no line is marked with " + name);
}

inline bool names(const quern::emulator::Report& report, const std::string& place) {
  const size_t at = report.text.find(place);
  return at != std::string::npos &&
         !std::isdigit(static_cast<unsigned char>((report.text + " ")[at + place.size()]));
}

// Whether one of them is of that kind and names that place; `got`: all of them, for who looks for what was.
inline bool is_reported(const std::vector<quern::emulator::Report>& reports, const std::string& kind,
                        const std::string& place, std::string& got) {
  bool is_found = false;
  for (const quern::emulator::Report& report : reports) {
    is_found |= report.kind == kind && names(report, place);
    got += "\n  " + report.kind + ": " + report.text;
  }
  return is_found;
}
