// The memory of the computed GPU: one reservation of address space, so that "is this address the device's" is
// one comparison. From its beginning: shared memory of the running block, parameters of the running kernel,
// and what cudaMalloc gave.
#pragma once
#include <cstddef>
#include <cstdint>

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
  // Where parameters of kernels and module variables (__device__, __constant__) lie: bump-allocated.
  std::byte* allocate_constant(size_t bytes, size_t alignment);

  // 256-byte aligned, its end against a page that cannot be touched, never given twice; nullptr where the
  // device's memory (`limit`) is used up. It reads as 0xff (a NaN, a -1); pages get that when they are
  // touched first: whoever reads or writes device memory says so before, to the Checker (kernels) or to
  // touch().
  std::byte* allocate(size_t bytes);
  void touch(const void* address, size_t bytes);
  // False: not what allocate() gave, or given back already.
  bool release(void* address);
  void set_limit(size_t bytes) { limit_ = bytes; }
  size_t limit() const { return limit_; }
  size_t used() const { return used_; }

  // The allocation that an address lies in; null: none that is alive. `was`: it was, until it was freed.
  struct Allocation {
    std::byte* begin = nullptr;
    size_t bytes = 0;
    bool is_freed = false;
  };
  const Allocation* find(const void* address) const;

 private:
  Arena();
  static constexpr size_t kBytes = size_t{64} << 30;
  std::byte* begin_ = nullptr;
  size_t limit_ = size_t{8} << 30, used_ = 0;
};

}  // namespace quern::emulator
