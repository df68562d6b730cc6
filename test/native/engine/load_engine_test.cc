// What a device says of itself decides what is reserved when a model is loaded.
#include "engine/load_engine.h"

#include "check.h"
#include "engine/served.h"
#include "watched_device.h"

namespace quern::test {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr int kStepRows = 64;

std::unique_ptr<Engine> load(Watch& watch, const LoadOptions& options) {
  return load_engine(parse_plan(plan_text()), std::make_unique<WatchedDevice>(make_device(), watch), options,
                     {}, [] {});
}

LoadOptions with_context(int context) {
  LoadOptions options;
  options.step_rows = kStepRows;
  options.context_length = context;
  return options;
}

uint64_t kv_bytes(const Engine& engine) {
  return static_cast<uint64_t>(engine.decoder().state_shape().kv.pages * engine.decoder().page_bytes());
}

// One full context is 200 MiB here, of pages of 4 KiB.
constexpr int kPages = 200 * kMiB / kPageBytes, kContext = kPages * kPagePositions;

TEST(as_many_contexts_as_the_device_grants) {
  Watch watch;
  watch.budget = {2000 * kMiB, 1};
  CHECK_EQ(kv_bytes(*load(watch, with_context(kContext))) / kMiB, uint64_t{200});
  watch.budget = {2000 * kMiB, 8};
  CHECK_EQ(kv_bytes(*load(watch, with_context(kContext))) / kMiB, uint64_t{1600});
}

TEST(no_more_bytes_than_the_device_grants) {
  Watch watch;
  watch.budget = {900 * kMiB, 8};
  CHECK_EQ(kv_bytes(*load(watch, with_context(kContext))), 900 * kMiB);
  watch.budget = {kMiB, 8};
  CHECK_EQ(kv_bytes(*load(watch, with_context(16))), kMiB);
  watch.budget = {kPageBytes - 1, 8};
  CHECK_ERROR(load(watch, with_context(16)), "kv_cache_too_small");
}

TEST(what_was_asked_for_is_not_the_devices_question) {
  Watch watch;
  watch.budget = {kMiB, 1};
  LoadOptions options = with_context(16);
  options.kv_bytes = 3 * kMiB;
  CHECK_EQ(kv_bytes(*load(watch, options)), 3 * kMiB);
}

// Said of all of them, for a piece alone is nothing that anybody asked for.
TEST(keys_and_values_without_room_are_told_by_what_they_take_in_all) {
  Watch watch;
  LoadOptions options = with_context(16);
  options.kv_bytes = 512 * kMiB;
  watch.on_allocate = [](size_t bytes) {
    if (bytes >= 64 * kMiB) throw Error("out_of_memory", "expected more");
  };
  const auto message = [&] {
    Failure failure;
    try {
      load(watch, options);
    } catch (const Error&) {
      failure = current_failure();
    }
    CHECK_EQ(failure.code, "out_of_memory");
    return failure.message;
  };
  CHECK_EQ(message(), "keys and values, 537 MB (536870912 bytes) in all (kvCache.maxBytes): expected more");
  options.kv_bytes = 1125899906842624;  // more than there may be pages for
  CHECK_EQ(message(),
           "keys and values, 1126 TB (1125899906842624 bytes) in all (kvCache.maxBytes): expected more");
}

// x is float32 always; q, attended and hidden are what the device says. Of plan_text().
TEST(what_lies_between_operations_is_of_the_devices_type) {
  constexpr int kHidden = 48, kQ = 4 * 16, kFfn = 96;
  Watch watch;
  const auto workspace = [&](bool exact) {
    LoadOptions options = with_context(16);
    options.weights.exact = exact;
    return load(watch, options)->decoder().workspace_bytes();
  };
  watch.activations = Dtype::f32;
  const uint64_t wide = workspace(false), between = kStepRows * (2 * kQ + kFfn);
  CHECK(wide >= kStepRows * kHidden * 4 + between * 4);
  watch.activations = Dtype::bf16;
  CHECK_EQ(wide - workspace(false), between * 2);
  CHECK_EQ(workspace(true), wide);
}

}  // namespace
}  // namespace quern::test
