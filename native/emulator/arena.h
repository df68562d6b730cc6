// The memory of the computed GPU: one reservation of address space, so that "is this address the device's" is
// one comparison. From its beginning: shared memory of the running block; parameters of the running kernel
// and variables of modules; what cudaMalloc gave; pinned memory of the host, which kernels may read and
// write too.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace quern::emulator {

class Arena {
 public:
  static Arena& instance();

  std::byte* begin() const { return begin_; }
  std::byte* end() const { return begin_ + kBytes; }
  bool holds(const void* address) const { return address >= begin() && address < end(); }

  // Where the running block's shared memory lies: 1 MiB, of which a block has what it asked for.
  std::byte* shared() const { return begin_; }
  static constexpr size_t kSharedBytes = size_t{1} << 20;
  // Where parameters of kernels and module variables (__device__, __constant__) lie: bump-allocated, zero.
  std::byte* allocate_constant(size_t bytes, size_t alignment);
  bool is_constant(const void* address, size_t bytes) const {
    const auto* at = static_cast<const std::byte*>(address);
    return at >= begin_ + kSharedBytes && at + bytes <= constant_top_;
  }

  struct Allocation {
    std::byte* begin = nullptr;
    size_t bytes = 0;
    int device = 0;  // kHost: pinned memory of the host
    int taker = 0;   // the device whose reset gives it back
    bool is_freed = false;

    bool holds(const void* address, size_t count) const {
      const auto* at = static_cast<const std::byte*>(address);
      return at >= begin && at + count <= begin + bytes;
    }
  };
  static constexpr int kHost = -1;

  // 256-byte aligned, its end against a page that cannot be touched, never given twice; nullptr where the
  // memory of that device (`limit`) is used up. It reads as 0xff (a NaN, a -1); pages get that when they are
  // touched first: whoever reads or writes device memory says so before, to the Checker (kernels) or to
  // touch(). Pinned memory is given back with the device that was the current one.
  std::byte* allocate(size_t bytes, int device) { return allocate(bytes, device, device); }
  std::byte* allocate_pinned(size_t bytes, int taker) { return allocate(bytes, kHost, taker); }
  void touch(const void* address, size_t bytes) {
    const size_t last = page_of(static_cast<const std::byte*>(address) + bytes - 1);
    for (size_t page = page_of(address); page <= last; page++) {
      if (!pages_[page].is_filled) fill(page);
    }
  }
  void touch_all();  // for who will not say what it touches
  // As touch(), for bytes that are all about to be overwritten.
  void touch_to_overwrite(const void* address, size_t bytes);
  // Makes all of these bytes 0; whole pages take no memory until something else is written there.
  void clear(void* address, size_t bytes);
  // From now on the host's own code faults where it touches what allocate() gives of a device, as it does
  // with a real one, but within an Open. False: this processor has no keys for memory, and lets the host in.
  bool guard();
  class Open {
   public:
    Open();
    ~Open();
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;
  };
  // Within an Open, for who is called back.
  class Closed {
   public:
    Closed();
    ~Closed();
    Closed(const Closed&) = delete;
    Closed& operator=(const Closed&) = delete;
  };
  // False: not the beginning of what allocate() gave for this kind of memory, or given back already.
  bool release(void* address, bool is_host);
  // Who is told of pages whose allocation was given back.
  void on_release(std::function<void(size_t first_page, size_t end_page)> told) { told_ = std::move(told); }
  // All that lives of one device is given back, and what was pinned for it.
  void release_all(int device);
  void set_limit(size_t bytes) { limit_ = bytes; }  // of each device
  size_t limit() const { return limit_; }
  size_t used(int device) const { return size_t(device) < used_.size() ? used_[size_t(device)] : 0; }

  // The allocation that an address lies in, or up to a page beside, alive or not; null: none.
  const Allocation* find(const void* address) const {
    if (!holds(address)) return nullptr;
    const uint32_t index = pages_[page_of(address)].allocation;
    return index == 0 ? nullptr : &allocations_[index - 1];
  }
  // Numbers of pages, for who keeps a table of them.
  static constexpr size_t kPageBytes = 4096;
  size_t page_of(const void* address) const {
    return size_t(static_cast<const std::byte*>(address) - begin_) / kPageBytes;
  }
  static constexpr size_t page_count() { return kBytes / kPageBytes; }

 private:
  Arena();
  std::byte* allocate(size_t bytes, int device, int taker);
  void fill(size_t page);
  void let_in(bool yes) const;  // the calling thread
  void withdraw(Allocation& allocation);

  struct Page {
    uint32_t allocation = 0;  // its index + 1
    bool is_filled = false;
  };
  static constexpr size_t kConstantBytes = (size_t{64} << 20) - kSharedBytes;
  static constexpr size_t kBytes = size_t{256} << 30;
  int key_ = -1;            // of guard()
  size_t all_touched_ = 0;  // of allocations_, so many
  std::byte *begin_ = nullptr, *constant_top_ = nullptr, *top_ = nullptr;
  Page* pages_ = nullptr;
  std::vector<Allocation> allocations_;
  std::vector<size_t> used_;  // by device
  size_t limit_ = size_t{8} << 30;
  std::function<void(size_t, size_t)> told_;
};

// Address space without memory: pages come, zero, when they are touched.
void* reserve(size_t bytes, bool is_accessible);

}  // namespace quern::emulator
