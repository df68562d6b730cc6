// What is asked of the computed GPU by the variables QUERN_EMULATOR_*. One that is not set, or empty, asks
// for nothing. A value that is none ends the process, with a line on stderr that names the variable, what was
// expected and what came.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace quern::emulator {

// Empty: nothing is asked for.
std::string_view asked_text(const char* variable);

// A whole number from `least` to `most`.
uint64_t asked_number(const char* variable, uint64_t otherwise, uint64_t least, uint64_t most = UINT64_MAX);

// One of these words; the first where nothing is asked for.
std::string_view asked_word(const char* variable, std::initializer_list<std::string_view> words);

// QUERN_EMULATOR_CHECK: all, bounds or none.
std::string_view asked_checks();
// QUERN_EMULATOR_GRAPHS: given, refused or no-memory.
std::string_view asked_of_graphs();

// False: not digits alone, or more than 64 bits hold.
bool read_number(std::string_view text, uint64_t& number);

[[noreturn]] void refuse_asked(const char* variable, const std::string& expected);

}  // namespace quern::emulator
