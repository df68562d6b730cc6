#include "tokenizer/token_table.h"

#include <algorithm>

#include "core/error.h"
#include "tokenizer/probe_budget.h"

namespace quern {
namespace {

constexpr uint64_t kNextSeed = 0x9E3779B97F4A7C15u;

uint64_t hash_bytes(std::string_view bytes, uint64_t seed) {
  uint64_t hash = 0xCBF29CE484222325u + seed;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash ^ hash >> 32;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

int parse_byte_token(std::string_view spelled) {
  if (spelled.size() != 6 || !spelled.starts_with("<0x") || spelled.back() != '>') return -1;
  const int high = hex_digit(spelled[3]), low = hex_digit(spelled[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

TokenTable::TokenTable(std::string bytes, std::vector<uint32_t> offsets, const std::vector<TokenKind>& kinds)
    : bytes_(std::move(bytes)), offsets_(std::move(offsets)) {
  bytes_.append(kPadding, '\0');
  size_t capacity = 16;
  while (capacity < kinds.size() * 2) capacity *= 2;
  ids_.resize(capacity);
  for (int functions = 1; !fill(kinds); ++functions) {
    if (functions == ProbeBudget::kMostFunctions)
      throw Error("invalid_tokenizer", "tokenizer: the tokens are chosen to make searches long");
    seed_ += kNextSeed;
  }
}

size_t TokenTable::first_slot(std::string_view bytes) const {
  return static_cast<size_t>(hash_bytes(bytes, seed_)) & (ids_.size() - 1);
}

size_t TokenTable::slot_of(std::string_view bytes) const {
  size_t slot = first_slot(bytes);
  while (ids_[slot] >= 0 && (*this)[ids_[slot]] != bytes) slot = (slot + 1) & (ids_.size() - 1);
  return slot;
}

// False where the hash function puts too many together.
bool TokenTable::fill(const std::vector<TokenKind>& kinds) {
  std::fill(ids_.begin(), ids_.end(), -1);
  ProbeBudget budget(kinds.size());
  const size_t mask = ids_.size() - 1;
  for (const TokenKind wanted : {TokenKind::kByte, TokenKind::kWord}) {  // a word takes a byte's place
    for (size_t i = 0; i < kinds.size(); ++i) {
      const auto id = static_cast<int32_t>(i);
      const std::string_view token = (*this)[id];
      if (kinds[i] != wanted || token.empty()) continue;
      size_t slot = first_slot(token), probes = 0;
      for (; ids_[slot] >= 0 && (*this)[ids_[slot]] != token; ++probes) slot = (slot + 1) & mask;
      if (!budget.spend(probes)) return false;
      ids_[slot] = id;
    }
  }
  return true;
}

}  // namespace quern
