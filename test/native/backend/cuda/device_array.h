// Numbers in the device's memory, for as long as this object lives.
#pragma once
#include <cuda_runtime_api.h>

#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace quern::test {

inline void must(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(std::string("CUDA: ") + cudaGetErrorString(error));
}

template <typename T>
class DeviceArray {
 public:
  DeviceArray() = default;
  explicit DeviceArray(size_t count) : count_(count) {
    must(cudaMalloc(&data_, count * sizeof(T) + (count == 0)));
  }
  explicit DeviceArray(std::span<const T> values) : DeviceArray(values.size()) { write(values); }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(std::span<const T>(values)) {}
  DeviceArray(DeviceArray&& other) noexcept : data_(other.data_), count_(other.count_) {
    other.data_ = nullptr;
  }
  DeviceArray& operator=(DeviceArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }
  DeviceArray(const DeviceArray&) = delete;
  ~DeviceArray() {
    if (data_) cudaFree(data_);
  }

  T* data() const { return static_cast<T*>(data_); }
  size_t size() const { return count_; }
  void write(std::span<const T> values) {
    must(cudaMemcpy(data_, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice));
  }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    must(cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }
  void clear(int byte = 0) { must(cudaMemset(data_, byte, count_ * sizeof(T))); }

 private:
  void* data_ = nullptr;
  size_t count_ = 0;
};

}  // namespace quern::test
