#include "tokenizer/character_bpe.h"

#include <algorithm>
#include <utility>

#include "tokenizer/utf8.h"

namespace quern {
namespace {

constexpr uint32_t kAscii = 128;

std::vector<std::pair<uint32_t, uint32_t>> edges_of(const TokenTable& spelled,
                                                    const std::vector<Merge>& merges) {
  std::vector<std::pair<uint32_t, uint32_t>> edges;
  edges.reserve(merges.size());
  for (const Merge& merge : merges) {
    const std::string_view left = spelled[merge.left], right = spelled[merge.right];
    edges.emplace_back(decode_code_point_before(left.data() + left.size()).value,
                       decode_code_point(right.data()).value);
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  return edges;
}

}  // namespace

void CharacterBpe::CodePointMap::set(uint32_t code_point, int32_t number) {
  uint16_t& block = index_[code_point / kBlock];
  if (block == 0) {
    block = static_cast<uint16_t>(numbers_.size() / kBlock);
    numbers_.resize(numbers_.size() + kBlock, -1);
  }
  numbers_[static_cast<size_t>(block) * kBlock + code_point % kBlock] = number;
}

CharacterBpe::CharacterBpe(const TokenTable& spelled, const std::vector<TokenKind>& kinds,
                           const std::vector<Merge>& merges, CharacterFallback fallback)
    : fallback_(std::move(fallback)), bpe_(merges), ascii_joints_(kAscii * kAscii, 0) {
  find_characters(spelled, kinds);
  find_joints(spelled, merges);
}

void CharacterBpe::find_characters(const TokenTable& spelled, const std::vector<TokenKind>& kinds) {
  for (size_t i = 0; i < kinds.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    const std::string_view token = spelled[id];
    if (kinds[i] != TokenKind::kWord) continue;
    const auto [code_point, length] = decode_code_point(token.data());
    if (static_cast<size_t>(length) == token.size()) characters_.set(code_point, id);
  }
}

// Merges grow from characters: where one of the two has no token, none ever joins them.
void CharacterBpe::find_joints(const TokenTable& spelled, const std::vector<Merge>& merges) {
  std::vector<Merge> joints;
  for (const auto& [left, right] : edges_of(spelled, merges)) {
    if (characters_[left] < 0 || characters_[right] < 0) continue;
    if (left < kAscii && right < kAscii) ascii_joints_[left * kAscii + right] = 1;
    joints.push_back({static_cast<int32_t>(left), static_cast<int32_t>(right), 0});
  }
  joints_.emplace(joints);
}

bool CharacterBpe::joins(uint32_t left, uint32_t right) const {
  if (left < kAscii && right < kAscii) return ascii_joints_[left * kAscii + right] != 0;
  return joints_->find(static_cast<int32_t>(left), static_cast<int32_t>(right)).rank != MergeTable::kNoRank;
}

CharacterBpe::Character CharacterBpe::kind_of(uint32_t code_point, std::string_view character) const {
  if (characters_[code_point] >= 0) return Character::kToken;
  const auto has_token = [&](char c) { return fallback_.byte_ids[static_cast<unsigned char>(c)] >= 0; };
  if (!fallback_.byte_ids.empty() && std::all_of(character.begin(), character.end(), has_token))
    return Character::kBytes;
  return fallback_.unknown >= 0 ? Character::kUnknown : Character::kVanishing;
}

void CharacterBpe::encode(std::string_view piece, WordCache& words, Workspace& workspace,
                          std::vector<int32_t>& out) const {
  // An unknown token waits for those that it may be one with. As in the reference, the bytes of a character
  // do not end that and so come before it.
  bool is_unknown_waiting = false;
  const auto end_unknown = [&] {
    if (is_unknown_waiting) out.push_back(fallback_.unknown);
    is_unknown_waiting = false;
  };
  size_t at = 0;
  const auto here = [&] { return decode_code_point(piece.data() + at); };
  while (at < piece.size()) {
    const auto [first, length] = here();
    const std::string_view character = piece.substr(at, static_cast<size_t>(length));
    const size_t begin = at;
    at += character.size();
    switch (kind_of(first, character)) {
      case Character::kVanishing:
        break;
      case Character::kBytes:
        for (const char c : character) out.push_back(fallback_.byte_ids[static_cast<unsigned char>(c)]);
        break;
      case Character::kUnknown:
        if (!fallback_.fuses_unknown) end_unknown();
        is_unknown_waiting = true;
        break;
      case Character::kToken: {
        end_unknown();
        // Up to where nothing can be joined with what follows. What vanishes is not there for a merge.
        for (uint32_t last = first; at < piece.size();) {
          const auto [next, size] = here();
          const std::string_view text = piece.substr(at, static_cast<size_t>(size));
          if (joins(last, next))
            last = next;
          else if (kind_of(next, text) != Character::kVanishing)
            break;
          at += text.size();
        }
        encode_word(piece.substr(begin, at - begin), words, workspace, out);
      }
    }
  }
  end_unknown();
}

void CharacterBpe::encode_word(std::string_view word, WordCache& words, Workspace& workspace,
                               std::vector<int32_t>& out) const {
  const auto encode_uncached = [&] {
    workspace.symbols.clear();
    for (size_t at = 0; at < word.size();) {
      const auto [code_point, length] = decode_code_point(word.data() + at);
      if (const int32_t id = characters_[code_point]; id >= 0) workspace.symbols.push_back(id);
      at += static_cast<size_t>(length);
    }
    bpe_.encode(workspace.symbols, workspace.merging, out);
  };
  words.encode(word, out, encode_uncached);
}

}  // namespace quern
