#include "core/file.h"

#include <sys/stat.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "check.h"
#include "core/error.h"
#include "folder.h"

namespace quern::test {
namespace {

std::string read(const File& file, uint64_t offset, size_t bytes) {
  std::string into(bytes, '?');
  file.read(offset, into.data(), bytes);
  return into;
}

TEST(reads_at_any_offset) {
  const Folder folder;
  const File file(folder.write("a", "0123456789"));
  CHECK_EQ(file.bytes(), uint64_t{10});
  CHECK_EQ(read(file, 0, 10), std::string("0123456789"));
  CHECK_EQ(read(file, 7, 3), std::string("789"));
  CHECK_EQ(read(file, 3, 1), std::string("3"));
  CHECK_EQ(read(file, 10, 0), std::string());
}

TEST(a_file_that_ends_early_is_truncated) {
  const Folder folder;
  const File file(folder.write("a", "0123456789"));
  CHECK_ERROR(read(file, 0, 11), "truncated");
  CHECK_ERROR(read(file, 10, 1), "truncated");
  CHECK_ERROR(read(file, uint64_t{1} << 40, 1), "truncated");
  const std::string path = folder.write("b", std::string(100000, 'b'));
  const File shrinking(path);
  std::filesystem::resize_file(path, 10);
  CHECK_EQ(shrinking.bytes(), uint64_t{10});
  CHECK_ERROR(read(shrinking, 0, 100000), "truncated");
}

TEST(what_cannot_be_opened_or_read) {
  const Folder folder;
  CHECK_ERROR(File((folder.path() / "absent").string()), "missing_file");
  CHECK_ERROR(File(folder.write("a", "x") + "/below-a-file"), "read_error");
  CHECK_ERROR(File(folder.path().string()), "read_error");
  const std::string pipe = (folder.path() / "pipe").string();
  CHECK(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK_ERROR(File(pipe), "read_error");
}

TEST(the_message_names_the_file) {
  const Folder folder;
  const File file(folder.write("weights.bin", "x"));
  try {
    (void)read(file, 0, 2);
    CHECK(false);
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("weights.bin") != std::string::npos);
  }
}

TEST(a_moved_file_still_reads_and_closes_once) {
  const Folder folder;
  const auto open_files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                         std::filesystem::directory_iterator());
  };
  const auto before = open_files();
  {
    File first(folder.write("a", "abc"));
    std::vector<File> files;
    files.push_back(std::move(first));
    files.emplace_back(folder.write("b", "def"));
    CHECK_EQ(read(files[0], 0, 3), std::string("abc"));
    CHECK_EQ(read(files[1], 1, 2), std::string("ef"));
    CHECK_EQ(open_files(), before + 2);
  }
  CHECK_EQ(open_files(), before);
}

}  // namespace
}  // namespace quern::test
