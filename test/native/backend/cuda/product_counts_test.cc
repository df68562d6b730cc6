// What products ask of the GPU's memories, counted: every weight is read once, in whole sectors; shared
// memory is without conflicts between its banks, and nothing lies in local memory.
#include "backend/cuda/product_case.h"
#include "check.h"
#include "emulator/counters.h"

namespace quern::test {
namespace {

using cuda::Encoding;

constexpr int kWeights = 64, kCols = 640;

uint64_t number_bytes(const cuda::Matrix& matrix) {
  return uint64_t(matrix.rows) * uint64_t(cuda::row_bytes(matrix.encoding, matrix.stride));
}
uint64_t scale_bytes(const cuda::Matrix& matrix) {
  return matrix.scales ? uint64_t(matrix.rows) * uint64_t(matrix.stride) / 16 : 0;
}

void check_clean(const emulator::Counters& got, Encoding encoding) {
  CHECK_EQ(got.launches, uint64_t{1});
  CHECK_EQ(got.local_accesses, uint64_t{0});
  CHECK_EQ(got.shared_conflict_cycles, uint64_t{0});
  // Scales are a few bytes a row, and a lane's eight numbers of f32 are two reads of half a sector each. What
  // is written of a few rows does not fill its sectors.
  if (encoding == Encoding::bf16 || encoding == Encoding::f16)
    CHECK(got.global_sectors <= got.global_ideal_sectors + got.global_ideal_sectors / 100);
}

TEST(few_rows_read_every_weight_once_in_one_launch) {
  Random random(1);
  for (const Encoding encoding : kEncodings) {
    const EncodedMatrix w(encoding, kWeights, kCols, random), up(encoding, kWeights, kCols, random);
    const cuda::Matrix& matrix = w.matrix();
    const DeviceArray<float> norm(random.reals(kCols, 1));
    for (const int rows : {1, 8}) {
      const DeviceArray<uint16_t> in(bf16_of(random.reals(size_t(rows * kCols), 1)));
      const DeviceArray<float> x(random.reals(size_t(rows * kCols), 1)),
          sums(random.reals(size_t(rows * kWeights), 1));
      const DeviceArray<uint16_t> out(size_t(rows * kWeights));
      const Scratch scratch(rows, kCols, 1, 8);
      // Four lanes ask for one row's scales.
      const uint64_t weights = number_bytes(matrix) + 4 * scale_bytes(matrix);
      const uint64_t rows_of_x = uint64_t(rows) * kCols;

      emulator::take_counters();
      cuda::matmul_add({matrix, in.data(), rows, sums.data(), scratch.workspace()}, nullptr);
      const emulator::Counters matmul = emulator::take_counters();
      check_clean(matmul, encoding);
      const uint64_t blocks = kWeights / 16;
      CHECK_EQ(matmul.global_bytes_read, weights + blocks * rows_of_x * 2 + uint64_t(rows) * kWeights * 4);

      cuda::ffn_input(
          {x.data(), rows, norm.data(), 1e-6f, matrix, up.matrix(), out.data(), scratch.workspace()},
          nullptr);
      const emulator::Counters ffn = emulator::take_counters();
      check_clean(ffn, encoding);
      // One row of x is kept; more are read again, from the first cache, to be normalised.
      const uint64_t times = rows == 1 ? 1 : 2;
      CHECK_EQ(ffn.global_bytes_read, 2 * weights + 2 * blocks * (times * rows_of_x * 4 + kCols * 4));
    }
  }
}

// Blocks are as many as run at once: where two do not fit beside each other, each has twice the tiles of one
// x.
TEST(x_is_copied_once_by_every_block_that_runs_at_once) {
  Random random(3);
  constexpr int kTiles = 24, kProcessors = 3;
  cudaDeviceProp device{};
  must(cudaGetDeviceProperties(&device, 0));
  for (const int cols : {1280, 5120}) {
    const EncodedMatrix w(Encoding::int4, 16 * kTiles, cols, random);
    const DeviceArray<uint16_t> in(bf16_of(random.reals(size_t(8 * cols), 1)));
    const DeviceArray<float> sums(random.reals(size_t{8} * 16 * kTiles, 1));
    const Scratch scratch(8, 1, 1, kProcessors);
    // Of a block: x, the sums of two tiles, what norms share, and what the system takes.
    const size_t of_block = size_t(8 * (cols * 2 + 64)) + (8 << 10) + 304 + device.reservedSharedMemPerBlock;
    const int at_once = 2 * of_block <= device.sharedMemPerMultiprocessor ? 2 : 1;
    emulator::take_counters();
    cuda::matmul_add({w.matrix(), in.data(), 8, sums.data(), scratch.workspace()}, nullptr);
    const emulator::Counters got = emulator::take_counters();
    const uint64_t of_weights = number_bytes(w.matrix()) + 4 * scale_bytes(w.matrix());
    CHECK_EQ(got.global_bytes_read,
             of_weights + uint64_t(at_once * kProcessors * 8 * cols * 2) + uint64_t{8} * 16 * kTiles * 4);
  }
}

TEST(many_rows_read_every_weight_once_for_a_tile) {
  Random random(2);
  for (const Encoding encoding : kEncodings) {
    const EncodedMatrix w(encoding, kWeights, kCols, random);
    const cuda::Matrix& matrix = w.matrix();
    constexpr int kRows = 64;  // a tile
    const DeviceArray<uint16_t> in(bf16_of(random.reals(size_t(kRows * kCols), 1)));
    const DeviceArray<float> sums(random.reals(size_t(kRows * kWeights), 1));
    const Scratch scratch(kRows, 1, 1, 2);
    emulator::take_counters();
    cuda::matmul_add({matrix, in.data(), kRows, sums.data(), scratch.workspace()}, nullptr);
    const emulator::Counters got = emulator::take_counters();
    check_clean(got, encoding);
    constexpr uint64_t kTiles = kWeights / 32;  // of the smallest kind
    CHECK_EQ(got.global_bytes_read, number_bytes(matrix) + scale_bytes(matrix) + kTiles * kRows * kCols * 2 +
                                        uint64_t{kRows} * kWeights * 4);
  }
}

}  // namespace
}  // namespace quern::test
