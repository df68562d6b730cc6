#pragma once
#include <cstdint>

#include "emulator/launch.h"

namespace quern::test {

// What all launches since the last call did, together.
struct Counted {
  uint64_t launches = 0, bytes_read = 0, sectors = 0, ideal_sectors = 0, conflicts = 0, local = 0;
};
inline Counted take_counted() {
  Counted sum;
  for (const emulator::Counters& one : emulator::take_counters()) {
    sum.launches += one.launches;
    sum.bytes_read += one.global_bytes_read;
    sum.sectors += one.global_sectors;
    sum.ideal_sectors += one.global_ideal_sectors;
    sum.conflicts += one.shared_conflict_cycles;
    sum.local += one.local_accesses;
  }
  return sum;
}

}  // namespace quern::test
