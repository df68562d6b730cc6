#pragma once
#include <stdexcept>
#include <string>
#include <utility>

namespace quern {

// A failure that a user can meet. `code` is a member of QuernErrorCode in lib/errors.ts; the message says
// what was expected, for what, and what came.
class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

[[noreturn]] inline void fail_check(const char* condition, const char* file, int line) {
  throw Error("internal",
              std::string("expected ") + condition + " (" + file + ":" + std::to_string(line) + ")");
}

// What went wrong, as it crosses threads and languages.
struct Failure {
  std::string code, message;
};

// From the exception that is being handled.
Failure current_failure();

}  // namespace quern

// An invariant of our own. TypeScript validates what users pass, so a failure here is a bug; it still must
// not crash the process.
#define QUERN_CHECK(condition)                                             \
  do {                                                                     \
    if (!(condition)) ::quern::fail_check(#condition, __FILE__, __LINE__); \
  } while (0)
