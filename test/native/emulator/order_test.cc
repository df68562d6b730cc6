// The checker alone, told of accesses, barriers, fences and atomics as an interpreter would.
#include "check.h"
#include "emulator/arena.h"
#include "emulator/checker.h"
#include "emulator/report.h"

using namespace quern::emulator;

namespace {

// One launch; pcs are lines. `found` says "<kind> <line> <line of the other>" of what was reported.
class Launch {
 public:
  Launch() {
    print_reports(false);
    take_reports();
    Checker::instance().set_device(0);
    Checker::instance().begin_launch("kernel", [](uint32_t pc) { return std::to_string(pc); });
  }
  ~Launch() {
    Checker::instance().end_launch();
    print_reports(true);
  }
  void block(uint32_t index, int warps = 4, uint32_t shared = 1024) {
    Checker::instance().begin_block({index, 0, 0}, warps, shared);
  }
  void read(uint32_t line, int thread, const void* at, uint32_t bytes = 4) {
    access(line, thread, at, bytes, false);
  }
  void write(uint32_t line, int thread, const void* at, uint32_t bytes = 4) {
    access(line, thread, at, bytes, true);
  }
  void atomic(uint32_t line, int thread, const void* at) {
    const Site site{thread / 32, thread % 32, line};
    Checker::instance().synchronize(site, at, true, true);
    Checker::instance().access(site, at, 4, true, true);
  }
  void fence(int thread) { Checker::instance().fence(thread / 32, 1u << (thread % 32)); }
  void barrier(uint64_t warps = 15) { Checker::instance().block_barrier(warps); }
  void warp_barrier(int warp) { Checker::instance().warp_barrier(warp); }
  std::string found() {
    std::string all;
    for (const Report& report : take_reports()) {
      all += (all.empty() ? "" : ", ") + report.kind + " " + report.places;
    }
    return all;
  }

 private:
  void access(uint32_t line, int thread, const void* at, uint32_t bytes, bool is_write) {
    Checker::instance().access({thread / 32, thread % 32, line}, at, bytes, is_write);
  }
};

std::byte* shared(size_t at) {
  return Arena::instance().shared() + at;
}
std::byte* device(size_t at) {
  static std::byte* const memory = Arena::instance().allocate(65536, 0);
  return memory + at;
}

}  // namespace

TEST(threads_of_a_warp_meet_at_its_barrier) {
  Launch launch;
  launch.block(0);
  launch.write(1, 0, shared(0));
  launch.read(2, 0, shared(0));
  CHECK_EQ(launch.found(), std::string());
  launch.read(3, 1, shared(0));
  CHECK_EQ(launch.found(), std::string("race 3 1"));
  launch.warp_barrier(0);
  launch.read(4, 1, shared(0));
  CHECK_EQ(launch.found(), std::string());
  launch.read(5, 32, shared(0));
  CHECK_EQ(launch.found(), std::string("race 5 1"));
}

TEST(warps_meet_at_barriers_that_both_take_part_in) {
  Launch launch;
  launch.block(0);
  launch.write(1, 0, shared(0));
  launch.barrier(0b0011);
  launch.read(2, 40, shared(0));
  CHECK_EQ(launch.found(), std::string());
  launch.read(3, 64, shared(0));
  CHECK_EQ(launch.found(), std::string("race 3 1"));
  // What warp 1 knows of warp 0 it hands on.
  launch.barrier(0b0110);
  launch.read(4, 65, shared(0));
  CHECK_EQ(launch.found(), std::string());
  launch.write(5, 96, shared(0));
  CHECK(launch.found().find("race 5 1") == 0);
}

TEST(a_write_waits_for_all_that_read) {
  Launch launch;
  launch.block(0);
  launch.write(1, 0, shared(0));
  launch.barrier();
  for (int thread = 0; thread < 64; thread++) launch.read(2, thread, shared(0));
  launch.write(3, 0, shared(0));
  CHECK_EQ(launch.found(), std::string("race 3 2"));
  launch.barrier();
  for (int thread = 0; thread < 128; thread += 32) launch.read(4, thread, shared(0));
  launch.barrier(0b0011);
  launch.write(5, 0, shared(0));
  CHECK_EQ(launch.found(), std::string());
  launch.barrier();
  launch.write(6, 0, shared(0));
  CHECK_EQ(launch.found(), std::string());
}

