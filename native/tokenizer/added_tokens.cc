#include "tokenizer/added_tokens.h"

#include <algorithm>

#include "tokenizer/utf8.h"

namespace quern {

namespace {

// How much text is looked at in one go: what is found there is kept until the walk gets to it.
constexpr size_t kStretch = 64 * 1024;

std::vector<std::string_view> contents(const std::vector<AddedToken>& tokens) {
  std::vector<std::string_view> result;
  for (const AddedToken& token : tokens) result.push_back(token.content);
  return result;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(const std::vector<AddedToken>& tokens)
    : tokens_(tokens), beginnings_(contents(tokens_)) {}

bool AddedTokenMatcher::Walk::find(Match& match) {
  for (;;) {
    while (!found_.empty() && found_.back().begin < search_) found_.pop_back();
    if (!found_.empty()) {
      const AddedToken& token = matcher_.tokens_[static_cast<size_t>(found_.back().string)];
      match = {&token, found_.back().begin, found_.back().begin + token.content.size()};
      return true;
    }
    const size_t from = std::max(looked_, search_);
    if (from >= text_.size() || matcher_.empty()) return false;
    looked_ = std::min(text_.size(), from + kStretch);
    matcher_.beginnings_.find(text_, from, looked_, found_);
  }
}

// Tokens of white space that swallow what follows them each ask about the same run.
size_t AddedTokenMatcher::Walk::skip_spaces(size_t from) {
  if (from >= spaces_begin_ && from <= spaces_end_) return spaces_end_;
  spaces_begin_ = spaces_end_ = from;
  while (spaces_end_ < text_.size()) {
    const auto [code_point, length] = decode_code_point(text_.data() + spaces_end_);
    if (table_[code_point].char_class() != CharClass::kSpace) break;
    spaces_end_ += static_cast<size_t>(length);
  }
  return spaces_end_;
}

bool AddedTokenMatcher::Walk::next(Piece& piece) {
  const auto at = [this](size_t i) { return text_.data() + i; };
  const auto before = [&](size_t i) { return table_[decode_code_point_before(at(i)).value]; };
  const auto after = [&](size_t i) { return table_[decode_code_point(at(i)).value]; };
  if (done_) return false;
  Match match;
  while (find(match)) {
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
    if (token->rstrip) end = skip_spaces(end);
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
