// The ids of words met lately. One cache serves one encode at a time, so it needs no lock; its size is fixed.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace quern {

class WordCache {
  static constexpr size_t kMaxWord = 31;  // bytes
  static constexpr size_t kMaxIds = 8;

  // The word's bytes, and its length in the last byte: equal keys are equal words.
  struct Key {
    std::array<uint64_t, 4> words{};
    explicit Key(std::string_view word) {
      std::memcpy(words.data(), word.data(), word.size());
      words[3] |= static_cast<uint64_t>(word.size()) << 56;
    }
    bool operator==(const Key&) const = default;
  };

  // A zero key is never looked up, since no word is empty.
  struct Entry {
    std::array<uint64_t, 4> key{};
    int32_t ids[kMaxIds] = {};
    uint32_t count = 0;
  };
  static constexpr int kBits = 14;
  static constexpr size_t kEntries = size_t{1} << kBits;

 public:
  static constexpr size_t kBytes = kEntries * sizeof(Entry);

  WordCache() : entries_(kEntries) {}

  // Appends the ids of a word that is not empty: those that are known, or what `encode` appends.
  template <typename Encode>
  void encode(std::string_view word, std::vector<int32_t>& out, const Encode& encode) {
    if (word.size() > kMaxWord) {
      encode();
      return;
    }
    const Key key(word);
    if (find(key, out)) return;
    const size_t before = out.size();
    encode();
    store(key, out.data() + before, out.size() - before);
  }

 private:
  bool find(const Key& key, std::vector<int32_t>& out) const {
    const Entry& entry = entries_[slot(key)];
    if (entry.key != key.words) return false;
    const size_t count = entry.count;
    out.insert(out.end(), entry.ids, entry.ids + count);
    return true;
  }

  void store(const Key& key, const int32_t* ids, size_t count) {
    if (count > kMaxIds) return;
    Entry& entry = entries_[slot(key)];
    entry.key = key.words;
    entry.count = static_cast<uint32_t>(count);
    std::copy_n(ids, count, entry.ids);
  }

  static size_t slot(const Key& key) {
    uint64_t hash = key.words[0] * 0x9E3779B97F4A7C15u;
    hash = (hash ^ hash >> 29 ^ key.words[1]) * 0xBF58476D1CE4E5B9u;
    hash = (hash ^ hash >> 32 ^ key.words[2]) * 0x94D049BB133111EBu;
    hash = (hash ^ hash >> 29 ^ key.words[3]) * 0x9E3779B97F4A7C15u;
    return static_cast<size_t>(hash >> (64 - kBits));
  }

  std::vector<Entry> entries_;
};

}  // namespace quern