TEST(bytes_of_a_word_have_their_own_fates) {
  Launch launch;
  launch.block(0);
  for (int thread = 0; thread < 128; thread++)
    launch.write(1, thread, shared(static_cast<size_t>(thread)), 1);
  CHECK_EQ(launch.found(), std::string());
  launch.barrier();
  for (int thread = 0; thread < 64; thread++)
    launch.write(2, thread, shared(static_cast<size_t>(thread) * 2), 2);
  for (int thread = 0; thread < 64; thread++)
    launch.read(3, thread, shared(static_cast<size_t>(thread) * 2), 2);
  CHECK_EQ(launch.found(), std::string());
  launch.read(4, 0, shared(0), 16);
  CHECK_EQ(launch.found(), std::string("race 4 2"));
  launch.barrier();
  launch.write(5, 0, shared(0), 16);
  launch.read(6, 0, shared(0), 16);
  CHECK_EQ(launch.found(), std::string());
  launch.read(7, 33, shared(6), 2);
  CHECK_EQ(launch.found(), std::string("race 7 5"));
}

TEST(shared_memory_is_empty_for_each_block) {
  Launch launch;
  launch.block(0);
  launch.write(1, 0, shared(0));
  launch.block(1);
  launch.read(2, 0, shared(0));
  CHECK_EQ(launch.found(), std::string("uninitialised 2"));
  launch.write(3, 0, shared(4), 2);
  launch.read(4, 0, shared(4), 2);
  CHECK_EQ(launch.found(), std::string());
  launch.read(5, 0, shared(4), 4);
  CHECK_EQ(launch.found(), std::string("uninitialised 5"));
}

TEST(bounds_of_shared_memory_are_those_of_the_block_and_of_its_variables) {
  Launch launch;
  launch.block(0, 4, 100);
  Checker::instance().forbid_shared(40, 8);
  launch.write(1, 0, shared(96));
  launch.write(1, 0, shared(36));
  launch.write(1, 0, shared(48));
  CHECK_EQ(launch.found(), std::string());
  launch.write(2, 0, shared(100));
  launch.write(3, 0, shared(40));
  launch.write(4, 0, shared(32), 16);
  CHECK_EQ(launch.found(), std::string("out-of-bounds 2, out-of-bounds 3, out-of-bounds 4"));
}

TEST(blocks_are_ordered_by_fences_and_atomics_alone) {
  {
    Launch launch;
    launch.block(0);
    launch.write(1, 0, device(0));
    launch.block(1);
    launch.read(2, 0, device(0));
    CHECK_EQ(launch.found(), std::string("race 2 1"));
  }
  for (const bool has_fence : {false, true}) {
    Launch launch;
    launch.block(0);
    launch.write(1, 0, device(0));
    if (has_fence) launch.fence(0);
    launch.atomic(2, 0, device(64));
    launch.block(1);
    launch.atomic(3, 0, device(64));
    launch.read(4, 0, device(0));
    CHECK_EQ(launch.found(), std::string(has_fence ? "" : "race 4 1"));
  }
  {  // an atomic at another place
    Launch launch;
    launch.block(0);
    launch.write(1, 0, device(0));
    launch.fence(0);
    launch.atomic(2, 0, device(64));
    launch.block(1);
    launch.atomic(3, 0, device(68));
    launch.read(4, 0, device(0));
    CHECK_EQ(launch.found(), std::string("race 4 1"));
  }
  {  // what is written after the fence
    Launch launch;
    launch.block(0);
    launch.fence(0);
    launch.write(1, 0, device(0));
    launch.atomic(2, 0, device(64));
    launch.block(1);
    launch.atomic(3, 0, device(64));
    launch.read(4, 0, device(0));
    CHECK_EQ(launch.found(), std::string("race 4 1"));
  }
}

