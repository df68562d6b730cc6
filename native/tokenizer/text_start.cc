#include "tokenizer/text_start.h"

#include "tokenizer/tokenizer.h"

namespace quern {

void TextStart::restart() {
  is_first_ = !tokenizer_.decoder().first_loses.empty();
  strip_left_ = tokenizer_.decoder().strip_count;
}

std::string_view TextStart::bytes_of(int32_t id) {
  if (!tokenizer_.has(id)) return {};
  std::string_view bytes = is_first_ ? tokenizer_.first_bytes(id) : tokenizer_.token_bytes(id);
  is_first_ = false;
  while (strip_left_ > 0 && !bytes.empty()) {
    if (bytes.front() != tokenizer_.decoder().stripped) {
      strip_left_ = 0;
      break;
    }
    bytes.remove_prefix(1);
    --strip_left_;
  }
  return bytes;
}

}  // namespace quern
