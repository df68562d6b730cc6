// What the lanes and warps of a block do together and apart: shuffles, votes, divergence, barriers, calls,
// memory.
#include <algorithm>

#include "emulator/counters.h"
#include "ptx_kernel.h"

using namespace ptx_kernel;

namespace {

// A kernel of some threads whose body leaves a 32-bit result in %y; %i is the thread and %to what the second
// parameter is.
std::string kernel(const std::string& body, const std::string& before = "") {
  return module_of(
      before +
      ".visible .entry k(.param .u64 result, .param .u64 more) {\n.reg .b32 %i, %y, %a, %b, %c;\n.reg .b64 "
      "%r, %to;\n"
      ".reg .pred %p, %q;\nmov.u32 %i, %tid.x;\nmov.u32 %y, 0;\nld.param.u64 %to, [more];\n" +
      body +
      "\nEND: ld.param.u64 %r, [result]; mad.wide.u32 %r, %i, 4, %r; st.global.u32 [%r], %y;\nret;\n}\n");
}

struct Outcome {
  std::vector<uint32_t> y;
  std::string report;
};

Outcome outcome(const std::string& text, uint32_t threads = 32, uint64_t more = 0) {
  auto* result = device_array(std::vector<uint32_t>(threads));
  Outcome found;
  found.report = launch(text, {{1}, {threads}, 0}, {address(result), more});
  found.y.assign(result, result + threads);
  return found;
}

template <class F>
void expect(const std::string& body, F&& reference, uint32_t threads = 32, const std::string& before = "") {
  const Outcome found = outcome(kernel(body, before), threads);
  CHECK_FOR(found.report.empty(), body + ": " + found.report);
  for (uint32_t i = 0; i < threads; ++i) {
    if (found.y[i] != reference(i)) {
      CHECK_FOR(false, body + " of thread " + std::to_string(i) + " gives " + std::to_string(found.y[i]) +
                           ", not " + std::to_string(reference(i)));
      return;
    }
  }
}

void expect_report(const std::string& body, const std::string& beginning, uint32_t threads = 32) {
  const std::string found = outcome(kernel(body), threads).report;
  CHECK_FOR(found.starts_with(beginning), body + ": " + found);
}

}  // namespace

TEST(shuffles) {
  // As CUDA's __shfl_*_sync with a width: what is outside the segment keeps its own.
  for (const uint32_t width : {32u, 16u, 8u, 2u}) {
    const std::string up = std::to_string((32 - width) << 8), down = std::to_string((32 - width) << 8 | 31);
    for (const uint32_t by : {0u, 1u, 3u, 7u, 16u}) {
      const std::string n = std::to_string(by), value = "mad.lo.u32 %a, %i, 3, 5;\n";
      const auto of = [](uint32_t lane) { return lane * 3 + 5; };
      expect(value + "shfl.sync.up.b32 %y|%p, %a, " + n + ", " + up + ", -1; @!%p add.u32 %y, %y, 1000;",
             [&](uint32_t l) { return l % width >= by ? of(l - by) : of(l) + 1000; });
      expect(value + "shfl.sync.down.b32 %y|%p, %a, " + n + ", " + down + ", -1; @!%p add.u32 %y, %y, 1000;",
             [&](uint32_t l) { return l % width + by < width ? of(l + by) : of(l) + 1000; });
      expect(value + "shfl.sync.bfly.b32 %y|%p, %a, " + n + ", " + down + ", -1; @!%p add.u32 %y, %y, 1000;",
             [&](uint32_t l) { return (l ^ by) / width <= l / width ? of(l ^ by) : of(l) + 1000; });
      expect(value + "shfl.sync.idx.b32 %y, %a, " + n + ", " + down + ", -1;",
             [&](uint32_t l) { return of(l / width * width + by % width); });
    }
  }
}

