#include "tokenizer/added_tokens.h"

#include <algorithm>

#include "tokenizer/utf8.h"

namespace quern {

AddedTokenMatcher::AddedTokenMatcher(const std::vector<AddedToken>& tokens) : tokens_(tokens) {
  roots_.fill(-1);
  for (size_t i = 0; i < tokens_.size(); ++i) insert(static_cast<int32_t>(i));
}

void AddedTokenMatcher::insert(int32_t token) {
  int32_t at = -1;
  for (const char c : tokens_[static_cast<size_t>(token)].content) {
    const auto byte = static_cast<unsigned char>(c);
    int32_t child = at < 0 ? roots_[byte] : nodes_[static_cast<size_t>(at)].first_child;
    while (child >= 0 && nodes_[static_cast<size_t>(child)].byte != byte)
      child = nodes_[static_cast<size_t>(child)].next_sibling;
    if (child < 0) {
      child = static_cast<int32_t>(nodes_.size());
      nodes_.push_back({byte, -1, -1, -1});
      if (at < 0) {
        roots_[byte] = child;
      } else {
        nodes_.back().next_sibling = nodes_[static_cast<size_t>(at)].first_child;
        nodes_[static_cast<size_t>(at)].first_child = child;
      }
    }
    at = child;
  }
  if (at >= 0 && nodes_[static_cast<size_t>(at)].token < 0) nodes_[static_cast<size_t>(at)].token = token;
}

bool AddedTokenMatcher::find(std::string_view text, size_t from, Match& match) const {
  for (size_t begin = from; begin < text.size(); ++begin) {
    int32_t at = roots_[static_cast<unsigned char>(text[begin])];
    if (at < 0) continue;
    int32_t longest = nodes_[static_cast<size_t>(at)].token;
    size_t end = begin + 1;
    for (size_t i = begin + 1; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      at = nodes_[static_cast<size_t>(at)].first_child;
      while (at >= 0 && nodes_[static_cast<size_t>(at)].byte != byte)
        at = nodes_[static_cast<size_t>(at)].next_sibling;
      if (at < 0) break;
      if (nodes_[static_cast<size_t>(at)].token >= 0) {
        longest = nodes_[static_cast<size_t>(at)].token;
        end = i + 1;
      }
    }
    if (longest >= 0) {
      match = {&tokens_[static_cast<size_t>(longest)], begin, end};
      return true;
    }
  }
  return false;
}

bool AddedTokenMatcher::Walk::next(Piece& piece) {
  const auto at = [this](size_t i) { return text_.data() + i; };
  const auto before = [&](size_t i) { return table_[decode_code_point_before(at(i)).value]; };
  const auto after = [&](size_t i) { return table_[decode_code_point(at(i)).value]; };
  if (done_) return false;
  Match match;
  while (matcher_.find(text_, search_, match)) {
    search_ = match.end;
    auto [token, begin, end] = match;
    if (token->single_word &&
        ((begin > 0 && before(begin).is_word()) || (end < text_.size() && after(end).is_word())))
      continue;
    if (token->lstrip) {
      begin = std::max(begin, given_);
      while (begin > given_ && before(begin).char_class() == CharClass::kSpace)
        begin -= static_cast<size_t>(decode_code_point_before(at(begin)).length);
    }
    if (token->rstrip) {
      while (end < text_.size() && after(end).char_class() == CharClass::kSpace)
        end += static_cast<size_t>(decode_code_point(at(end)).length);
    }
    // A token of white space may lie in what the one before it swallowed. As in the reference it counts
    // again, and so does what follows it, unless it swallows spaces itself and nothing is left of it.
    const std::string_view before_token =
        begin > given_ ? text_.substr(given_, begin - given_) : std::string_view();
    given_ = end;
    if (begin >= end) continue;
    piece = {before_token, token->id};
    return true;
  }
  done_ = true;
  piece = {text_.substr(given_), -1};
  return true;
}

}  // namespace quern