TEST(a_thread_publishes_what_its_block_wrote_before_a_barrier) {
  enum { each_fences, one_fences_after, nobody_waits, one_fences_before };
  for (const int how : {each_fences, one_fences_after, nobody_waits, one_fences_before}) {
    Launch launch;
    for (uint32_t block = 0; block < 5; block++) {
      launch.block(block);
      for (int thread = 0; thread < 128; thread++) {
        launch.write(1, thread, device(4 * (block * 128 + static_cast<size_t>(thread))));
        if (how == each_fences || how == nobody_waits) launch.fence(thread);
      }
      if (how == one_fences_before) launch.fence(0);
      if (how != nobody_waits) launch.barrier();
      if (how == one_fences_after) launch.fence(0);
      launch.atomic(2, 0, device(8192));
      launch.barrier();
    }
    for (int thread = 0; thread < 128; thread++) {
      for (size_t block = 0; block < 5; block++) {
        launch.read(3, thread, device(4 * (block * 128 + static_cast<size_t>(127 - thread))));
      }
    }
    const bool is_right = how == each_fences || how == one_fences_after;
    CHECK_EQ(launch.found(), std::string(is_right ? "" : "race 3 1"));
  }
}

TEST(only_who_drew_the_ticket_or_met_it_may_read) {
  Launch launch;
  launch.block(0);
  launch.write(1, 0, device(0));
  launch.fence(0);
  launch.atomic(2, 0, device(64));
  launch.block(1);
  launch.atomic(3, 0, device(64));
  launch.read(4, 40, device(0));
  CHECK_EQ(launch.found(), std::string("race 4 1"));
  launch.barrier();
  launch.read(5, 40, device(0));
  CHECK_EQ(launch.found(), std::string());
}

TEST(what_was_published_is_handed_on) {
  Launch launch;
  launch.block(0);
  launch.write(1, 0, device(0));
  launch.fence(0);
  launch.atomic(2, 0, device(64));
  launch.block(1);
  launch.atomic(3, 0, device(64));
  launch.fence(0);
  launch.atomic(4, 0, device(128));
  launch.block(2);
  launch.atomic(5, 0, device(128));
  launch.read(6, 0, device(0));
  CHECK_EQ(launch.found(), std::string());
}

TEST(launches_follow_each_other) {
  {
    Launch launch;
    launch.block(0);
    launch.write(1, 0, device(0));
  }
  Launch launch;
  launch.block(0);
  launch.read(2, 5, device(0));
  launch.write(3, 5, device(0));
  CHECK_EQ(launch.found(), std::string());
}

TEST(asynchronous_writes_are_untouchable_until_they_are_waited_for) {
  Checker& checker = Checker::instance();
  Launch launch;
  launch.block(0);
  const Site issuer{0, 3, 1}, waiter{0, 3, 2};
  checker.begin_async_write(issuer, shared(16), 16);
  launch.read(3, 3, shared(20));
  launch.write(4, 40, shared(16));
  CHECK_EQ(launch.found(), std::string("async 3 1, async 4 1"));
  checker.begin_async_write(issuer, shared(32), 16);
  checker.end_async_write(waiter, shared(32), 16);
  launch.read(5, 3, shared(36));
  CHECK_EQ(launch.found(), std::string());
  launch.read(6, 40, shared(36));
  CHECK_EQ(launch.found(), std::string("race 6 1"));
}

TEST(a_warp_is_told_which_of_its_lanes_may_go_on) {
  Launch launch;
  launch.block(0);
  uint64_t addresses[32];
  for (uint32_t lane = 0; lane < 32; lane++)
    addresses[lane] = reinterpret_cast<uint64_t>(device(65536 - 64) + 4 * lane);
  const WarpAccess access{0, 1, ~0u, addresses, 4, false, false};
  CHECK_EQ(Checker::instance().access(access), 0xffffu);
  CHECK_EQ(launch.found(), std::string("out-of-bounds 1"));
}
