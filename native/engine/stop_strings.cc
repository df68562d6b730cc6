#include "engine/stop_strings.h"

#include <algorithm>

namespace quern {

StopStrings::StopStrings(const std::vector<std::string>& strings) {
  for (const std::string& text : strings) {
    Pattern pattern{text, std::vector<size_t>(text.size() + 1)};
    // The pattern is matched against itself, one byte behind.
    for (size_t n = 2; n <= text.size(); ++n) {
      size_t border = pattern.border[n - 1];
      while (border > 0 && text[border] != text[n - 1]) border = pattern.border[border];
      pattern.border[n] = text[border] == text[n - 1] ? border + 1 : 0;
    }
    patterns_.push_back(std::move(pattern));
  }
}

void StopStrings::Pattern::advance(char byte) {
  while (matched > 0 && text[matched] != byte) matched = border[matched];
  if (text[matched] == byte) ++matched;
}

bool StopStrings::push(std::string_view text, std::string& out) {
  kept_ += text;
  for (size_t end = kept_.size() - text.size() + 1; end <= kept_.size(); ++end) {
    size_t length = 0;
    for (size_t i = 0; i < patterns_.size(); ++i) {
      Pattern& pattern = patterns_[i];
      pattern.advance(kept_[end - 1]);
      if (pattern.matched < pattern.text.size() || pattern.matched <= length) continue;
      length = pattern.matched;
      found_ = static_cast<int32_t>(i);
    }
    if (length == 0) continue;
    out.append(kept_, 0, end - length);
    kept_.clear();
    return true;
  }
  size_t keep = 0;
  for (const Pattern& pattern : patterns_) keep = std::max(keep, pattern.matched);
  out.append(kept_, 0, kept_.size() - keep);
  kept_.erase(0, kept_.size() - keep);
  return false;
}

void StopStrings::end(std::string& out) {
  out += kept_;
  kept_.clear();
}

}  // namespace quern
