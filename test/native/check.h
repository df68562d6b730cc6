// The whole test framework of the native tests: TEST(name) { CHECK(...); } and a main() that runs them all.
#pragma once
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <sstream>
#include <string>
#include <vector>

namespace check {

struct Case {
  const char* name;
  void (*run)();
};
inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}
inline int failures = 0;

struct Register {
  Register(const char* name, void (*run)()) { cases().push_back({name, run}); }
};

// A loop that fails everywhere says so a few times, then only counts.
inline void fail(const char* file, int line, const std::string& what) {
  constexpr int kMostPrinted = 30;
  if (++failures <= kMostPrinted) std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
}

template <typename T>
std::string shown(const T& value) {
  if constexpr (requires(std::ostringstream & out) { out << value; }) {
    std::ostringstream out;
    out.precision(9);
    out << value;
    return out.str();
  } else {
    return "another value";
  }
}

}  // namespace check

#define TEST(name)                                                  \
  static void test_##name();                                        \
  static const check::Register register_##name(#name, test_##name); \
  static void test_##name()

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) check::fail(__FILE__, __LINE__, "expected " #condition); \
  } while (0)

// As CHECK; `context` is a std::string that says which of many cases this is.
#define CHECK_FOR(condition, context)                                                                        \
  do {                                                                                                       \
    if (!(condition)) check::fail(__FILE__, __LINE__, std::string("expected " #condition ": ") + (context)); \
  } while (0)

#define CHECK_EQ(got, want)                                                                       \
  do {                                                                                            \
    const auto got_value = (got);                                                                 \
    const auto want_value = (want);                                                               \
    if (!(got_value == want_value))                                                               \
      check::fail(__FILE__, __LINE__,                                                             \
                  std::string("expected " #got " == " #want ", got ") + check::shown(got_value)); \
  } while (0)

// |got - want| <= atol + rtol * |want|
#define CHECK_NEAR(got, want, atol, rtol)                                                     \
  do {                                                                                        \
    const double g = (got), w = (want);                                                       \
    if (!(std::abs(g - w) <= (atol) + (rtol)*std::abs(w)))                                    \
      check::fail(__FILE__, __LINE__,                                                         \
                  std::string(#got) + " = " + check::shown(g) + ", want " + check::shown(w)); \
  } while (0)

// The expression must throw a quern::Error with this code.
#define CHECK_ERROR(expression, want_code)                                                                   \
  do {                                                                                                       \
    std::string got_code = "no error";                                                                       \
    try {                                                                                                    \
      (void)(expression);                                                                                    \
    } catch (const quern::Error& error) {                                                                    \
      got_code = error.code();                                                                               \
    }                                                                                                        \
    if (got_code != (want_code))                                                                             \
      check::fail(__FILE__, __LINE__, std::string(#expression) + ": " + got_code + ", want " + (want_code)); \
  } while (0)

int main() {
  for (const auto& test : check::cases()) {
    const int before = check::failures;
    const auto start = std::chrono::steady_clock::now();
    try {
      test.run();
    } catch (const std::exception& error) {
      check::fail(__FILE__, __LINE__, std::string("unexpected exception: ") + error.what());
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%s %s (%.2f s)\n", check::failures == before ? "ok  " : "FAIL", test.name, seconds.count());
    std::fflush(stdout);
  }
  std::printf("%d failures in %zu tests\n", check::failures, check::cases().size());
  return check::failures == 0 ? 0 : 1;
}
