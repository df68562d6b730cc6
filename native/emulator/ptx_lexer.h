// The words of a PTX text.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace quern::emulator::ptx {

struct Token {
  enum class Kind { end, word, number, string, mark };
  Kind kind = Kind::end;
  std::string_view text;  // of a string: what is between the quotes
  bool is(std::string_view other) const { return text == other && kind != Kind::string; }
};

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) { advance(); }

  const Token& peek() const { return token_; }
  Token take() {
    const Token taken = token_;
    advance();
    return taken;
  }
  bool take_if(std::string_view text) {
    if (!token_.is(text)) return false;
    advance();
    return true;
  }
  void expect(std::string_view text);
  std::string_view word();
  uint64_t number();  // an unsigned integer
  // Past the '}' that belongs to the '{' that comes.
  void skip_braces();

  // The text from a token on to the end of the token before the current one.
  std::string_view since(const Token& first) const;
  [[noreturn]] void fail(const std::string& expected) const;

 private:
  void advance();
  void skip_blanks();
  std::string_view source_;
  size_t position_ = 0, end_of_last_ = 0, end_of_token_ = 0;
  Token token_;
};

// The value of a PTX number: decimal, 0x, 0 (octal), 0f (bits of a float), 0d (bits of a double), or with a
// decimal point.
struct Number {
  uint64_t bits = 0;
  bool is_real = false;
  double real = 0;
};
Number number_of(std::string_view text);

}  // namespace quern::emulator::ptx
