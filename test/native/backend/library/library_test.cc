// A device that lies in a library: what crosses, and what does not.
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "backend/devices.h"
#include "backend/library/abi.h"
#include "backend/library/host.h"
#include "check.h"
#include "core/error.h"
#include "devices_under_test.h"
#include "environment.h"
#include "folder.h"
#include "numbers.h"

namespace quern::test {
namespace {

std::string failure_of(const std::string& library, const std::string& isa = "auto") {
  try {
    (void)create_device({1, isa, library});
  } catch (const Error& error) {
    return error.code() + ": " + error.what();
  }
  return "no error";
}

TEST(what_is_no_device_library) {
  Folder folder;
  const std::string absent = failure_of("/nowhere/device.so");
  CHECK_EQ(absent,
           std::string("missing_file: /nowhere/device.so: expected a device library, got no file that "
                       "can be read"));
  const std::string text = folder.write("text.so", "not a library");
  CHECK(failure_of(text).starts_with("device_mismatch: " + text +
                                     ": expected a device library that this system can load, got: "));
  CHECK(failure_of(QUERN_OTHER_LIBRARY).starts_with("device_mismatch: "));
  CHECK(failure_of(QUERN_OTHER_LIBRARY).ends_with("got a library without quern_backend"));
}

// The system would map it all the same, and end the process where a page is missing.
TEST(a_library_without_its_end_is_refused) {
  std::ifstream file(QUERN_LATE_LIBRARY, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  const Folder folder;
  for (const size_t bytes : {size_t{64}, size_t{5000}, whole.size() / 3, whole.size() - 1}) {
    const std::string path = folder.write("cut.so", whole.substr(0, bytes));
    CHECK_EQ(failure_of(path),
             "device_mismatch: " + path +
                 ": expected a whole device library, got one without its end: install it again");
  }
}

TEST(another_interface_is_refused_with_both_numbers) {
  const std::string failure = failure_of(QUERN_OTHER_ABI_LIBRARY);
  CHECK(failure.starts_with("device_mismatch: "));
  const std::string mine = std::to_string(QUERN_DEVICE_ABI), its = std::to_string(QUERN_DEVICE_ABI + 1);
  CHECK(failure.find("expected a device library of interface " + mine + ", got one of interface " + its) !=
        std::string::npos);
}

TEST(what_it_says_of_itself_crosses) {
  const auto device = make_late_device(3), cpu = create_device({3, "auto", {}});
  CHECK_EQ(device->describe().kind, std::string("late"));
  CHECK_EQ(device->describe().isa, cpu->describe().isa);
  CHECK_EQ(device->describe().threads, 3);
  CHECK(device->kv_dtype(true) == Dtype::f32 && device->kv_dtype(false) == Dtype::f16);
  CHECK_EQ(device->describe().name, std::string("late device"));
  CHECK(device->activation_dtype(true) == Dtype::f32 && device->activation_dtype(false) == Dtype::f32);
  CHECK(device->kv_budget().bytes > 0);
  CHECK_EQ(device->kv_budget().contexts, 1);
}

TEST(which_of_the_devices_crosses) {
  CHECK_ERROR(create_device({1, "auto", QUERN_LATE_LIBRARY, 1}), "no_device");
}

TEST(what_a_library_finds_crosses) {
  const DeviceProbe found = probe_library(QUERN_LATE_LIBRARY);
  CHECK_EQ(found.kind, std::string("late"));
  CHECK_EQ(found.driver_version, 13000);
  CHECK_EQ(found.runtime_version, 13000);
  CHECK(!found.problem);
  CHECK_EQ(found.devices.size(), size_t{1});
  const ProbedDevice& device = found.devices.front();
  CHECK_EQ(device.index, 0);
  CHECK_EQ(device.name, std::string("late device"));
  CHECK_EQ(device.isa, make_late_device()->describe().isa);
  CHECK_EQ(device.capability_major * 10 + device.capability_minor, 86);
  CHECK_EQ(device.multiprocessors, 2);
  CHECK(device.memory_bytes > 0);
  CHECK(!device.problem);
  CHECK(free_device_memory(QUERN_LATE_LIBRARY, 0) > 0);
  CHECK_ERROR(probe_library(QUERN_OTHER_LIBRARY), "device_mismatch");
  CHECK_ERROR(probe_library("/nowhere/device.so"), "missing_file");
  CHECK_ERROR(free_device_memory("/nowhere/device.so", 0), "missing_file");
}

TEST(what_is_wrong_with_devices_crosses) {
  const Environment of_one("QUERN_LATE_DEVICE_PROBLEM", "too old");
  const DeviceProbe some = probe_library(QUERN_LATE_LIBRARY);
  CHECK(!some.problem);
  CHECK_EQ(some.devices.front().problem.value_or(Failure{}).code, std::string("no_device"));
  CHECK_EQ(some.devices.front().problem.value_or(Failure{}).message, std::string("too old"));
  const Environment of_all("QUERN_LATE_PROBLEM", "no driver");
  const DeviceProbe none = probe_library(QUERN_LATE_LIBRARY);
  CHECK_EQ(none.problem.value_or(Failure{}).message, std::string("no driver"));
  CHECK(none.devices.empty());
}

std::vector<std::string> opened_devices() {
  std::vector<std::string> lines = library_log();
  std::erase_if(lines, [](const std::string& line) { return line.find("opened") == std::string::npos; });
  return lines;
}

TEST(memory_is_asked_of_one_device_at_a_time_and_probing_opens_none) {
  const Environment free("QUERN_LATE_FREE", "5,12345678901,busy");
  const size_t before = opened_devices().size();
  CHECK_EQ(probe_library(QUERN_LATE_LIBRARY).devices.size(), size_t{3});
  CHECK_EQ(opened_devices().size(), before);
  CHECK_EQ(free_device_memory(QUERN_LATE_LIBRARY, 1), uint64_t{12345678901});
  CHECK_EQ(opened_devices().size(), before + 1);
  CHECK_EQ(opened_devices().back(), std::string("late: opened device 1"));
  CHECK_ERROR(free_device_memory(QUERN_LATE_LIBRARY, 2), "no_device");
  CHECK_ERROR(free_device_memory(QUERN_LATE_LIBRARY, 3), "internal");
}

TEST(what_it_logs_is_kept) {
  for (int times = 0; times < 200; ++times) (void)make_late_device();
  CHECK_EQ(library_log().size(), size_t{100});
  CHECK_EQ(library_log().back(), std::string("late: up to 2 steps in flight"));
}

TEST(which_options_it_samples_by) {
  const auto device = make_late_device();
  const auto samples = [&](const auto& change) {
    SamplingOptions options;
    options.temperature = 0.7f;
    options.top_k = 40;
    options.top_p = 0.9f;
    options.min_p = 0.01f;
    options.top_logprobs = 3;
    change(options);
    return device->samples(options);
  };
  CHECK(samples([](SamplingOptions&) {}));
  CHECK(!samples([](SamplingOptions& options) { options.repetition_penalty = 1.1f; }));
  CHECK(!samples([](SamplingOptions& options) { options.frequency_penalty = 1; }));
  CHECK(!samples([](SamplingOptions& options) { options.presence_penalty = 1; }));
  CHECK(!samples([](SamplingOptions& options) { options.typical_p = 0.9f; }));
  CHECK(!samples([](SamplingOptions& options) { options.top_n_sigma = 1; }));
  CHECK(!samples([](SamplingOptions& options) { options.logit_bias = {{1, 1}}; }));
  CHECK(!samples([](SamplingOptions& options) { options.steps = {SamplingStep::temperature}; }));
  // These do not even cross.
  CHECK(!samples([](SamplingOptions& options) { options.dry.multiplier = 0.8f; }));
  CHECK(!samples([](SamplingOptions& options) { options.xtc_probability = 0.5f; }));
  CHECK(!samples([](SamplingOptions& options) { options.mirostat.version = 2; }));
}

TEST(failures_inside_arrive_with_their_code) {
  const std::string isa = failure_of(QUERN_LATE_LIBRARY, "abacus");
  CHECK(isa.starts_with("invalid_option: "));
  CHECK_EQ(isa, failure_of({}, "abacus"));  // in the words of the device itself
  const auto device = make_late_device();
  CHECK_ERROR(device->allocate(size_t{1} << 62), "out_of_memory");
  const auto stream = device->create_stream({8, 8, 48, 4, 2, 16, 96, 307, 400});
  StepResult result;
  CHECK_ERROR(stream->collect(1, result), "internal");  // nothing was launched
  CHECK_ERROR(stream->launch(1), "internal");
  float somewhere = 0;
  const Copy copy{&somewhere, &somewhere, sizeof somewhere};
  CHECK_ERROR(stream->upload({&copy, 1}), "internal");  // no memory of the device
}

// Through three boundaries: the host's function fails, the library gives up, the host hears of it.
TEST(what_reading_a_weight_throws_comes_back) {
  const auto device = make_late_device(2);
  for (const int64_t rows : {int64_t{1}, int64_t{64}}) {
    const auto prepare = [&](const std::function<void()>& fail) {
      return device->prepare_weight({&format_of(Dtype::f32), rows, 64, rows == 1, false,
                                     [&](int64_t, int64_t, std::byte*) { fail(); }});
    };
    CHECK_ERROR(prepare([] { throw Error("truncated", "made up"); }), "truncated");
    CHECK_ERROR(prepare([] { throw std::bad_alloc(); }), "out_of_memory");
    CHECK_ERROR(prepare([] { throw 5; }), "internal");
    CHECK(prepare([] {})->bytes() > 0);
  }
}

TEST(a_message_that_is_too_long_is_cut_at_a_character) {
  const auto device = make_late_device();
  std::string message;
  while (message.size() < 2000) message += "ü";
  std::string got;
  try {
    (void)device->prepare_weight({&format_of(Dtype::f32), 1, 64, true, false,
                                  [&](int64_t, int64_t, std::byte*) { throw Error("read_error", message); }});
  } catch (const Error& error) {
    got = error.what();
  }
  CHECK_EQ(got.size(), size_t{990});  // of 991 bytes
  CHECK(message.starts_with(got));
}

TEST(copies_go_there_and_back) {
  const auto device = make_late_device();
  const auto memory = device->allocate(1000);
  const auto stream = device->create_stream({8, 8, 48, 4, 2, 16, 96, 307, 400});
  std::vector<char> from(700), into(1000, 1);
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<char>(i);
  char* const at = static_cast<char*>(memory->address());
  const Copy up[] = {{at + 100, from.data(), 300}, {at + 600, from.data() + 300, 400}};
  stream->upload(up);
  const Copy down{at, into.data(), 1000};
  stream->download({&down, 1});
  CHECK(std::memcmp(into.data() + 100, from.data(), 300) == 0);
  CHECK(std::memcmp(into.data() + 600, from.data() + 300, 400) == 0);
  for (const size_t untouched : {size_t{0}, size_t{99}, size_t{400}, size_t{599}})
    CHECK_EQ(into[untouched], 0);
}

// What 3 rows at positions 37 to 39 get of keys and values of random numbers.
std::vector<float> attention_of(Device& device, int window, std::vector<float> slopes) {
  constexpr int kHeads = 4, kHeadDim = 16, kRows = 3;
  const KvShape shape{Dtype::f32, 2, kHeadDim, 3};
  const auto stream = device.create_stream({8, 8, 48, kHeads, shape.kv_heads, kHeadDim, 96, 307, 400});
  const auto on_device = [&](std::vector<float> numbers) {
    auto memory = device.allocate(numbers.size() * sizeof(float));
    const Copy copy{memory->address(), numbers.data(), numbers.size() * sizeof(float)};
    stream->upload({&copy, 1});
    return memory;
  };
  Random random(3);
  const auto page_numbers = static_cast<size_t>(shape.pages * shape.page_numbers());
  const auto keys = on_device(random.reals(page_numbers, 1)),
             values = on_device(random.reals(page_numbers, 1));
  const auto q = on_device(random.reals(kRows * kHeads * kHeadDim, 2));
  std::vector<float> result(kRows * kHeads * kHeadDim);
  const auto out = on_device(result);
  const std::atomic<bool> never{false};
  const int32_t tokens[kRows] = {1, 2, 3}, pages[] = {2, 0, 1};
  const int32_t* const tables[] = {pages};
  const SequenceRows rows{0, kRows, 37, tables};
  const Ticket step = stream->begin({tokens, {}, {&rows, 1}, &never});
  const Tensor attended{out->address(), Dtype::f32, kRows, kHeads * kHeadDim};
  stream->attention({window, slopes}, {q->address(), Dtype::f32, kRows, kHeads * kHeadDim}, shape,
                    {keys->address(), values->address()}, attended);
  stream->read_back(attended, result.data());
  slopes.assign(slopes.size(), 1000);  // the host's again
  stream->launch(step);
  StepResult collected;
  CHECK(stream->collect(step, collected));
  return result;
}

TEST(what_attention_is_to_do_crosses) {
  const auto late = make_late_device(), cpu = create_device({1, "auto", {}});
  const std::vector<float> plain = attention_of(*cpu, 0, {}), slopes{0.5f, 0.25f, 0.125f, 0.0625f};
  for (const int window : {0, 1, 20})
    for (const std::vector<float>& some : {std::vector<float>{}, slopes}) {
      const auto got = attention_of(*late, window, some);
      CHECK(same_bytes(got, attention_of(*cpu, window, some)));
      CHECK_EQ(same_bytes(got, plain), window == 0 && some.empty());
    }
  CHECK_ERROR(attention_of(*cpu, 0, {0.5f}), "internal");
  CHECK_ERROR(attention_of(*cpu, -1, {}), "internal");
}

}  // namespace
}  // namespace quern::test
