#include "backend/cuda/pack_rows.h"

#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "core/format.h"
#include "numbers.h"

namespace quern::test {
namespace {

using cuda::Encoding;

// Number k of a row, as kernels/matrix.h says that it lies.
float number_at(Encoding encoding, const std::byte* row, const uint16_t* scales, int64_t k) {
  const int64_t step = k / 32, t = k % 32 / 8, i = k % 8;
  const auto scale = [&] { return to_f32(static_cast<F16>(scales[step])); };
  if (encoding == Encoding::int8) {
    const std::byte* const lane = row + k / 64 * 64 + t * 16;
    return scale() * static_cast<float>(static_cast<int8_t>(lane[step % 2 * 8 + i]));
  }
  uint32_t word = 0;
  std::memcpy(&word, row + k / 128 * 64 + t * 16 + step % 4 * 4, sizeof word);
  const auto nibble = static_cast<int>(word >> 4 * (i % 2 == 0 ? i / 2 : 4 + i / 2) & 15u);
  return scale() * static_cast<float>(nibble - 8);
}

TEST(blocks_of_integers_lie_as_kernels_read_them) {
  for (const char* const name : {"Q8_0", "Q4_0"}) {
    const Format& format = *find_format(name);
    const Encoding encoding = *cuda::encoding_of(format);
    for (const int64_t cols : {1, 31, 32, 33, 64, 96, 108, 128, 160, 256, 416}) {
      constexpr int64_t kRows = 3;
      std::vector<std::byte> stored(static_cast<size_t>(kRows * format.row_bytes(cols)));
      std::vector<float> want(static_cast<size_t>(kRows * cols));
      for (int64_t row = 0; row < kRows; ++row) {
        const std::vector<float> numbers =
            Random(static_cast<uint64_t>(cols + row)).reals(static_cast<size_t>(cols), 3);
        std::byte* const at = stored.data() + row * format.row_bytes(cols);
        encode_row(format, numbers.data(), cols, at);
        decode_row(format, at, cols, want.data() + row * cols);
      }
      const int64_t stride = cuda::stride_of(encoding, cols), bytes = cuda::row_bytes(encoding, stride);
      std::vector<std::byte> packed(static_cast<size_t>(kRows * bytes), std::byte{0x5a});
      std::vector<uint16_t> scales(static_cast<size_t>(kRows * stride / 32), 0x7e00);
      cuda::pack_rows(encoding, stored.data(), kRows, cols, packed.data(), scales.data());
      for (int64_t row = 0; row < kRows; ++row) {
        for (int64_t k = 0; k < stride; ++k) {
          const float got =
              number_at(encoding, packed.data() + row * bytes, scales.data() + row * stride / 32, k);
          CHECK_FOR(got == (k < cols ? want[static_cast<size_t>(row * cols + k)] : 0),
                    std::string(name) + ", column " + std::to_string(k) + " of " + std::to_string(cols));
        }
      }
    }
  }
}

TEST(numbers_are_padded_with_zeros) {
  for (const Dtype dtype : kDtypes) {
    const Format& format = format_of(dtype);
    const Encoding encoding = *cuda::encoding_of(format);
    constexpr int64_t kRows = 2, kCols = 45, kStride = 64;
    std::vector<std::byte> stored(static_cast<size_t>(kRows * format.row_bytes(kCols)), std::byte{0x3c});
    std::vector<std::byte> packed(static_cast<size_t>(kRows * cuda::row_bytes(encoding, kStride)),
                                  std::byte{0x5a});
    cuda::pack_rows(encoding, stored.data(), kRows, kCols, packed.data(), nullptr);
    const size_t size = size_of(dtype);
    for (size_t i = 0; i < packed.size(); ++i)
      CHECK(packed[i] == (i / size % kStride < kCols ? std::byte{0x3c} : std::byte{0}));
  }
}

}  // namespace
}  // namespace quern::test