TEST(votes_reductions_and_matches) {
  const std::string set = "rem.u32 %a, %i, 3; setp.eq.u32 %p, %a, 0;\n";
  const auto mask = [](uint32_t remainder) {
    uint32_t lanes = 0;
    for (uint32_t l = 0; l < 32; ++l) lanes |= uint32_t{l % 3 == remainder} << l;
    return lanes;
  };
  expect(set + "vote.sync.ballot.b32 %y, %p, -1;", [&](uint32_t) { return mask(0); });
  expect(set + "vote.sync.ballot.b32 %y, !%p, -1;", [&](uint32_t) { return ~mask(0); });
  expect(set + "vote.sync.any.pred %q, %p, -1; selp.u32 %y, 1, 0, %q;", [](uint32_t) { return 1u; });
  expect(set + "vote.sync.all.pred %q, %p, -1; selp.u32 %y, 1, 0, %q;", [](uint32_t) { return 0u; });
  expect(set + "vote.sync.uni.pred %q, %p, -1; selp.u32 %y, 1, 0, %q;", [](uint32_t) { return 0u; });
  expect("redux.sync.add.s32 %y, %i, -1;", [](uint32_t) { return 496u; });
  expect("sub.s32 %a, 10, %i; redux.sync.min.s32 %y, %a, -1;",
         [](uint32_t) { return static_cast<uint32_t>(-21); });
  expect("sub.s32 %a, 10, %i; redux.sync.max.u32 %y, %a, -1;", [](uint32_t) { return ~0u; });
  expect("redux.sync.or.b32 %y, %i, -1;", [](uint32_t) { return 31u; });
  expect(set + "match.any.sync.b32 %y, %a, -1;", [&](uint32_t l) { return mask(l % 3); });
  expect(set + "match.all.sync.b32 %y|%p, %a, -1;", [](uint32_t) { return 0u; });
  expect("match.all.sync.b32 %y|%p, 7, -1;", [](uint32_t) { return ~0u; });
}

TEST(lanes_part_and_meet_again) {
  // Odd lanes loop as often as their number says; all are together again at the shuffle.
  expect(
      "mov.u32 %a, 0; and.b32 %b, %i, 1; setp.eq.u32 %p, %b, 0; @%p bra EVEN;\n"
      "LOOP: add.u32 %a, %a, 2; setp.lt.u32 %q, %a, %i; @%q bra LOOP;\nbra.uni MEET;\nEVEN: mov.u32 %a, "
      "100;\n"
      "MEET: activemask.b32 %c; shfl.sync.bfly.b32 %y, %a, 1, 31, -1; add.u32 %y, %y, %c;",
      [](uint32_t l) { return (l % 2 == 0 ? std::max(2u, (l + 2) / 2 * 2) : 100u) + ~0u; });
  expect("setp.lt.u32 %p, %i, 5; @%p bra LOW; activemask.b32 %y; bra.uni END;\nLOW: activemask.b32 %y;",
         [](uint32_t l) { return l < 5 ? 31u : ~31u; });
  // Lanes that have exited are not waited for.
  const Outcome some = outcome(kernel("setp.lt.u32 %p, %i, 5; @%p exit; redux.sync.add.u32 %y, 1, -1;"));
  CHECK_EQ(some.report, "");
  CHECK_EQ(some.y[4], 0u);
  CHECK_EQ(some.y[5], 27u);
  // A vote of those that are named alone.
  expect("setp.lt.u32 %p, %i, 5; @!%p bra END; redux.sync.add.u32 %y, %i, 31;",
         [](uint32_t l) { return l < 5 ? 10u : 0u; });
}

TEST(jumps_by_a_table) {
  expect(
      "rem.u32 %a, %i, 3;\nTABLE: .branchtargets ONE, TWO, THREE;\nbrx.idx %a, TABLE;\nONE: mov.u32 %y, 11; "
      "bra END;\n"
      "TWO: mov.u32 %y, 22; bra END;\nTHREE: mov.u32 %y, 33;",
      [](uint32_t l) { return l % 3 * 11 + 11; });
}

