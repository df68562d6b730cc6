// Memory of a device that the host cannot even look at: the addresses that it sees are those of pages that
// nobody may touch, and the device alone knows what they stand for.
#pragma once
#include <sys/mman.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include "backend/backend.h"
#include "core/error.h"

namespace quern::late {

class AddressMap {
 public:
  void add(void* seen, size_t bytes, void* real) {
    const std::lock_guard lock(mutex_);
    places_[reinterpret_cast<uintptr_t>(seen)] = {bytes, static_cast<char*>(real)};
  }
  void remove(void* seen) {
    const std::lock_guard lock(mutex_);
    places_.erase(reinterpret_cast<uintptr_t>(seen));
  }
  // Where [seen, seen + bytes) is. Throws Error internal where it is not memory of this device.
  void* real(const void* seen, size_t bytes) const {
    const auto address = reinterpret_cast<uintptr_t>(seen);
    const std::lock_guard lock(mutex_);
    auto after = places_.upper_bound(address);
    QUERN_CHECK(after != places_.begin());
    const auto& [first, place] = *std::prev(after);
    QUERN_CHECK(address - first + bytes <= place.bytes);
    return place.real + (address - first);
  }

 private:
  struct Place {
    size_t bytes = 0;
    char* real = nullptr;
  };
  mutable std::mutex mutex_;
  std::map<uintptr_t, Place> places_;
};

class HiddenMemory final : public Memory {
 public:
  HiddenMemory(std::unique_ptr<Memory> inner, size_t bytes, std::shared_ptr<AddressMap> map)
      : inner_(std::move(inner)), bytes_(bytes > 0 ? bytes : 1), map_(std::move(map)) {
    seen_ = mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (seen_ == MAP_FAILED) throw std::bad_alloc();
    map_->add(seen_, bytes_, inner_->address());
  }
  ~HiddenMemory() override {
    map_->remove(seen_);
    munmap(seen_, bytes_);
  }
  void* address() const override { return seen_; }

 private:
  const std::unique_ptr<Memory> inner_;
  const size_t bytes_;
  const std::shared_ptr<AddressMap> map_;
  void* seen_ = nullptr;
};

}  // namespace quern::late
