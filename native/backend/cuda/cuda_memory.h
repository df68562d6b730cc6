// Memory of a GPU, and memory of the host that it can copy from and to while the host goes on.
#pragma once
#include <concepts>
#include <cstddef>
#include <memory>
#include <utility>

#include "backend/cuda/cuda_context.h"

namespace quern::cuda {

// How bytes of the GPU are taken, and given back.
struct OnDevice {
  static void* take(const Context& context, size_t bytes);
  static void give_back(void* data);
  static void clear(const Context& context, void* data, size_t bytes);
};
// The same of the host, where the GPU can copy from and to them on its own.
struct Pinned {
  static void* take(const Context& context, size_t bytes);
  static void give_back(void* data);
};

template <typename Place>
class OwnedBytes {
 public:
  OwnedBytes() = default;
  // Throws Error out_of_memory, with what was wanted and what is left.
  OwnedBytes(std::shared_ptr<const Context> context, size_t bytes)
      : context_(std::move(context)), bytes_(bytes) {
    if (bytes == 0) return;
    context_->enter();
    const auto turn = context_->take_turn();
    data_ = Place::take(*context_, bytes);
  }
  OwnedBytes(OwnedBytes&& other) noexcept { *this = std::move(other); }
  OwnedBytes& operator=(OwnedBytes&& other) noexcept {
    std::swap(context_, other.context_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~OwnedBytes() {
    if (!data_ || !context_->enter_to_release()) return;
    const auto turn = context_->take_turn();
    Place::give_back(data_);
  }

  size_t bytes() const { return bytes_; }
  template <typename T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  // Fills it with zeros, after all that was asked of the GPU before.
  void clear() const
    requires std::same_as<Place, OnDevice>
  {
    if (bytes_ > 0) OnDevice::clear(*context_, data_, bytes_);
  }

 private:
  std::shared_ptr<const Context> context_;
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

using DeviceBuffer = OwnedBytes<OnDevice>;
using PinnedBuffer = OwnedBytes<Pinned>;

}  // namespace quern::cuda
