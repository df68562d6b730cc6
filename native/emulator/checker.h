// Happens-before for a computed GPU: what each byte of memory saw last, and whether the access that comes now
// is ordered after it. The interpreter tells of accesses, barriers and fences; what is wrong becomes a
// Report.
#pragma once
#include <cstdint>

namespace quern::emulator {

// Who accesses, and by which instruction: `pc` is an index that Launch::describe can name (file:line and
// text).
struct Site {
  int warp = 0, lane = 0;  // of the running block
  uint32_t pc = 0;
};

class Checker {
 public:
  static Checker& instance();

  // ---- the life of a launch; blocks run one after another
  void begin_launch(const char* kernel);
  void begin_block(int warps, uint32_t shared_bytes);  // its shared memory is uninitialised
  void end_block();
  void end_launch();

  // ---- accesses, before they are done. `address` is of the host process (shared memory: in
  // Arena::shared()). False: it must not be done (out of bounds, freed, misaligned, or not the device's): it
  // was reported.
  bool access(const Site& site, const void* address, uint32_t bytes, bool is_write, bool is_atomic = false);
  // cp.async: destination is written when waited for; any access before that is an error. access() for the
  // source.
  bool begin_async_write(const Site& site, void* address, uint32_t bytes);
  void end_async_write(const Site& site, void* address, uint32_t bytes);

  // ---- order
  void block_barrier(uint64_t warps);  // these warps of the block met (bit by warp)
  void warp_barrier(int warp);         // __syncwarp
  void fence(const Site& site);        // __threadfence and wider
  // An atomic (or ld.acquire / st.release) on this address: publishes what the thread fenced, acquires what
  // others published here.
  void synchronize(const Site& site, const void* address, bool acquires, bool releases);
};

}  // namespace quern::emulator
