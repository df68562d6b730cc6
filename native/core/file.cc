#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace quern {

File::File(std::string path)
    // A pipe may have taken the file's place since its header was read: opening one must not wait.
    : path_(std::move(path)), descriptor_(open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {
  if (descriptor_ < 0) {
    throw Error(errno == ENOENT ? "missing_file" : "read_error", path_ + ": " + std::strerror(errno));
  }
  struct stat status {};
  if (fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(descriptor_);
    throw Error("read_error", path_ + ": not a regular file");
  }
}

File::~File() {
  if (descriptor_ >= 0) close(descriptor_);
}

uint64_t File::bytes() const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) throw Error("read_error", path_ + ": " + std::strerror(errno));
  return static_cast<uint64_t>(status.st_size);
}

void File::read(uint64_t offset, void* into, size_t bytes) const {
  auto* at = static_cast<char*>(into);
  while (bytes > 0) {
    const size_t piece = std::min<size_t>(bytes, size_t{1} << 30);
    const ssize_t got = pread(descriptor_, at, piece, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error("read_error", path_ + ": " + std::strerror(errno));
    if (got == 0)
      throw Error("truncated", path_ + ": the file ends at byte " + std::to_string(offset) + ", " +
                                   std::to_string(bytes) + " bytes early");
    at += got;
    offset += static_cast<uint64_t>(got);
    bytes -= static_cast<size_t>(got);
  }
}

}  // namespace quern
