#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace quern {

// A file opened for reading. Reads are positional, so many threads may share one.
class File {
 public:
  explicit File(std::string path);  // throws Error missing_file or read_error
  File(File&& other) noexcept
      : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&&) = delete;
  ~File();

  const std::string& path() const { return path_; }
  uint64_t bytes() const;
  // Fills `into` from `offset`; throws Error truncated when the file ends first, read_error when the system
  // says so.
  void read(uint64_t offset, void* into, size_t bytes) const;

 private:
  std::string path_;
  int descriptor_ = -1;
};

}  // namespace quern
