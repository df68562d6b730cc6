// What a block may have of shared memory, by compute capability.
#include "emulator/runtime.h"

#include "check.h"
#include "environment.h"

using namespace quern::emulator;

TEST(shared_memory_of_a_block) {
  const struct {
    const char* arch;
    int kilobytes;
  } table[] = {{"80", 163},  {"86", 99},   {"87", 163},  {"89", 99},  {"90", 227},
               {"90a", 227}, {"100", 227}, {"103", 227}, {"120", 99}, {"121", 99}};
  for (const auto& [arch, kilobytes] : table) {
    const quern::test::Environment computed("QUERN_EMULATOR_ARCH", arch);
    CHECK_EQ(limits().shared_bytes_opted_in, kilobytes * 1024);
  }
}
