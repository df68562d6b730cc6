// The reference vectors of ../shared/golden, made with Hugging Face transformers and torch. They are not part
// of a published checkout: there a test says so and passes; where CI is set their absence is a failure.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.h"

namespace quern::test {

// Reads tensors by name. A header is taken apart with find(): enough for files of our own.
class Golden {
 public:
  // The file `path` below golden/, or nothing where there is none.
  static std::optional<Golden> open(const std::string& path) {
    const std::string whole = std::string(QUERN_SOURCE_DIR) + "/../shared/golden/" + path;
    std::ifstream file(whole, std::ios::binary);
    if (!file) {
      std::printf("absent: %s\n", whole.c_str());
      if (std::getenv("CI") != nullptr) check::fail(__FILE__, __LINE__, "absent where CI is set: " + whole);
      return std::nullopt;
    }
    return Golden({std::istreambuf_iterator<char>(file), {}});
  }

  template <typename T>
  std::vector<T> read(const std::string& name) const {
    const size_t at = header_.find('"' + name + '"');
    if (at == std::string::npos) throw std::runtime_error("no tensor " + name);
    const std::string key = "\"data_offsets\":";
    size_t number = header_.find('[', header_.find(key, at)) + 1;
    const size_t begin = std::stoull(header_.substr(number));
    number = header_.find(',', number) + 1;
    const size_t end = std::stoull(header_.substr(number));
    std::vector<T> values((end - begin) / sizeof(T));
    std::memcpy(values.data(), data_.data() + begin, end - begin);
    return values;
  }

 private:
  explicit Golden(std::string bytes) {
    uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    header_ = bytes.substr(8, length);
    data_ = bytes.substr(8 + length);
  }
  std::string header_, data_;
};

}  // namespace quern::test
