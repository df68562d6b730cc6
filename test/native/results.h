// What a program measured, beside what it says to people: a JSON object a line, at the end of the file that
// QUERN_RESULTS names, if it names one. scripts/gpu.sh gathers them.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <string>

namespace quern::test {

class ResultLine {
 public:
  ResultLine& add(const char* name, const std::string& text) {
    std::string quoted = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return put(name, quoted + "\"");
  }
  ResultLine& add(const char* name, const char* text) { return add(name, std::string(text)); }
  ResultLine& add(const char* name, bool value) { return put(name, value ? "true" : "false"); }
  ResultLine& add(const char* name, double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.6g", value);
    const bool is_number = value - value == 0;  // JSON has no others
    return put(name, is_number ? text : "null");
  }
  ResultLine& add(const char* name, size_t value) { return put(name, std::to_string(value)); }
  ResultLine& add(const char* name, int value) { return put(name, std::to_string(value)); }

  void write() const {
    const char* const path = std::getenv("QUERN_RESULTS");
    if (path == nullptr) return;
    if (std::FILE* const file = std::fopen(path, "a")) {
      std::fprintf(file, "{%s}\n", members_.c_str());
      std::fclose(file);
    }
  }

 private:
  ResultLine& put(const char* name, const std::string& value) {
    members_ += (members_.empty() ? "\"" : ", \"") + std::string(name) + "\": " + value;
    return *this;
  }
  std::string members_;
};

}  // namespace quern::test
