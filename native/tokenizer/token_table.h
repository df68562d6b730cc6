#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quern {

enum class TokenKind : uint8_t {
  kNone = 0,     // the id has no token
  kWord = 1,     // made by merging
  kLiteral = 2,  // an added token, or one that no merge reaches
  kByte = 3,     // one byte, spelled `<0x0A>`
};

// The byte of a token that is spelled `<0x0A>`, or -1.
int parse_byte_token(std::string_view spelled);

// Tokens by id and by their bytes.
class TokenTable {
 public:
  static constexpr size_t kPadding = 16;  // readable bytes after the last token

  // offsets: where each token's bytes begin, and the end of the last.
  TokenTable(std::string bytes, std::vector<uint32_t> offsets, const std::vector<TokenKind>& kinds);

  int32_t size() const { return static_cast<int32_t>(offsets_.size()) - 1; }
  bool has(int32_t id) const { return id >= 0 && id < size(); }
  // Empty: no such token.
  std::string_view operator[](int32_t id) const {
    if (!has(id)) return {bytes_.data(), 0};
    const uint32_t begin = offsets_[static_cast<size_t>(id)];
    return std::string_view(bytes_).substr(begin, offsets_[static_cast<size_t>(id) + 1] - begin);
  }
  // The word, or else the single byte; -1: none.
  int32_t find(std::string_view bytes) const { return ids_[slot_of(bytes)]; }

 private:
  size_t first_slot(std::string_view bytes) const;
  size_t slot_of(std::string_view bytes) const;  // where they are in ids_, or would be
  bool fill(const std::vector<TokenKind>& kinds);

  std::string bytes_;
  std::vector<uint32_t> offsets_;  // [size + 1]
  std::vector<int32_t> ids_;       // hash table over the bytes of words and bytes; -1: free
  uint64_t seed_ = 0;              // of its hash function
};

}  // namespace quern
