#include "tokenizer/utf8.h"

#include <cstring>

namespace quern {
namespace {

enum class Sequence { kValid, kIncomplete, kInvalid };

struct SequenceAt {
  Sequence kind;
  int length;  // of the character, of its beginning, or of the maximal subpart to replace
};

// What stands at p. size > 0.
SequenceAt read_sequence(const char* p, size_t size) {
  const auto byte = [p](int i) { return static_cast<unsigned char>(p[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {Sequence::kValid, 1};
  if (lead < 0xC2 || lead > 0xF4) return {Sequence::kInvalid, 1};
  const int length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte's range excludes overlong forms, surrogates and what lies above U+10FFFF.
  unsigned char low = 0x80, high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (int i = 1; i < length; ++i) {
    if (static_cast<size_t>(i) == size) return {Sequence::kIncomplete, i};
    if (byte(i) < low || byte(i) > high) return {Sequence::kInvalid, i};
    low = 0x80;
    high = 0xBF;
  }
  return {Sequence::kValid, length};
}

// The length of the longest valid prefix.
size_t valid_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    uint64_t eight;
    if (at + 8 <= text.size()) {
      std::memcpy(&eight, text.data() + at, 8);
      if ((eight & 0x8080808080808080) == 0) {
        at += 8;
        continue;
      }
    }
    const auto [kind, length] = read_sequence(text.data() + at, text.size() - at);
    if (kind != Sequence::kValid) break;
    at += static_cast<size_t>(length);
  }
  return at;
}

}  // namespace

void append_code_point(uint32_t c, std::string& out) {
  const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  }
}

bool is_valid_utf8(std::string_view text) {
  return valid_prefix(text) == text.size();
}

void Utf8Assembler::push(std::string_view bytes, std::string& out) {
  // Finish the waiting character byte by byte: at most three of them are looked at.
  while (tail_size_ > 0 && !bytes.empty()) {
    tail_[tail_size_] = bytes.front();
    const auto [kind, length] = read_sequence(tail_, static_cast<size_t>(tail_size_) + 1);
    if (kind == Sequence::kInvalid) {  // the new byte does not belong to it and is read again below
      out += kReplacementCharacter;
      tail_size_ = 0;
      break;
    }
    bytes.remove_prefix(1);
    ++tail_size_;
    if (kind == Sequence::kValid) {
      out.append(tail_, static_cast<size_t>(length));
      tail_size_ = 0;
    }
  }
  while (!bytes.empty()) {
    const size_t valid = valid_prefix(bytes);
    out.append(bytes.substr(0, valid));
    bytes.remove_prefix(valid);
    if (bytes.empty()) return;
    const auto [kind, length] = read_sequence(bytes.data(), bytes.size());
    if (kind == Sequence::kIncomplete) {
      std::memcpy(tail_, bytes.data(), bytes.size());
      tail_size_ = static_cast<int>(bytes.size());
      return;
    }
    out += kReplacementCharacter;
    bytes.remove_prefix(static_cast<size_t>(length));
  }
}

void Utf8Assembler::end(std::string& out) {
  if (tail_size_ > 0) out += kReplacementCharacter;
  tail_size_ = 0;
}

std::string repair_utf8(std::string_view text) {
  std::string out;
  Utf8Assembler assembler;
  assembler.push(text, out);
  assembler.end(out);
  return out;
}

}  // namespace quern
