#pragma once
#include <cstdint>
#include <string_view>

namespace quern {

class Tokenizer;

// The first tokens of a text, less what its beginning loses: the space that encoding puts before the first
// word. It is over when later tokens lose nothing.
class TextStart {
 public:
  explicit TextStart(const Tokenizer& tokenizer) : tokenizer_(tokenizer) { restart(); }

  void restart();
  bool is_over() const { return !is_first_ && strip_left_ == 0; }
  // The bytes of the next token that counts for the text.
  std::string_view bytes_of(int32_t id);

 private:
  const Tokenizer& tokenizer_;
  bool is_first_ = false;  // and the first token loses something
  int32_t strip_left_ = 0;
};

}  // namespace quern
