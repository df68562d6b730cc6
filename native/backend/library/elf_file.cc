#include "backend/library/elf_file.h"

#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>

namespace quern {

namespace {

template <typename T>
bool read(std::ifstream& file, uint64_t offset, T& into) {
  file.seekg(static_cast<std::streamoff>(offset));
  return static_cast<bool>(file.read(reinterpret_cast<char*>(&into), sizeof into));
}

}  // namespace

bool is_cut_off(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(0, std::ios::end);
  const auto bytes = static_cast<uint64_t>(std::max<std::streamoff>(0, file.tellg()));
  Elf64_Ehdr header{};
  if (!read(file, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64)
    return false;
  const auto ends_beyond = [&](uint64_t begin, uint64_t size) {
    return begin > bytes || size > bytes - begin;
  };
  if (ends_beyond(header.e_shoff, uint64_t{header.e_shnum} * header.e_shentsize)) return true;
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    if (!read(file, header.e_phoff + uint64_t{static_cast<unsigned>(i)} * header.e_phentsize, segment))
      return true;
    if (ends_beyond(segment.p_offset, segment.p_filesz)) return true;
  }
  return false;
}

}  // namespace quern
