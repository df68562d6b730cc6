#include "tokenizer/text_rewriting.h"

#include <algorithm>

#include "core/error.h"
#include "tokenizer/nfc.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

namespace quern {

void Replacement::apply(std::string_view text, std::string& out) const {
  for (;;) {
    if (out.size() + text.size() > kMostRewritten)
      throw Error("invalid_input", "expected a text that the tokenizer's replacements leave below 2 GB");
    const size_t found = text.find(pattern);
    out.append(text.substr(0, found));
    if (found == std::string_view::npos) return;
    out.append(content);
    text.remove_prefix(found + pattern.size());
  }
}

std::string_view Normalizer::normalize(std::string_view text, Buffers& buffers) const {
  if (text.empty()) return text;
  for (const NormalizerStep& step : steps_) {
    if (step.kind == NormalizerStep::Kind::kNfc &&
        nfc_stable_prefix(UnicodeTable::get(), text) == text.size())
      continue;
    buffers.next.clear();
    switch (step.kind) {
      case NormalizerStep::Kind::kNfc:
        Nfc::get().normalize(UnicodeTable::get(), text, buffers.next);
        break;
      case NormalizerStep::Kind::kPrepend:
        buffers.next.append(step.replacement.content).append(text);
        break;
      case NormalizerStep::Kind::kReplace:
        step.replacement.apply(text, buffers.next);
        break;
    }
    std::swap(buffers.now, buffers.next);
    text = buffers.now;
    if (text.empty()) break;
  }
  return text;
}

std::string_view Metaspace::rewrite(std::string_view piece, bool is_first, std::string& out) const {
  if (piece.empty()) return piece;
  const bool has_mark = piece.starts_with(mark) || piece.front() == ' ';
  out.clear();
  if (!has_mark && (prepend == Prepend::kAlways || (prepend == Prepend::kFirst && is_first))) out += mark;
  Replacement{" ", mark}.apply(piece, out);
  return out;
}

size_t Metaspace::next_word(std::string_view piece) const {
  return split ? std::min(piece.find(mark, 1), piece.size()) : piece.size();
}

}  // namespace quern
