#include "core/memory.h"

#include <sys/mman.h>

#include <string>

#include "core/error.h"

namespace quern {

namespace {
constexpr size_t kHugePage = size_t{2} << 20;
}

Buffer::Buffer(size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  void* data =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) {
    bytes_ = 0;
    throw Error("out_of_memory", "the system refused to reserve " + std::to_string(bytes) + " bytes");
  }
  data_ = data;
#ifdef MADV_HUGEPAGE
  if (bytes >= kHugePage)
    madvise(data_, bytes, MADV_HUGEPAGE);  // advice only: failure changes nothing but speed
#endif
}

Buffer::~Buffer() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

}  // namespace quern
