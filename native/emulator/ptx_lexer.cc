// The words of a PTX text. A point belongs to a word (ld.global.f32, %tid.x), and so do two colons
// (shared::cta).
#include "emulator/ptx_lexer.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <stdexcept>

namespace quern::emulator::ptx {

namespace {

bool is_of_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '%' || c == '.';
}

}  // namespace

void Lexer::skip_blanks() {
  while (position_ < source_.size()) {
    if (std::isspace(static_cast<unsigned char>(source_[position_]))) {
      ++position_;
    } else if (source_.substr(position_, 2) == "//") {
      position_ = std::min(source_.find('\n', position_), source_.size());
    } else if (source_.substr(position_, 2) == "/*") {
      const size_t end = source_.find("*/", position_ + 2);
      position_ = end == std::string_view::npos ? source_.size() : end + 2;
    } else {
      return;
    }
  }
}

void Lexer::advance() {
  end_of_last_ = end_of_token_;
  skip_blanks();
  const size_t begin = position_;
  if (begin >= source_.size()) {
    token_ = {};
    return;
  }
  const char first = source_[begin];
  if (first == '"') {
    position_ = std::min(source_.find('"', begin + 1), source_.size() - 1) + 1;
    token_ = {Token::Kind::string, source_.substr(begin + 1, position_ - begin - 2)};
  } else if (is_of_word(first)) {
    ++position_;
    while (position_ < source_.size()) {
      if (first == '.' && source_[position_] == '.') break;  // .reg.b32: a directive and a type
      if (is_of_word(source_[position_])) {
        ++position_;
      } else if (source_.substr(position_, 2) == "::") {
        position_ += 2;
      } else {
        break;
      }
    }
    const bool is_number = std::isdigit(static_cast<unsigned char>(first));
    token_ = {is_number ? Token::Kind::number : Token::Kind::word, source_.substr(begin, position_ - begin)};
  } else {
    ++position_;
    token_ = {Token::Kind::mark, source_.substr(begin, 1)};
  }
  end_of_token_ = position_;
}

void Lexer::expect(std::string_view text) {
  if (!take_if(text)) fail("'" + std::string(text) + "'");
}

std::string_view Lexer::word() {
  if (token_.kind != Token::Kind::word) fail("a name");
  return take().text;
}

uint64_t Lexer::number() {
  if (token_.kind != Token::Kind::number) fail("a number");
  return number_of(take().text).bits;
}

void Lexer::skip_braces() {
  expect("{");
  for (int depth = 1; depth > 0;) {
    const Token token = take();
    if (token.kind == Token::Kind::end) fail("'}'");
    if (token.is("{")) ++depth;
    if (token.is("}")) --depth;
  }
}

std::string_view Lexer::since(const Token& first) const {
  const size_t begin = static_cast<size_t>(first.text.data() - source_.data());
  return source_.substr(begin, end_of_last_ - begin);
}

void Lexer::fail(const std::string& expected) const {
  const size_t at =
      token_.text.data() ? static_cast<size_t>(token_.text.data() - source_.data()) : source_.size();
  const auto line = 1 + std::count(source_.begin(), source_.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  const size_t begin = at == 0 ? 0 : source_.rfind('\n', at - 1) + 1;
  const std::string text(source_.substr(begin, source_.find('\n', at) - begin));
  throw std::runtime_error("PTX line " + std::to_string(line) + ": expected " + expected + ", got '" +
                           std::string(token_.text) + "' in: " + text);
}

Number number_of(std::string_view text) {
  std::string digits(text);
  if (digits.size() > 1 && digits[0] == '0' && (digits[1] == 'f' || digits[1] == 'F')) {
    return {std::strtoull(digits.c_str() + 2, nullptr, 16)};
  }
  if (digits.size() > 1 && digits[0] == '0' && (digits[1] == 'd' || digits[1] == 'D')) {
    return {std::strtoull(digits.c_str() + 2, nullptr, 16)};
  }
  if (digits.find('.') != std::string::npos) return {0, true, std::strtod(digits.c_str(), nullptr)};
  if (digits.back() == 'U') digits.pop_back();
  if (digits.size() > 1 && digits[0] == '0' && (digits[1] == 'b' || digits[1] == 'B')) {
    return {std::strtoull(digits.c_str() + 2, nullptr, 2)};
  }
  return {std::strtoull(digits.c_str(), nullptr, 0)};
}

}  // namespace quern::emulator::ptx
