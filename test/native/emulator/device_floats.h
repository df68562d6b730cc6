// Numbers on the computed GPU, for its tests.
#pragma once
#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>
#include <vector>

inline void must(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorName(error));
}

class DeviceFloats {
 public:
  explicit DeviceFloats(const std::vector<float>& values) : count_(values.size()) {
    must(cudaMalloc(reinterpret_cast<void**>(&data_), bytes()));
    must(cudaMemcpy(data_, values.data(), bytes(), cudaMemcpyHostToDevice));
  }
  explicit DeviceFloats(size_t count) : DeviceFloats(std::vector<float>(count)) {}
  ~DeviceFloats() { cudaFree(data_); }
  DeviceFloats(const DeviceFloats&) = delete;
  DeviceFloats& operator=(const DeviceFloats&) = delete;

  float* data() const { return data_; }
  size_t bytes() const { return count_ * sizeof(float); }
  std::vector<float> read() const {
    std::vector<float> values(count_);
    must(cudaMemcpy(values.data(), data_, bytes(), cudaMemcpyDeviceToHost));
    return values;
  }

 private:
  float* data_ = nullptr;
  size_t count_ = 0;
};

// 1, 2, 3 …
inline std::vector<float> counted(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; i++) values[i] = static_cast<float>(i + 1);
  return values;
}
