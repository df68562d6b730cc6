#include "emulator/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "emulator/asked.h"

namespace quern::emulator {
namespace {

size_t rounded(size_t bytes, size_t to) {
  return (bytes + to - 1) / to * to;
}

}  // namespace

void* reserve(size_t bytes, bool is_accessible) {
  const int protection = is_accessible ? PROT_READ | PROT_WRITE : PROT_NONE;
  void* at = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) throw std::runtime_error("the computed GPU got no address space");
  return at;
}

// Never destroyed: memory is freed at exit by those whose destructors run later.
Arena& Arena::instance() {
  static Arena& arena = *new Arena();
  return arena;
}

Arena::Arena()
    : begin_(static_cast<std::byte*>(reserve(kBytes, false))),
      constant_top_(begin_ + kSharedBytes),
      top_(constant_top_ + kConstantBytes),
      pages_(static_cast<Page*>(reserve(page_count() * sizeof(Page), true))) {
  mprotect(begin_, kSharedBytes + kConstantBytes, PROT_READ | PROT_WRITE);
  limit_ = asked_number("QUERN_EMULATOR_MEMORY", limit_, 1);
}

std::byte* Arena::allocate_constant(size_t bytes, size_t alignment) {
  std::byte* at = begin_ + rounded(size_t(constant_top_ - begin_), alignment);
  if (at + bytes > begin_ + kSharedBytes + kConstantBytes) {
    throw std::runtime_error("variables of modules take more than the computed GPU has for them");
  }
  constant_top_ = at + bytes;
  return at;
}

std::byte* Arena::allocate(size_t bytes, int device, int taker) {
  const size_t taken = rounded(std::max<size_t>(bytes, 1), 256);
  const size_t span = rounded(taken, kPageBytes) + kPageBytes;  // a page beyond its end stays closed
  if (span < bytes || span > size_t(end() - top_)) return nullptr;
  if (device != kHost) {
    if (used_.size() <= size_t(device)) used_.resize(size_t(device) + 1);
    size_t& used = used_[size_t(device)];
    if (taken > limit_ || used > limit_ - taken) return nullptr;
    used += taken;
  }
  std::byte* from = top_;
  top_ += span;
  const bool is_guarded = key_ >= 0 && device != kHost;
  pkey_mprotect(from, span - kPageBytes, PROT_READ | PROT_WRITE, is_guarded ? key_ : -1);
  std::byte* begin = from + span - kPageBytes - taken;
  allocations_.push_back({begin, bytes, device, taker, false});
  for (size_t page = page_of(from); page < page_of(top_); page++) {
    pages_[page] = {uint32_t(allocations_.size()), false};
  }
  return begin;
}

void Arena::fill(size_t page) {
  pages_[page].is_filled = true;
  if (pages_[page].allocation == 0) return;
  const Allocation& allocation = allocations_[pages_[page].allocation - 1];
  std::byte* at = begin_ + page * kPageBytes;
  if (!allocation.is_freed && at < allocation.begin + allocation.bytes) std::memset(at, 0xff, kPageBytes);
}

bool Arena::guard() {
  if (key_ < 0) key_ = pkey_alloc(0, PKEY_DISABLE_ACCESS);
  return key_ >= 0;
}

void Arena::let_in(bool yes) const {
  if (key_ >= 0) pkey_set(key_, yes ? 0 : PKEY_DISABLE_ACCESS);
}
Arena::Open::Open() {
  instance().let_in(true);
}
Arena::Open::~Open() {
  instance().let_in(false);
}
Arena::Closed::Closed() {
  instance().let_in(false);
}
Arena::Closed::~Closed() {
  instance().let_in(true);
}

void Arena::touch_all() {
  for (; all_touched_ < allocations_.size(); all_touched_++) {
    const Allocation& one = allocations_[all_touched_];
    if (!one.is_freed && one.bytes > 0) touch(one.begin, one.bytes);
  }
}

void Arena::touch_to_overwrite(const void* address, size_t bytes) {
  touch(address, 1);
  touch(static_cast<const std::byte*>(address) + bytes - 1, 1);
  const size_t last = page_of(static_cast<const std::byte*>(address) + bytes - 1);
  for (size_t page = page_of(address) + 1; page < last; page++) pages_[page].is_filled = true;
}

void Arena::clear(void* address, size_t bytes) {
  touch_to_overwrite(address, bytes);
  auto* first = static_cast<std::byte*>(address);
  std::byte* from = begin_ + rounded(size_t(first - begin_), kPageBytes);
  std::byte* to = begin_ + size_t(first + bytes - begin_) / kPageBytes * kPageBytes;
  if (from >= to) {
    std::memset(first, 0, bytes);
    return;
  }
  std::memset(first, 0, size_t(from - first));
  madvise(from, size_t(to - from), MADV_DONTNEED);
  std::memset(to, 0, size_t(first + bytes - to));
}

bool Arena::release(void* address, bool is_host) {
  const Allocation* found = find(address);
  if (!found || found->begin != address || found->is_freed || (found->device == kHost) != is_host)
    return false;
  withdraw(allocations_[size_t(found - allocations_.data())]);
  return true;
}

void Arena::release_all(int device) {
  for (Allocation& allocation : allocations_) {
    if (allocation.taker == device && !allocation.is_freed) withdraw(allocation);
  }
}

void Arena::withdraw(Allocation& allocation) {
  allocation.is_freed = true;
  const size_t taken = rounded(std::max<size_t>(allocation.bytes, 1), 256);
  if (allocation.device != kHost) used_[size_t(allocation.device)] -= taken;
  std::byte* from = begin_ + page_of(allocation.begin) * kPageBytes;
  const size_t span = size_t(allocation.begin + taken - from);
  madvise(from, span, MADV_DONTNEED);
  mprotect(from, span, PROT_NONE);
  if (told_) told_(page_of(from), page_of(from + span - 1) + 1);
}

}  // namespace quern::emulator
