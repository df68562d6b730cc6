// Tokens that are found in the text as they are written, before BPE: `<|im_start|>`, `<think>`.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/unicode.h"

namespace quern {

struct AddedToken {
  int32_t id = 0;
  std::string content;       // UTF-8, not empty
  bool special = false;      // left out by decode with skip_special_tokens
  bool lstrip = false;       // swallows the white space before it
  bool rstrip = false;       // and after it
  bool single_word = false;  // only where no word character touches it
  bool normalized = false;   // searched in the normalized text
};

// Finds the leftmost, and there the longest, added token, over and over.
class AddedTokenMatcher {
 public:
  static constexpr size_t kMaxContent = 1024;  // bytes; bounds the work per byte of text

  struct Piece {
    std::string_view text;  // what lies before the token
    int32_t id = -1;        // -1: the text ends here
  };

  explicit AddedTokenMatcher(const std::vector<AddedToken>& tokens);
  bool empty() const { return tokens_.empty(); }

  // Walks over one text. Empty texts between tokens are given too.
  class Walk {
   public:
    Walk(const AddedTokenMatcher& matcher, const UnicodeTable& table, std::string_view text)
        : matcher_(matcher), table_(table), text_(text) {}
    bool next(Piece& piece);

   private:
    const AddedTokenMatcher& matcher_;
    const UnicodeTable& table_;
    const std::string_view text_;
    size_t given_ = 0;   // up to where the text belongs to pieces
    size_t search_ = 0;  // from where the next token is searched
    bool done_ = false;
  };

 private:
  struct Node {
    unsigned char byte = 0;
    int32_t token = -1;  // index into tokens_
    int32_t first_child = -1;
    int32_t next_sibling = -1;
  };
  struct Match {
    const AddedToken* token;
    size_t begin;
    size_t end;
  };

  void insert(int32_t token);
  bool find(std::string_view text, size_t from, Match& match) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;
  std::array<int32_t, 256> roots_;  // the node of each first byte, -1: none
};

}  // namespace quern
