// What the variables of the computed GPU take, and how a process ends that asks for something else.
#include "emulator/asked.h"

#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "check.h"
#include "emulator/runtime.h"
#include "environment.h"

using namespace quern::emulator;
using quern::test::Environment;

namespace {

struct End {
  int status;
  std::string said;
};

// How a process ends that does this.
End end_of(const std::function<void()>& work) {
  int ends[2];
  CHECK_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 2);
    work();
    _exit(0);
  }
  close(ends[1]);
  End end{};
  char piece[256];
  for (ssize_t count; (count = read(ends[0], piece, sizeof piece)) > 0;)
    end.said.append(piece, size_t(count));
  close(ends[0]);
  waitpid(child, &end.status, 0);
  end.status = WIFEXITED(end.status) ? WEXITSTATUS(end.status) : -1;
  return end;
}

void check_refused(const char* variable, const char* value, const char* expected,
                   const std::function<void()>& work) {
  const Environment asked(variable, value);
  const End end = end_of(work);
  CHECK_EQ(end.status, 2);
  CHECK_EQ(end.said,
           std::string("computed GPU: ") + variable + ": expected " + expected + ", got '" + value + "'\n");
}

}  // namespace

TEST(numbers) {
  constexpr const char* kName = "QUERN_EMULATOR_MEMORY";
  const auto ask = [] { return asked_number(kName, 7, 1); };
  for (const char* wrong : {"-5", "abc", "0", "12x", " 1", "1e9", "0x10", "18446744073709551616"})
    check_refused(kName, wrong, "a whole number, 1 or more", ask);
  CHECK_EQ(ask(), uint64_t{7});
  const Environment empty(kName, "");
  CHECK_EQ(ask(), uint64_t{7});
  const Environment some(kName, "600000000");
  CHECK_EQ(ask(), uint64_t{600'000'000});
}

TEST(numbers_of_a_range) {
  constexpr const char* kName = "QUERN_EMULATOR_MULTIPROCESSORS";
  for (const char* wrong : {"0", "1025", "four"})
    check_refused(kName, wrong, "a whole number from 1 to 1024", [] { limits(); });
  const Environment some(kName, "3");
  CHECK_EQ(limits().multiprocessors, 3);
}

TEST(words) {
  constexpr const char* kName = "QUERN_EMULATOR_CHECK";
  for (const char* wrong : {"nonsense", "All", "bounds "})
    check_refused(kName, wrong, "all or bounds or none", [] { asked_checks(); });
  const Environment some(kName, "bounds");
  CHECK_EQ(asked_checks(), "bounds");
  check_refused("QUERN_EMULATOR_GRAPHS", "none", "given or refused or no-memory", [] { asked_of_graphs(); });
}

TEST(architectures) {
  for (const char* wrong : {"8", "sm_80", "90b", "90aa", "1000", "08"})
    check_refused("QUERN_EMULATOR_ARCH", wrong, "a compute capability such as 80, 86, 90a or 120",
                  [] { limits(); });
}

TEST(devices) {
  for (const char* wrong : {"foo", "65", "-1"})
    check_refused("QUERN_EMULATOR_DEVICES", wrong, "a whole number from 0 to 64",
                  [] { Runtime::instance().open(); });
  check_refused("QUERN_EMULATOR_STREAMS", "never", "early or late", [] { Runtime::instance().open(); });
}