TEST(barriers) {
  const std::string shared =
      ".shared .align 4 .b32 row[128];\nmov.u32 %a, row; mad.lo.u32 %a, %i, 4, %a; st.shared.u32 [%a], %i;\n";
  expect(
      shared +
          "bar.sync 0; mov.u32 %a, row; sub.u32 %b, 127, %i; mad.lo.u32 %a, %b, 4, %a; ld.shared.u32 %y, "
          "[%a];",
      [](uint32_t i) { return 127 - i; }, 128);
  // Warps 0 and 1 meet at a barrier of their own.
  expect(
      shared +
          "setp.ge.u32 %p, %i, 64; @%p bra END; barrier.sync 3, 64; xor.b32 %b, %i, 32; mov.u32 %a, row; "
          "mad.lo.u32 %a, %b, 4, %a; ld.shared.u32 %y, [%a];",
      [](uint32_t i) { return i < 64 ? i ^ 32 : 0; }, 128);
  // One warp tells, another waits.
  expect(
      shared +
          "setp.ge.u32 %p, %i, 32; @%p bra WAIT; bar.arrive 1, 64; bra END;\nWAIT: bar.sync 1, 64; sub.u32 "
          "%b, %i, 32; mov.u32 %a, row; mad.lo.u32 %a, %b, 4, %a; ld.shared.u32 %y, [%a];",
      [](uint32_t i) { return i < 32 ? 0 : i - 32; }, 64);
  const std::string set = "setp.lt.u32 %p, %i, 70;\n";
  expect(
      set + "bar.red.popc.u32 %y, 0, %p;", [](uint32_t) { return 70u; }, 96);
  expect(
      set + "bar.red.and.pred %q, 0, %p; selp.u32 %y, 1, 0, %q;", [](uint32_t) { return 0u; }, 96);
  expect(
      set + "bar.red.or.pred %q, 0, !%p; selp.u32 %y, 1, 0, %q;", [](uint32_t) { return 1u; }, 96);
}

TEST(what_never_comes_is_a_deadlock) {
  expect_report("setp.lt.u32 %p, %i, 32; @%p bra END; bar.sync 1, 64;",
                "deadlock: no thread can go on: block (0,0,0), 32 at a barrier", 64);
  expect_report(
      "setp.lt.u32 %p, %i, 8; @%p bra OTHER; shfl.sync.idx.b32 %y, %i, 0, 31, -1; bra END;\nOTHER: "
      "vote.sync.any.pred %q, %p, -1;",
      "deadlock: ");
  expect_report(
      "LOOP: nanosleep.u32 20; ld.volatile.global.u32 %a, [%to]; setp.eq.u32 %p, %a, 0; @%p bra LOOP;", "");
}

TEST(lanes_that_do_not_take_part) {
  expect_report("setp.lt.u32 %p, %i, 8; @!%p bra END; shfl.sync.idx.b32 %y, %i, 9, 31, 255;",
                "divergence: a shuffle from lane 9");
  expect_report("shfl.sync.idx.b32 %y, %i, 9, 31, 255;", "divergence: a lane that is not in its own mask");
  expect_report("setp.lt.u32 %p, %i, 8; @%p bra LOW; bar.sync 0; bra END;\nLOW: bar.sync 0;",
                "divergence: lanes of a warp wait at different barriers");
}

