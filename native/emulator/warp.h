// A warp that runs: 32 lanes, each with its own place in the program, and what handlers need of them.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "emulator/counters.h"
#include "emulator/program.h"

namespace quern::emulator {

constexpr uint32_t kAllLanes = ~0u;
constexpr int kLanes = 32;

struct Block;

// A cp.async that was issued and not waited for.
struct AsyncCopy {
  uint64_t destination = 0, source = 0;
  uint32_t bytes = 0, source_bytes = 0, group = 0, pc = 0;
  bool is_done = false;  // copied, and not yet waited for
};

struct AsyncQueue {
  std::vector<AsyncCopy> copies;
  uint32_t group = 0;  // that copies issued now belong to
};

struct Frame {
  uint32_t function = 0;
  uint32_t registers = 0;  // where its registers begin
  uint32_t local = 0;      // where its local memory begins, of each lane
  uint32_t caller = 0, return_pc = 0, depth = 0, call = 0;
};

struct Warp {
  std::byte* memories[4] = {};  // by Memory; registers: of the running frame
  const Program* program = nullptr;
  Block* block = nullptr;
  int index = 0;
  uint32_t live = 0;     // lanes that have not exited
  uint32_t waited = 0;   // lanes for which all kernels in front have ended
  uint32_t parked = 0;   // of them, at a barrier of the block
  uint32_t blocked = 0;  // of them, waiting for lanes of their mask or parked
  uint32_t pc[kLanes] = {}, frame[kLanes] = {};
  uint32_t running_frame = 0;
  std::vector<Frame> frames;
  std::vector<std::byte> registers;
  std::byte* of_warp = nullptr;
  std::byte* local = nullptr;
  uint32_t local_stride = 0;
  AsyncQueue async[kLanes];
  bool has_stopped = false;  // a fault: the launch ends
  bool yields = false;       // spins: other warps shall run
  int barrier = -1;          // that its parked lanes wait at
  uint32_t barrier_pc = 0;

  template <class T>
  T* at(Place place) {
    return reinterpret_cast<T*>(memories[place >> 30] + (place & 0x3fffffff));
  }
  uint32_t& predicate(Place place) { return *at<uint32_t>(place); }
  uint32_t pc_of(const Instruction& instruction) const {
    return static_cast<uint32_t>(&instruction - program->code.data());
  }
  std::byte* local_of(int lane) const { return local + static_cast<size_t>(lane) * local_stride; }
  void enter(uint32_t frame_index) {
    running_frame = frame_index;
    memories[kRegisters] = registers.data() + frames[frame_index].registers;
  }
  // Something is wrong at an instruction: a report, and the launch ends.
  void fault(const char* kind, const Instruction& instruction, const std::string& what, int lane = -1);
};

struct Barrier {
  uint64_t arrived = 0;   // warps, bit by index: those that wait and those that only told (bar.arrive)
  uint64_t waiting = 0;   // of them, those that wait
  uint32_t expected = 0;  // warps; 0: all that live
};

struct Block {
  const Kernel* kernel = nullptr;
  Dim3 shape, grid, index;
  std::byte* shared = nullptr;
  uint32_t shared_bytes = 0;
  std::vector<std::unique_ptr<Warp>> warps;
  std::vector<std::byte> of_block;
  Barrier barriers[16];
  bool is_checked = true, async_is_late = true;
  Counters counters;
};

// Handler: where a variable of each lane lies (d), the one at `offset` of the running function's local
// memory.
void local_address(Warp& warp, const Instruction& instruction, uint32_t lanes);

template <class F>
inline void each_lane(uint32_t lanes, F&& f) {
  if (lanes == kAllLanes) {
    for (int lane = 0; lane < kLanes; ++lane) f(lane);
  } else {
    for (; lanes; lanes &= lanes - 1) f(std::countr_zero(lanes));
  }
}

// ---- handlers of what is computed lane by lane
template <auto operation, class D, class A>
void unary(Warp& warp, const Instruction& i, uint32_t lanes) {
  D* d = warp.at<D>(i.d);
  const A* a = warp.at<A>(i.a);
  each_lane(lanes, [=](int l) { d[l] = operation(a[l]); });
}

template <auto operation, class D, class A, class B = A>
void binary(Warp& warp, const Instruction& i, uint32_t lanes) {
  D* d = warp.at<D>(i.d);
  const A* a = warp.at<A>(i.a);
  const B* b = warp.at<B>(i.b);
  if (lanes == kAllLanes) {
#pragma GCC ivdep
    for (int l = 0; l < kLanes; ++l) d[l] = operation(a[l], b[l]);
  } else {
    for (; lanes; lanes &= lanes - 1) {
      const int l = std::countr_zero(lanes);
      d[l] = operation(a[l], b[l]);
    }
  }
}

template <auto operation, class D, class A, class B = A, class C = A>
void ternary(Warp& warp, const Instruction& i, uint32_t lanes) {
  D* d = warp.at<D>(i.d);
  const A* a = warp.at<A>(i.a);
  const B* b = warp.at<B>(i.b);
  const C* c = warp.at<C>(i.c);
  if (lanes == kAllLanes) {
#pragma GCC ivdep
    for (int l = 0; l < kLanes; ++l) d[l] = operation(a[l], b[l], c[l]);
  } else {
    for (; lanes; lanes &= lanes - 1) {
      const int l = std::countr_zero(lanes);
      d[l] = operation(a[l], b[l], c[l]);
    }
  }
}

template <auto operation, class D, class A, class B = A, class C = A, class E = A>
void quaternary(Warp& warp, const Instruction& i, uint32_t lanes) {
  D* d = warp.at<D>(i.d);
  const A* a = warp.at<A>(i.a);
  const B* b = warp.at<B>(i.b);
  const C* c = warp.at<C>(i.c);
  const E* e = warp.at<E>(i.e);
  each_lane(lanes, [=](int l) { d[l] = operation(a[l], b[l], c[l], e[l]); });
}

// d is a or b, as the predicate c says.
template <class T>
void select(Warp& warp, const Instruction& i, uint32_t lanes) {
  T* d = warp.at<T>(i.d);
  const T *a = warp.at<T>(i.a), *b = warp.at<T>(i.b);
  const uint32_t which = warp.predicate(i.c);
  each_lane(lanes, [=](int l) { d[l] = which >> l & 1 ? a[l] : b[l]; });
}

}  // namespace quern::emulator
