// Numbers for tests: drawn the same way on every run, kept in any storage type.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

#include "core/dtype.h"

namespace quern::test {

// The unit roundoff of float32: one operation is off by at most this, relatively.
constexpr double kUnit = 0x1p-24;

constexpr Dtype kDtypes[] = {Dtype::f32, Dtype::f16, Dtype::bf16};

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t bits() {  // SplitMix64 (Steele, Lea and Flood 2014)
    uint64_t x = state_ += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
  }
  double unit() { return static_cast<double>(bits() >> 11) * 0x1p-53; }                     // [0, 1)
  int below(int count) { return static_cast<int>(bits() % static_cast<uint64_t>(count)); }  // [0, count)
  int between(int least, int most) { return least + below(most - least + 1); }
  float real(float scale) { return static_cast<float>((2 * unit() - 1) * scale); }
  float normal() {  // Box and Muller 1958
    return static_cast<float>(std::sqrt(-2 * std::log(1 - unit())) * std::cos(2 * std::numbers::pi * unit()));
  }
  std::vector<float> reals(size_t count, float scale) {
    std::vector<float> values(count);
    for (float& value : values) value = real(scale);
    return values;
  }
  template <typename T>
  void shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i)
      std::swap(values[i - 1], values[static_cast<size_t>(below(static_cast<int>(i)))]);
  }

 private:
  uint64_t state_;
};

// Numbers in a storage type, in memory of exactly their size.
class Stored {
 public:
  Stored(Dtype dtype, size_t count) : dtype_(dtype), bytes_(count * size_of(dtype)) {}
  Stored(Dtype dtype, std::span<const float> values) : Stored(dtype, values.size()) {
    for (size_t i = 0; i < values.size(); ++i) set(i, values[i]);
  }

  Dtype dtype() const { return dtype_; }
  size_t size() const { return bytes_.size() / size_of(dtype_); }
  void* data() { return bytes_.data(); }
  const void* data() const { return bytes_.data(); }
  const void* at(size_t index) const { return bytes_.data() + index * size_of(dtype_); }
  void* at(size_t index) { return bytes_.data() + index * size_of(dtype_); }

  void set(size_t index, float value) {
    switch (dtype_) {
      case Dtype::f32:
        return put(index, value);
      case Dtype::f16:
        return put(index, to_f16(value));
      case Dtype::bf16:
        return put(index, to_bf16(value));
    }
  }
  float operator[](size_t index) const {
    switch (dtype_) {
      case Dtype::f32:
        return get<float>(index);
      case Dtype::f16:
        return to_f32(get<F16>(index));
      case Dtype::bf16:
        return to_f32(get<Bf16>(index));
    }
    return 0;
  }

 private:
  template <typename T>
  void put(size_t index, T value) {
    std::memcpy(bytes_.data() + index * sizeof(T), &value, sizeof(T));
  }
  template <typename T>
  T get(size_t index) const {
    T value;
    std::memcpy(&value, bytes_.data() + index * sizeof(T), sizeof(T));
    return value;
  }

  Dtype dtype_;
  std::vector<char> bytes_;
};

template <typename T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

}  // namespace quern::test