TEST(calls) {
  const std::string fibonacci =
      ".func (.param .b32 out) fibonacci(.param .b32 n) {\n.reg .b32 %a, %b, %c;\n.reg .pred "
      "%p;\nld.param.u32 %a, [n];\nsetp.lt.u32 %p, %a, 2; @%p bra DONE;\n"
      "sub.u32 %b, %a, 1;\n{ .param .b32 give; st.param.b32 [give], %b; .param .b32 got; call (got), "
      "fibonacci, (give); ld.param.b32 %c, [got]; }\n"
      "sub.u32 %b, %a, 2;\n{ .param .b32 give; st.param.b32 [give+0], %b; .param .b32 got; call.uni (got), "
      "fibonacci, (give); ld.param.b32 %a, [got+0]; }\n"
      "add.u32 %a, %a, %c;\nDONE: st.param.b32 [out], %a;\nret;\n}\n";
  expect(
      "rem.u32 %a, %i, 11; { .param .b32 give; st.param.b32 [give], %a; .param .b32 got; call (got), "
      "fibonacci, (give); ld.param.b32 %y, [got]; }\n"
      "activemask.b32 %b; not.b32 %b, %b; add.u32 %y, %y, %b;",
      [](uint32_t l) {
        uint32_t a = 0, b = 1;
        for (uint32_t i = 0; i < l % 11; ++i) std::swap(a += b, b);
        return a;
      },
      64, fibonacci);
}

TEST(local_memory) {
  // Each lane has its own; also through generic addresses.
  expect(
      ".local .align 4 .b8 depot[64];\n.reg .b64 %l, %g;\nmov.u64 %l, depot; cvta.local.u64 %g, %l; and.b32 "
      "%a, %i, 15; mad.wide.u32 %g, %a, 4, %g;\n"
      "st.u32 [%g], %i; mad.wide.u32 %l, %a, 4, %l; ld.local.u32 %y, [%l];",
      [](uint32_t l) { return l; }, 40);
  expect_report(".local .align 4 .b8 depot[64];\n.reg .b64 %l;\nmov.u64 %l, depot; ld.local.u32 %y, [%l+64];",
                "out-of-bounds: ");
}

TEST(variables_of_the_module) {
  const std::string variables =
      ".const .align 4 .b8 table[12] = {1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 0, 0};\n.global .align 4 .u32 count = "
      "40;\n"
      ".global .align 8 .u64 where = generic(count);\n";
  expect(
      ".reg .b64 %v, %w;\nmov.u64 %v, table; ld.const.u32 %a, [%v+8]; ld.global.u64 %w, [where]; ld.u32 %b, "
      "[%w]; add.u32 %y, %a, %b; ld.const.u32 %a, [table+4]; add.u32 %y, %y, %a;",
      [](uint32_t) { return 259u + 40 + 2; }, 32, variables);
  const auto module = load_module(kernel("", variables));
  size_t bytes = 0;
  const auto* count = static_cast<const uint32_t*>(find_variable(*module, "count", &bytes));
  CHECK(count && *count == 40 && bytes == 4);
  CHECK(!find_variable(*module, "nothing", &bytes));
}

TEST(atomics) {
  const std::string shared =
      ".shared .align 8 .b32 cell[2];\nsetp.eq.u32 %p, %i, 0; @%p st.shared.u32 [cell], 5; bar.sync 0;\n";
  const std::string then = " bar.sync 0; ld.shared.u32 %y, [cell];";
  expect(
      shared + "atom.shared.add.u32 %a, [cell], %i;" + then, [](uint32_t) { return 5u + 64 * 63 / 2; }, 64);
  expect(
      shared + "red.shared.max.s32 [cell], %i;" + then, [](uint32_t) { return 63u; }, 64);
  expect(
      shared + "atom.shared.min.u32 %a, [cell], %i;" + then, [](uint32_t) { return 0u; }, 64);
  expect(
      shared + "atom.shared.inc.u32 %a, [cell], 20;" + then, [](uint32_t) { return (5u + 64) % 21; }, 64);
  expect(
      shared + "atom.shared.or.b32 %a, [cell], %i;" + then, [](uint32_t) { return 63u; }, 64);
  expect(
      shared + "atom.shared.exch.b32 %a, [cell], 9;" + then, [](uint32_t) { return 9u; }, 64);
  expect(
      shared + "atom.shared.cas.b32 %a, [cell], 5, 77;" + then, [](uint32_t) { return 77u; }, 64);
  expect(
      shared +
          "@%p st.shared.u32 [cell], 0f3F800000; bar.sync 0; atom.shared.add.f32 %a, [cell], 0f3F000000;" +
          then,
      [](uint32_t) { return std::bit_cast<uint32_t>(33.0f); }, 64);
}

