// Happens-before for a computed GPU: what each byte of memory saw last, and whether the access that comes now
// is ordered after it. The interpreter tells of accesses, barriers and fences; what is wrong becomes a
// Report.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "emulator/launch.h"

namespace quern::emulator {

// Who accesses, and by which instruction: `pc` is what the `describe` of begin_launch can name, below 2^21.
struct Site {
  int warp = 0, lane = 0;  // of the running block
  uint32_t pc = 0;
  bool is_early = false;  // the thread has not waited for the kernels in front
};

// What one instruction of a warp reads or writes.
struct WarpAccess {
  int warp = 0;
  uint32_t pc = 0;
  uint32_t lanes = 0;                   // bit by lane
  const uint64_t* addresses = nullptr;  // [32], of the host process; those of other lanes are not looked at
  uint32_t bytes = 0;                   // of each lane: 1, 2, 4, 8, 16 or 32
  bool is_write = false;
  bool is_atomic = false;   // atom and red, and ld and st that are volatile, relaxed, acquire or release
  bool is_update = false;   // atom and red: it reads as well
  uint32_t early = 0;       // lanes that have not waited for the kernels in front, bit by lane
  bool is_lasting = false;  // a read of what nobody may write while the kernel is there
};

class Checker {
 public:
  static Checker& instance();

  // Whose memory kernels may use from now on.
  void set_device(int device);

  // ---- the life of a launch; blocks run one after another
  uint32_t next_block() const;  // the number of the block that runs next
  // `describe`: "file.cu:line" of a pc of this kernel. `chain`: that of a kernel that may begin early.
  void begin_launch(std::string_view kernel, std::function<std::string(uint32_t pc)> describe,
                    const Chain* chain = nullptr);
  // Its shared memory, Arena::shared() and `shared_bytes` from there, is uninitialised.
  void begin_block(Dim3 index, int warps, uint32_t shared_bytes);
  // Bytes of the block's shared memory that belong to no variable: an access to them is out of bounds.
  void forbid_shared(uint32_t begin, uint32_t bytes);
  // The running block has ended, at `pc`, and none of its threads waited for the kernels in front.
  void tell_unwaited(uint32_t pc);
  void end_block();
  bool end_launch();  // false: something was reported of it

  // ---- accesses, before they are done. `address` is of the host process (shared memory: in
  // Arena::shared()). False, or a lane that is missing in the answer: it must not be done (out of bounds,
  // freed, misaligned, or not the device's): it was reported.
  bool access(const Site& site, const void* address, uint32_t bytes, bool is_write, bool is_atomic = false);
  uint32_t access(const WarpAccess& access);
  // cp.async: destination is written when waited for; any access before that is an error. access() for the
  // source.
  bool begin_async_write(const Site& site, void* address, uint32_t bytes);
  void end_async_write(const Site& site, void* address, uint32_t bytes);

  // ---- order
  void block_barrier(uint64_t warps);    // these warps of the block met (bit by warp)
  void warp_barrier(int warp);           // __syncwarp
  void fence(int warp, uint32_t lanes);  // __threadfence and wider
  // An atomic access to this address: publishes what the thread fenced, acquires what others published here.
  // Told before its access(), and after a fence() where it is a release.
  void synchronize(const Site& site, const void* address, bool acquires, bool releases);

 private:
  Checker();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quern::emulator
