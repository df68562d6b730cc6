// What happens to a text before its tokens are looked for: normalization, and the Metaspace pre-tokenizer.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quern {

// Bytes that a text may have then: positions in it are int32.
inline constexpr size_t kMostRewritten = 0x7FFFFFFF;

// A fixed string and what stands in its place.
struct Replacement {
  std::string pattern;  // not empty
  std::string content;

  // Appends the text with each occurrence replaced, from the left. Fails beyond kMostRewritten bytes.
  void apply(std::string_view text, std::string& out) const;
};

struct NormalizerStep {
  enum class Kind : uint8_t {
    kNfc,
    kPrepend,  // the content, before a text that is not empty
    kReplace,
  };
  Kind kind = Kind::kNfc;
  Replacement replacement;  // kReplace; its content: kPrepend
};

class Normalizer {
 public:
  // Memory that is used again from text to text.
  struct Buffers {
    std::string now, next;
    size_t capacity() const { return now.capacity() + next.capacity(); }
  };

  explicit Normalizer(std::vector<NormalizerStep> steps) : steps_(std::move(steps)) {}

  // Valid UTF-8 normalized: the text itself where nothing changes, else in the buffers.
  std::string_view normalize(std::string_view text, Buffers& buffers) const;

 private:
  std::vector<NormalizerStep> steps_;
};

// Spaces become a visible character, which also marks the beginning of a text's first word.
struct Metaspace {
  enum class Prepend : uint8_t { kAlways, kFirst, kNever };
  std::string mark;                    // "▁"; one character
  Prepend prepend = Prepend::kAlways;  // to which pieces between added tokens that do not begin with it
  bool split = true;                   // into words, each of which begins with it

  // The piece with marks. A piece that is empty stays so.
  std::string_view rewrite(std::string_view piece, bool is_first, std::string& out) const;
  // The length of the first word of a piece that is not empty.
  size_t next_word(std::string_view piece) const;
};

}  // namespace quern
