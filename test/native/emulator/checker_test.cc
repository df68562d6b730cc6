// Each checker finds the bug that is planted for it, at its line, and nothing in the mended twin; in no order
// of blocks, warps and asynchronous copies does a good kernel give other bits.
#include <cstring>

#include "check.h"
#include "emulator/device_floats.h"
#include "emulator/kernels/planted.h"
#include "emulator/launch.h"
#include "emulator/marked_place.h"
#include "emulator/report.h"

using namespace quern::emulator;

namespace {

struct Outcome {
  std::vector<Report> reports;
  cudaError_t error = cudaSuccess;
  std::vector<float> out;
};

Outcome run_case(const planted::Case& one, bool is_mended) {
  take_reports();
  Outcome outcome;
  {
    const DeviceFloats in(counted(4096)), out(4096);
    one.launch(is_mended, in.data(), out.data(), nullptr);
    outcome.error = cudaDeviceSynchronize();
    if (outcome.error == cudaSuccess) outcome.out = out.read();
  }
  outcome.reports = take_reports();
  cudaDeviceReset();
  return outcome;
}

const Order kOrders[] = {
    {Order::Kind::ascending, 0, true},  {Order::Kind::ascending, 0, false},
    {Order::Kind::descending, 0, true}, {Order::Kind::descending, 0, false},
    {Order::Kind::random, 1, true},     {Order::Kind::random, 2, false},
    {Order::Kind::random, 3, true},
};
std::string name_of(const Order& order) {
  return "order " + std::to_string(static_cast<int>(order.kind)) + " seed " + std::to_string(order.seed);
}

}  // namespace

TEST(planted_bugs_are_reported_at_their_lines) {
  print_reports(false);
  for (const planted::Case& one : planted::cases()) {
    const std::string place = marked_place("planted.cu", one.name);
    for (const Order& order : kOrders) {
      set_order(order);
      const Outcome outcome = run_case(one, false);
      const std::string context = one.name + ", " + name_of(order);
      CHECK_FOR(outcome.error == cudaErrorIllegalAddress, context);
      std::string got;
      const bool is_found = is_reported(outcome.reports, one.kind, place, got);
      CHECK_FOR(is_found, context + ": " + one.kind + " at " + place + ", got" + got);
    }
  }
  set_order({});
  print_reports(true);
}

TEST(mended_twins_are_not_reported_and_give_the_same_bits_in_every_order) {
  for (const planted::Case& one : planted::cases()) {
    std::vector<float> first;
    for (const Order& order : kOrders) {
      set_order(order);
      const Outcome outcome = run_case(one, true);
      const std::string context = one.name + ", " + name_of(order);
      CHECK_FOR(outcome.error == cudaSuccess, context);
      CHECK_FOR(outcome.reports.empty(), context);
      if (first.empty()) first = outcome.out;
      CHECK_FOR(outcome.out.size() == first.size() &&
                    std::memcmp(outcome.out.data(), first.data(), first.size() * sizeof(float)) == 0,
                context);
    }
  }
  set_order({});
}

TEST(a_sum_over_blocks_is_the_same_in_every_order) {
  constexpr int kCount = 256 * 37;
  std::vector<float> values(kCount);
  for (int i = 0; i < kCount; i++) values[static_cast<size_t>(i)] = 1.0f / static_cast<float>(i + 1);
  float first = 0;
  for (const Order& order : kOrders) {
    set_order(order);
    const DeviceFloats in(values), partials(37), ticket(1), out(1);
    for (int again = 0; again < 2; again++) {
      planted::sum(in.data(), kCount, partials.data(), reinterpret_cast<int*>(ticket.data()), out.data(),
                   nullptr);
      const float sum = out.read()[0];
      if (first == 0) first = sum;
      CHECK_FOR(sum == first, name_of(order));
    }
  }
  CHECK_NEAR(first, 9.733, 0.01, 0);
  CHECK(take_reports().empty());
  set_order({});
}

TEST(memory_that_was_freed_is_reported) {
  print_reports(false);
  const DeviceFloats out(64);
  float* freed = nullptr;
  must(cudaMalloc(reinterpret_cast<void**>(&freed), 256));
  must(cudaFree(freed));
  planted::copy(freed, out.data(), 64, nullptr);
  CHECK_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  const std::vector<Report> reports = take_reports();
  CHECK_EQ(reports.size(), size_t{1});
  if (!reports.empty()) CHECK_EQ(reports[0].kind, std::string("use-after-free"));
  cudaDeviceReset();
  print_reports(true);
}

TEST(pointers_of_the_host_are_reported_unless_their_memory_is_pinned) {
  print_reports(false);
  std::vector<float> values(64);
  {
    const DeviceFloats out(64);
    planted::copy(values.data(), out.data(), 64, nullptr);
    CHECK_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
    const std::vector<Report> reports = take_reports();
    CHECK_EQ(reports.size(), size_t{1});
    if (!reports.empty()) CHECK_EQ(reports[0].kind, std::string("host-pointer"));
  }
  cudaDeviceReset();
  print_reports(true);
  const DeviceFloats in(counted(64));
  float* pinned = nullptr;
  must(cudaMallocHost(reinterpret_cast<void**>(&pinned), 64 * sizeof(float)));
  planted::copy(in.data(), pinned, 64, nullptr);
  must(cudaDeviceSynchronize());
  CHECK_EQ(pinned[63], 64.0f);
  must(cudaFreeHost(pinned));
  CHECK(take_reports().empty());
}

TEST(a_report_names_both_places_and_both_threads) {
  print_reports(false);
  for (const planted::Case& one : planted::cases()) {
    if (one.name != "barrier") continue;
    const Outcome outcome = run_case(one, false);
    bool has_race = false;
    for (const Report& report : outcome.reports) {
      CHECK_EQ(report.kernel, std::string("void planted::(anonymous namespace)::barrier<false>"));
      if (report.kind != "race" ||
          report.text.find("a read of 4 bytes of shared memory at") == std::string::npos) {
        continue;
      }
      has_race = true;
      for (const char* part :
           {"of block (0, 0, 0) is not ordered after the write at planted.cu:", "by thread 31"}) {
        CHECK_FOR(report.text.find(part) != std::string::npos, report.text);
      }
    }
    CHECK(has_race);
  }
  print_reports(true);
}