TEST(asynchronous_copies) {
  for (const bool is_late : {true, false}) {
    Order order;
    order.async_is_late = is_late;
    set_order(order);
    std::vector<uint32_t> source(128);
    for (uint32_t i = 0; i < 128; ++i) source[i] = i + 1;
    const std::string begin =
        ".shared .align 16 .b32 row[128];\n.reg .b64 %f;\nmov.u32 %a, row; mad.lo.u32 %a, %i, 16, %a; "
        "mad.wide.u32 %f, %i, 16, %to;\n";
    const std::string end =
        "cp.async.commit_group;\ncp.async.wait_group 0;\nbar.sync 0;\nsub.u32 %b, 127, %i; mov.u32 %a, row; "
        "mad.lo.u32 %a, %b, 4, %a; ld.shared.u32 %y, [%a];";
    const auto run_on = [&](const std::string& copy) {
      return outcome(kernel(begin + "setp.lt.u32 %p, %i, 32; @%p " + copy + "\n" + end), 128,
                     address(device_array(source)));
    };
    Outcome found = run_on("cp.async.cg.shared.global [%a], [%f], 16;");
    CHECK_EQ(found.report, "");
    for (uint32_t i = 0; i < 128; ++i) CHECK_EQ(found.y[i], 128 - i);
    found = run_on("cp.async.ca.shared.global.L2::128B [%a], [%f], 16, 4;");  // the rest is zero
    CHECK_EQ(found.report, "");
    for (uint32_t i = 0; i < 128; ++i) CHECK_EQ(found.y[i], (127 - i) % 4 == 0 ? 128 - i : 0);
    found = run_on("cp.async.ca.shared.global [%a], [%f], 8;");
    CHECK_FOR(found.report.starts_with("uninitialised"), found.report);
  }
  set_order({});
}

TEST(vectors_and_narrow_numbers) {
  std::vector<uint8_t> bytes(64);
  for (uint32_t i = 0; i < 64; ++i) bytes[i] = static_cast<uint8_t>(i * 37);
  const auto run_on = [&](const std::string& body) {
    return outcome(kernel(body), 8, address(device_array(bytes)));
  };
  Outcome found = run_on(
      "mad.wide.u32 %to, %i, 8, %to; { .reg .b16 %h<4>; ld.global.nc.v4.u16 {%h0, %h1, %h2, %h3}, [%to]; "
      "cvt.u32.u16 %y, %h2; }");
  for (uint32_t i = 0; i < 8; ++i)
    CHECK_EQ(found.y[i], static_cast<uint32_t>(bytes[i * 8 + 4] | bytes[i * 8 + 5] << 8));
  found = run_on("mad.wide.u32 %to, %i, 8, %to; ld.global.s8 %y, [%to+1];");
  for (uint32_t i = 0; i < 8; ++i)
    CHECK_EQ(found.y[i], static_cast<uint32_t>(static_cast<int8_t>(bytes[i * 8 + 1])));
  found = run_on(
      "mad.wide.u32 %to, %i, 8, %to; st.global.v2.u8 [%to], {%i, 200}; ld.global.u32 %y, [%to]; and.b32 %y, "
      "%y, 65535;");
  for (uint32_t i = 0; i < 8; ++i) CHECK_EQ(found.y[i], i | 200u << 8);
}

