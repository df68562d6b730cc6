#include "core/memory.h"

#include <sys/mman.h>

#include <string>

#include "core/bytes_text.h"
#include "core/error.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace quern {

namespace {
constexpr size_t kHugePage = size_t{2} << 20;

// AddressSanitizer does not know where memory from the system ends: it is told, and sees whatever reaches
// beyond.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kMargin = size_t{64} << 10;
void forbid_margin(const char* end) {
  ASAN_POISON_MEMORY_REGION(end, kMargin);
}
void allow_margin(const char* end) {
  ASAN_UNPOISON_MEMORY_REGION(end, kMargin);
}
#else
constexpr size_t kMargin = 0;
void forbid_margin(const char*) {}
void allow_margin(const char*) {}
#endif
}  // namespace

Buffer::Buffer(size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  void* data = mmap(nullptr, bytes + kMargin, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) {
    bytes_ = 0;
    throw Error("out_of_memory", "the system refused to reserve " + bytes_text(bytes));
  }
  data_ = data;
  forbid_margin(static_cast<char*>(data_) + bytes);
#ifdef MADV_HUGEPAGE
  if (bytes >= kHugePage)
    madvise(data_, bytes, MADV_HUGEPAGE);  // advice only: failure changes nothing but speed
#endif
}

Buffer::~Buffer() {
  if (data_ == nullptr) return;
  allow_margin(static_cast<char*>(data_) + bytes_);
  munmap(data_, bytes_ + kMargin);
}

}  // namespace quern
