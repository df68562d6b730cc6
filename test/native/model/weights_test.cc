#include "model/weights.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "backend/cpu/cpu_device.h"
#include "check.h"
#include "core/error.h"
#include "model_files.h"
#include "watched_device.h"

namespace quern::test {
namespace {

DecoderWeights load(const std::string& plan, const char* dtype = "",
                    const DecoderWeights::Progress& progress = {}) {
  const auto device = create_cpu_device({1, "auto"});
  return DecoderWeights(parse_plan(plan), *device, weight_choice(dtype).value_or(WeightChoice{}), progress);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  if (at == std::string::npos) throw Error("internal", "the plan has no '" + from + "'");
  return text.replace(at, from.size(), to);
}

// A file that is not the one whose header was read may hold anything at a tensor's place.
TEST(a_file_of_another_size_is_refused) {
  for (const size_t file : {0, 1}) {
    for (const int change : {-1, 1, 4096}) {
      const ModelFiles files;
      (void)load(files.plan());
      const auto size = static_cast<int64_t>(std::filesystem::file_size(files.path(file)));
      std::filesystem::resize_file(files.path(file), static_cast<uint64_t>(size + change));
      CHECK_ERROR(load(files.plan()), "truncated");
      std::filesystem::resize_file(files.path(file), static_cast<uint64_t>(size));
      (void)load(files.plan());
    }
    const ModelFiles files;
    std::filesystem::remove(files.path(file));
    CHECK_ERROR(load(files.plan()), "missing_file");
  }
}

TEST(every_weight_must_be_there_in_its_shape) {
  const ModelFiles files;
  const std::string plan = files.plan();
  for (const std::string slot :
       {"embed", "layers.0.q", "layers.1.k_norm", "layers.1.v_bias", "final_norm", "head"}) {
    CHECK_ERROR(load(replaced(plan, "weight " + slot + " ", "weight other ")), "missing_tensor");
  }
  CHECK_ERROR(load(replaced(plan, " width 96", " width 95")), "wrong_shape");
  CHECK_ERROR(load(replaced(plan, " kv_heads 2", " kv_heads 1")), "wrong_shape");
  CHECK_ERROR(load(replaced(plan, "config vocab 307", "config vocab 306")), "wrong_shape");
  CHECK_ERROR(load(replaced(plan, "weight embed f32 307 48", "weight embed f32 307 32")), "wrong_shape");
}

TEST(progress_counts_every_byte_and_an_abort_is_heard) {
  const ModelFiles files;
  std::vector<uint64_t> done;
  (void)load(files.plan(), "", {[&](uint64_t so_far, uint64_t total) {
               CHECK_EQ(total, files.weight_bytes());
               CHECK(done.empty() || so_far > done.back());
               done.push_back(so_far);
             }});
  CHECK_EQ(done.back(), files.weight_bytes());
  CHECK_EQ(done.size(), size_t{31});
  std::atomic<bool> abort{true};
  int reports = 0;
  const auto count = [&](uint64_t, uint64_t) { ++reports; };
  CHECK_ERROR(load(files.plan(), "", {count, &abort}), "aborted");
  CHECK_EQ(reports, 0);
  abort = false;
  const auto set_at_third = [&](uint64_t, uint64_t) { abort = ++reports == 3; };
  CHECK_ERROR(load(files.plan(), "", {set_at_third, &abort}), "aborted");
  CHECK_EQ(reports, 3);
}

// Matrices are converted, vectors are float32 whatever is asked for.
TEST(bytes_in_memory) {
  const ModelFiles files;
  const auto vectors = uint64_t{4} * (2 * (2 * 48 + 64 + 2 * 32 + 2 * 16) + 48);
  const auto layers = uint64_t{2} * (2 * 64 * 48 + 2 * 32 * 48 + 3 * 96 * 48);
  const auto table = uint64_t{308} * 48;  // rows lie in panels of four
  for (const Dtype dtype : kDtypes) {
    const DecoderWeights weights = load(files.plan(), name_of(dtype).data());
    CHECK_EQ(weights.bytes(), size_of(dtype) * (layers + 2 * table) + vectors);
    CHECK_EQ(weights.bytes_per_token(),
             size_of(dtype) * (layers + table));  // one row of the embedding is nothing
  }
  const DecoderWeights tied =
      load(replaced(files.plan(), "config tied_embeddings 0", "config tied_embeddings 1"), "f16");
  CHECK_EQ(tied.bytes(), 2 * (layers + table) + vectors);
  CHECK_EQ(tied.bytes_per_token(), 2 * (layers + table));
}

// Vectors come as they are stored, whatever matrices are converted to: nothing of them is lost.
TEST(only_matrices_are_converted) {
  const ModelFiles files;
  for (const Dtype dtype : kDtypes) {
    Watch watch;
    std::set<const Format*> vectors;
    watch.on_prepare = [&](const WeightView& view) {
      if (view.is_vector) vectors.insert(view.format);
      CHECK(view.is_vector || view.format == &format_of(dtype));
    };
    WatchedDevice device(create_cpu_device({1, "auto"}), watch);
    (void)DecoderWeights(parse_plan(files.plan()), device, *weight_choice(name_of(dtype)), {});
    CHECK_EQ(vectors.size(), std::size(kDtypes));
  }
}

// Of int4 the ends have 8 bits.
TEST(quantized_while_loading) {
  const ModelFiles files;
  for (const std::string name : kQuantizations) {
    Watch watch;
    int ends = 0;
    watch.on_prepare = [&](const WeightView& view) {
      if (view.is_vector) return;
      const bool end = view.rows == 307;
      ends += end ? 1 : 0;
      CHECK_EQ(view.format->name, std::string_view(end || name == "int8" ? "Q8_0" : "Q4_0"));
    };
    WatchedDevice device(create_cpu_device({1, "auto"}), watch);
    (void)DecoderWeights(parse_plan(files.plan()), device, *weight_choice(name), {});
    CHECK_EQ(ends, 2);
  }
  CHECK(!weight_choice("int2") && !weight_choice(""));
  CHECK(weight_choice("auto") && weight_choice("auto")->layers == nullptr &&
        weight_choice("auto")->ends == nullptr);
}

// What a device is given of every matrix, in the order of the slots, read in pieces of 7 rows.
std::vector<std::vector<std::byte>> prepared(const std::string& plan, const char* dtype) {
  Watch watch;
  std::vector<std::vector<std::byte>> all;
  watch.on_prepare = [&](const WeightView& view) {
    const int64_t bytes = view.format->row_bytes(view.cols);
    std::vector<std::byte>& rows = all.emplace_back(static_cast<size_t>(view.rows * bytes));
    for (int64_t row = 0; row < view.rows; row += 7)
      view.read(row, std::min<int64_t>(7, view.rows - row), rows.data() + row * bytes);
  };
  WatchedDevice device(create_cpu_device({1, "auto"}), watch);
  (void)DecoderWeights(parse_plan(plan), device, weight_choice(dtype).value_or(WeightChoice{}), {});
  return all;
}

// Whatever the order of rows in files, and whichever files they are in: the same numbers come out.
TEST(rows_that_lie_apart_give_the_same_weights) {
  ModelFiles files;
  const std::string interleaved = files.interleaved_plan();
  for (const char* dtype : {"", "f32", "bf16", "int8", "int4"})
    CHECK(prepared(files.plan(), dtype) == prepared(interleaved, dtype));
}

}  // namespace
}  // namespace quern::test
