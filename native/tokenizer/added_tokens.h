// Tokens that are found in the text as they are written, before BPE: `<|im_start|>`, `<think>`.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/longest_beginnings.h"
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

// Finds the leftmost, and there the longest, added token, over and over, in time proportional to the text.
class AddedTokenMatcher {
 public:
  static constexpr size_t kMaxContent = 1024;  // bytes

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
    struct Match {
      const AddedToken* token;
      size_t begin;
      size_t end;
    };

    bool find(Match& match);
    size_t skip_spaces(size_t from);

    const AddedTokenMatcher& matcher_;
    const UnicodeTable& table_;
    const std::string_view text_;
    size_t given_ = 0;                             // up to where the text belongs to pieces
    size_t search_ = 0;                            // from where the next token is searched
    size_t looked_ = 0;                            // up to where the tokens that begin are known,
    std::vector<LongestBeginnings::Found> found_;  // and those that are still ahead, the next one last
    size_t spaces_begin_ = 0, spaces_end_ = 0;     // the run of white space that was skipped last
    bool done_ = false;
  };

 private:
  std::vector<AddedToken> tokens_;
  LongestBeginnings beginnings_;
};

}  // namespace quern