TEST(special_registers) {
  const auto text = module_of(
      ".visible .entry k(.param .u64 to) {\n.reg .b32 %a, %b, %c;\n.reg .b64 %t;\nmov.u32 %a, %ctaid.y; "
      "mov.u32 %b, %nctaid.x; mad.lo.u32 %a, %a, %b, %ctaid.x;\n"
      "mov.u32 %b, %ntid.x; mov.u32 %c, %tid.y; mad.lo.u32 %c, %c, %b, %tid.x; mad.lo.u32 %a, %a, 12, %c; "
      "ld.param.u64 %t, [to]; mad.wide.u32 %t, %a, 4, %t;\n"
      "mov.u32 %b, %ntid.y; mad.lo.u32 %c, %c, 100, %b; st.global.u32 [%t], %c; ret; }\n");
  auto* result = device_array(std::vector<uint32_t>(72));
  CHECK_EQ(launch(text, {{3, 2}, {4, 3}, 0}, {address(result)}), "");
  for (uint32_t i = 0; i < 72; ++i) CHECK_EQ(result[i], i % 12 * 100 + 3);
}

TEST(orders_give_the_same) {
  using Kind = Order::Kind;
  for (const Order& order :
       {Order{Kind::descending, 0, true}, Order{Kind::random, 1, true}, Order{Kind::random, 2, false}}) {
    set_order(order);
    expect(
        ".shared .align 4 .b32 row[256];\nmov.u32 %a, row; mad.lo.u32 %a, %i, 4, %a; st.shared.u32 [%a], %i; "
        "bar.sync 0; xor.b32 %b, %i, 255; mov.u32 %a, row; mad.lo.u32 %a, %b, 4, %a; ld.shared.u32 %y, [%a];",
        [](uint32_t i) { return i ^ 255; }, 256);
  }
  set_order({});
}

TEST(what_is_counted) {
  take_counters();
  std::vector<uint32_t> source(4096);
  outcome(kernel("mad.wide.u32 %to, %i, 4, %to; ld.global.u32 %y, [%to];"), 32,
          address(device_array(source)));
  Counters counted = take_counters();
  CHECK_EQ(counted.launches, 1u);
  CHECK_EQ(counted.global_bytes_read, 128u);
  CHECK_EQ(counted.global_bytes_written, 128u);
  CHECK_EQ(counted.global_sectors, 8u);
  CHECK_EQ(counted.global_ideal_sectors, 8u);
  outcome(kernel("mad.wide.u32 %to, %i, 128, %to; ld.global.u32 %y, [%to];"), 32,
          address(device_array(source)));
  counted = take_counters();
  CHECK_EQ(counted.global_sectors, 32u + 4);
  CHECK_EQ(counted.global_ideal_sectors, 4u + 4);
  const auto conflicts = [](uint32_t stride, const std::string& type, const std::string& values) {
    take_counters();
    outcome(kernel(".shared .align 16 .b8 tile[8192];\nmov.u32 %a, tile; mad.lo.u32 %a, %i, " +
                   std::to_string(stride) + ", %a; st.shared." + type + " [%a], " + values + ";"));
    return take_counters().shared_conflict_cycles;
  };
  CHECK_EQ(conflicts(4, "u32", "%i"), 0u);
  CHECK_EQ(conflicts(8, "u32", "%i"), 1u);
  CHECK_EQ(conflicts(128, "u32", "%i"), 31u);
  CHECK_EQ(conflicts(16, "v4.u32", "{%i, %i, %i, %i}"), 0u);
  CHECK_EQ(conflicts(32, "v4.u32", "{%i, %i, %i, %i}"), 4u);
}

TEST(faults) {
  expect_report("mad.wide.u32 %to, %i, 4, %to; ld.global.u32 %y, [%to];", "host-pointer");
  const std::string found = outcome(kernel("mad.wide.u32 %to, %i, 4, %to; ld.global.u32 %y, [%to];"), 32,
                                    address(device_array(std::vector<uint32_t>(31))))
                                .report;
  CHECK_FOR(found.starts_with("out-of-bounds"), found);
  expect_report(".shared .align 4 .b32 row[4];\nst.shared.u32 [row+16], %i;", "out-of-bounds");
  expect_report(".shared .align 4 .b32 row[4];\nst.shared.u32 [row+4194304], %i;", "out-of-bounds");
  expect_report(".shared .align 4 .b32 row[4];\nst.shared.u32 [row+2], %i;", "misaligned");
  expect_report("trap;", "trap");
}
