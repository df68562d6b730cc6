// A made-up matrix in one of the encodings of kernels/matrix.h, in the device's memory, and its numbers.
#pragma once
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "backend/cuda/device_array.h"
#include "backend/cuda/kernels/matrix.h"
#include "core/dtype.h"
#include "numbers.h"

namespace quern::test {

inline constexpr std::array kEncodings = {cuda::Encoding::f32, cuda::Encoding::f16, cuda::Encoding::bf16,
                                          cuda::Encoding::int8, cuda::Encoding::int4};

class EncodedMatrix {
 public:
  EncodedMatrix(cuda::Encoding encoding, int rows, int cols, Random& random, bool has_bias = false)
      : EncodedMatrix(encoding, rows, cols, random, random.reals(has_bias ? size_t(rows) : 0, 0.5f)) {}

  const cuda::Matrix& matrix() const { return matrix_; }
  double at(int row, int col) const { return numbers_[size_t(row) * size_t(matrix_.cols) + size_t(col)]; }
  double bias(int row) const { return bias_numbers_.empty() ? 0 : bias_numbers_[size_t(row)]; }

 private:
  EncodedMatrix(cuda::Encoding encoding, int rows, int cols, Random& random, std::vector<float> bias)
      : stride_(int(cuda::stride_of(encoding, cols))),
        row_bytes_(size_t(cuda::row_bytes(encoding, stride_))),
        bytes_(size_t(rows) * row_bytes_),
        scales_(size_t(rows) * size_t(stride_ / cuda::kStepNumbers)),
        numbers_(size_t(rows) * size_t(cols)),
        bias_numbers_(std::move(bias)),
        device_bytes_(fill(encoding, rows, cols, random)),
        device_scales_(scales_),
        bias_(bias_numbers_) {
    const bool is_scaled = encoding == cuda::Encoding::int8 || encoding == cuda::Encoding::int4;
    matrix_ = {device_bytes_.data(),
               is_scaled ? device_scales_.data() : nullptr,
               bias_numbers_.empty() ? nullptr : bias_.data(),
               rows,
               cols,
               stride_,
               encoding};
  }

  std::span<const uint8_t> fill(cuda::Encoding encoding, int rows, int cols, Random& random) {
    for (int row = 0; row < rows; ++row) {
      for (int step = 0; step * cuda::kStepNumbers < cols; ++step)
        scales_[size_t(row) * size_t(stride_ / 32) + size_t(step)] =
            static_cast<uint16_t>(to_f16(0.01f + 0.02f * static_cast<float>(random.unit())));
      for (int col = 0; col < cols; ++col)
        numbers_[size_t(row) * size_t(cols) + size_t(col)] = encode(encoding, row, col, random);
    }
    return bytes_;
  }

  // Draws a number, stores it where kernels/matrix.h says, and gives what it is.
  double encode(cuda::Encoding encoding, int row, int col, Random& random) {
    uint8_t* const bytes = bytes_.data() + size_t(row) * row_bytes_;
    const float real = random.real(0.3f);
    const int step = col / 32, t = col % 32 / 8, i = col % 8;
    const double scale = to_f32(static_cast<F16>(scales_[size_t(row) * size_t(stride_ / 32) + size_t(step)]));
    switch (encoding) {
      case cuda::Encoding::f32:
        std::memcpy(bytes + col * 4, &real, 4);
        return real;
      case cuda::Encoding::f16: {
        const F16 value = to_f16(real);
        std::memcpy(bytes + col * 2, &value, 2);
        return to_f32(value);
      }
      case cuda::Encoding::bf16: {
        const Bf16 value = to_bf16(real);
        std::memcpy(bytes + col * 2, &value, 2);
        return to_f32(value);
      }
      case cuda::Encoding::int8: {
        const int value = random.between(-128, 127);
        bytes[step / 2 * 64 + t * 16 + step % 2 * 8 + i] = static_cast<uint8_t>(value);
        return scale * value;
      }
      case cuda::Encoding::int4: {
        const int value = random.between(0, 15), nibble = i / 2 + i % 2 * 4;
        uint8_t& byte = bytes[step / 4 * 64 + t * 16 + step % 4 * 4 + nibble / 2];
        byte = static_cast<uint8_t>(byte | value << (nibble % 2 * 4));
        return scale * (value - 8);
      }
    }
    return 0;
  }

  int stride_;
  size_t row_bytes_;
  std::vector<uint8_t> bytes_;
  std::vector<uint16_t> scales_;
  std::vector<double> numbers_;
  std::vector<float> bias_numbers_;
  DeviceArray<uint8_t> device_bytes_;
  DeviceArray<uint16_t> device_scales_;
  DeviceArray<float> bias_;
  cuda::Matrix matrix_;
};

}  // namespace quern::test
