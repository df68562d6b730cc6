#include "emulator/asked.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace quern::emulator {

std::string_view asked_text(const char* variable) {
  const char* text = std::getenv(variable);
  return text ? text : "";
}

bool read_number(std::string_view text, uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

void refuse_asked(const char* variable, const std::string& expected) {
  std::fprintf(stderr, "computed GPU: %s: expected %s, got '%s'\n", variable, expected.c_str(),
               std::string(asked_text(variable)).c_str());
  std::fflush(stderr);
  std::_Exit(2);  // wherever it is: threads of the host may run
}

uint64_t asked_number(const char* variable, uint64_t otherwise, uint64_t least, uint64_t most) {
  const std::string_view text = asked_text(variable);
  if (text.empty()) return otherwise;
  uint64_t number = 0;
  if (read_number(text, number) && number >= least && number <= most) return number;
  const std::string range = most == UINT64_MAX
                                ? ", " + std::to_string(least) + " or more"
                                : " from " + std::to_string(least) + " to " + std::to_string(most);
  refuse_asked(variable, "a whole number" + range);
}

std::string_view asked_checks() {
  return asked_word("QUERN_EMULATOR_CHECK", {"all", "bounds", "none"});
}

std::string_view asked_of_graphs() {
  return asked_word("QUERN_EMULATOR_GRAPHS", {"given", "refused", "no-memory"});
}

std::string_view asked_word(const char* variable, std::initializer_list<std::string_view> words) {
  const std::string_view text = asked_text(variable);
  if (text.empty()) return *words.begin();
  if (std::find(words.begin(), words.end(), text) != words.end()) return text;
  std::string all;
  for (const std::string_view word : words) {
    if (!all.empty()) all += " or ";
    all += word;
  }
  refuse_asked(variable, all);
}

}  // namespace quern::emulator
