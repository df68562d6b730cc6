// Pieces of a device's memory that are copied from and to the host's, with gaps between them.
#pragma once
#include <algorithm>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "numbers.h"

namespace quern::test {

// For one row of a model that has next to nothing.
inline std::unique_ptr<Stream> small_stream(Device& device) {
  return device.create_stream({1, 1, 32, 1, 1, 32, 32, 2, 64});
}

// The sizes' copies, in an order of their own on the device.
class CopiedPages {
 public:
  CopiedPages(Device& device, const std::vector<size_t>& sizes, uint64_t seed) {
    Random random(seed);
    std::vector<size_t> order(sizes.size()), offsets(sizes.size());
    size_t all = kGap, host = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      order[i] = i;
      host += sizes[i];
    }
    random.shuffle(order);
    for (const size_t i : order) {
      offsets[i] = all;
      all += sizes[i] + kGap;
    }
    memory_ = device.allocate(all);
    bytes.resize(host);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.below(256));
    whole_ = {{memory_->address(), nullptr, all}};
    image_.resize(all);
    host = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      copies_.push_back({static_cast<uint8_t*>(memory_->address()) + offsets[i], nullptr, sizes[i]});
      std::copy_n(&bytes[host], sizes[i], &image_[offsets[i]]);
      host += sizes[i];
    }
  }

  // The copies from or to this memory, of as many bytes as there are in all.
  std::vector<Copy> with(std::vector<uint8_t>& memory) const {
    std::vector<Copy> copies = copies_;
    uint8_t* host = memory.data();
    for (Copy& one : copies) {
      one.host = host;
      host += one.bytes;
    }
    return copies;
  }
  // Whether the device has the bytes where they belong, and zeros between them.
  bool are_there(Stream& stream) {
    std::vector<uint8_t> got(image_.size(), 0xff);
    whole_[0].host = got.data();
    stream.download(whole_);
    return got == image_;
  }

  std::vector<uint8_t> bytes;  // made up, that are to be copied

 private:
  static constexpr size_t kGap = 48;
  std::unique_ptr<Memory> memory_;
  std::vector<Copy> copies_, whole_;
  std::vector<uint8_t> image_;
};

}  // namespace quern::test
