// What the text of a plan is read with.
#pragma once
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace quern {

// One line of the plan, taken apart word by word.
class PlanLine {
 public:
  PlanLine(std::string_view text, int number) : rest_(text), number_(number) {}

  std::string_view word(const char* what) {
    const size_t end = rest_.find(' ');
    const std::string_view found = rest_.substr(0, end);
    if (found.empty()) fail(std::string("expected ") + what + ", the line ends");
    rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
    return found;
  }
  template <typename T>
  T number(const char* what, T least, T most) {
    const std::string_view text = word(what);
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    if (!whole || !(value >= least) || !(value <= most)) {
      fail(std::string(what) + ": expected a number from " + std::to_string(least) + " to " +
           std::to_string(most) + ", got '" + std::string(text) + "'");
    }
    return value;
  }
  int count(const char* what, int most) { return number<int>(what, 1, most); }
  double real(const char* what, double least, double most) { return number<double>(what, least, most); }
  bool flag(const char* what) { return number<int>(what, 0, 1) == 1; }
  std::vector<double> reals(const char* what) {
    std::vector<double> values;
    while (!rest_.empty()) values.push_back(real(what, 1e-6, 1e6));
    return values;
  }
  void end() const {
    if (!rest_.empty()) fail("expected the end of the line, got '" + std::string(rest_.substr(0, 40)) + "'");
  }
  bool ended() const { return rest_.empty(); }
  [[noreturn]] void fail(const std::string& why) const {
    throw Error("invalid_plan", "plan, line " + std::to_string(number_) + ": " + why);
  }

 private:
  std::string_view rest_;
  int number_;
};

}  // namespace quern
