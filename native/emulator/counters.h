// What launches do, and what the host asks beside them, counted: for lints.
#pragma once
#include <cstdint>

namespace quern::emulator {

struct Counters {
  uint64_t launches = 0;
  uint64_t early_launches = 0;  // of them, those that may begin before the kernel in front has ended
  uint64_t graph_launches = 0;  // of whole graphs, whose kernels are among `launches`
  uint64_t warp_instructions = 0, tensor_instructions = 0;
  uint64_t global_bytes_read = 0, global_bytes_written = 0;  // asked for by lanes
  uint64_t early_bytes_read = 0;  // of those read, what was asked for before kernels in front were waited for
  uint64_t global_sectors = 0, global_ideal_sectors = 0;  // of 32 bytes
  uint64_t shared_conflict_cycles = 0;                    // beyond the ideal
  uint64_t local_accesses = 0;
  uint64_t copies = 0;
  uint64_t waits = 0;  // of the host: for a stream, an event, the device, or in a copy of memory not pinned

  Counters& operator+=(const Counters& other) {
    launches += other.launches;
    early_launches += other.early_launches;
    graph_launches += other.graph_launches;
    warp_instructions += other.warp_instructions;
    tensor_instructions += other.tensor_instructions;
    global_bytes_read += other.global_bytes_read;
    global_bytes_written += other.global_bytes_written;
    early_bytes_read += other.early_bytes_read;
    global_sectors += other.global_sectors;
    global_ideal_sectors += other.global_ideal_sectors;
    shared_conflict_cycles += other.shared_conflict_cycles;
    local_accesses += other.local_accesses;
    copies += other.copies;
    waits += other.waits;
    return *this;
  }
};

// The sum of all since the last take_counters().
Counters& counted();
Counters take_counters();

}  // namespace quern::emulator
