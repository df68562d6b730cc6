#include "tokenizer/tokenizer_definition.h"

#include <algorithm>

#include "core/error.h"
#include "tokenizer/utf8.h"

namespace quern {
namespace {

constexpr size_t kMaxTokens = 1 << 24;
constexpr size_t kMaxAddedBytes = 8 << 20;  // of all added tokens: far more than models have
constexpr size_t kMaxSteps = 8;
constexpr size_t kMaxReplacement = 64;  // bytes

void require(bool holds, const std::string& message) {
  if (!holds) throw Error("invalid_tokenizer", "tokenizer: " + message);
}

bool is_token(const TokenizerDefinition& definition, int32_t id) {
  return id >= 0 && static_cast<size_t>(id) < definition.token_kinds.size() &&
         definition.token_kinds[static_cast<size_t>(id)] != TokenKind::kNone;
}

void validate_tokens(const TokenizerDefinition& definition) {
  const size_t size = definition.token_kinds.size();
  require(size > 0 && size <= kMaxTokens,
          "expected 1 to " + std::to_string(kMaxTokens) + " tokens, got " + std::to_string(size));
  const auto& offsets = definition.token_offsets;
  require(offsets.size() == size + 1 && offsets.front() == 0 &&
              offsets.back() == definition.token_bytes.size() &&
              std::is_sorted(offsets.begin(), offsets.end()),
          "expected ascending token offsets, one more than tokens, that end with the bytes");
  for (size_t i = 0; i < size; ++i) {
    const TokenKind kind = definition.token_kinds[i];
    if (kind == TokenKind::kNone) continue;  // of millions there are: no message is made for them
    const std::string_view bytes = definition.bytes_of(static_cast<int32_t>(i));
    if (kind > TokenKind::kByte) require(false, "unknown kind of token");
    if (kind == TokenKind::kByte && parse_byte_token(bytes) < 0)
      require(false, "expected a byte as <0x0A>, got " + std::string(bytes));
    if (definition.characters && kind == TokenKind::kWord && (bytes.empty() || !is_valid_utf8(bytes)))
      require(false, "token " + std::to_string(i) + ": expected a text that is not empty");
  }
}

void validate_merges(const TokenizerDefinition& definition) {
  const auto is_word = [&](int32_t id) {
    return is_token(definition, id) && definition.token_kinds[static_cast<size_t>(id)] == TokenKind::kWord;
  };
  size_t place = 0;
  for (const Merge& merge : definition.merges) {
    const bool known = is_word(merge.left) && is_word(merge.right) && is_word(merge.result);
    require(known, "merge " + std::to_string(place) + " names an id without a token");
    const std::string_view left = definition.bytes_of(merge.left), right = definition.bytes_of(merge.right);
    const std::string_view result = definition.bytes_of(merge.result);
    require(
        result.size() == left.size() + right.size() && result.starts_with(left) && result.ends_with(right),
        "merge " + std::to_string(place) + " does not give its parts' bytes");
    ++place;
  }
}

void validate_added_tokens(const TokenizerDefinition& definition) {
  size_t added_bytes = 0;
  for (const AddedToken& token : definition.added_tokens) {
    added_bytes += token.content.size();
    require(added_bytes <= kMaxAddedBytes,
            "expected at most " + std::to_string(kMaxAddedBytes) + " bytes of added tokens");
    require(is_token(definition, token.id),
            "added token " + std::to_string(token.id) + " is outside the vocabulary");
    require(!token.content.empty() && token.content.size() <= AddedTokenMatcher::kMaxContent &&
                is_valid_utf8(token.content),
            "added token " + std::to_string(token.id) + ": expected 1 to " +
                std::to_string(AddedTokenMatcher::kMaxContent) + " bytes of UTF-8");
  }
}

void validate_text(const std::string& text, size_t least) {
  require(text.size() >= least && text.size() <= kMaxReplacement && is_valid_utf8(text),
          "expected " + std::to_string(least) + " to " + std::to_string(kMaxReplacement) +
              " bytes of UTF-8 in a replacement");
}

void validate_replacement(const Replacement& replacement) {
  validate_text(replacement.pattern, 1);
  validate_text(replacement.content, 0);
}

void validate_steps(const TokenizerDefinition& definition) {
  require(definition.normalizer.size() <= kMaxSteps && definition.pretokenizer.size() <= kMaxSteps &&
              definition.decoder.replacements.size() <= kMaxSteps,
          "expected at most " + std::to_string(kMaxSteps) + " steps");
  for (const NormalizerStep& step : definition.normalizer) {
    require(step.kind <= NormalizerStep::Kind::kReplace, "unknown kind of normalizer step");
    if (step.kind == NormalizerStep::Kind::kReplace) validate_replacement(step.replacement);
    if (step.kind == NormalizerStep::Kind::kPrepend) validate_text(step.replacement.content, 0);
  }
  for (const PretokenizerStep& step : definition.pretokenizer) {
    require(step.kind <= PretokenizerStep::Kind::kDigits, "unknown kind of pre-tokenizer step");
    require(step.max_digits > 0, "expected max_digits > 0, got " + std::to_string(step.max_digits));
  }
  if (definition.metaspace) {
    require(definition.pretokenizer.empty(), "expected one pre-tokenizer, got another beside Metaspace");
    validate_text(definition.metaspace->mark, 1);
  }
  for (const Replacement& replacement : definition.decoder.replacements) validate_replacement(replacement);
  require(definition.decoder.strip_count >= 0 && definition.decoder.stripped > 0 &&
              definition.decoder.first_loses.size() <= kMaxReplacement,
          "expected a decoder that strips ASCII characters");
}

}  // namespace

void validate(const TokenizerDefinition& definition) {
  validate_tokens(definition);
  validate_merges(definition);
  validate_added_tokens(definition);
  validate_steps(definition);
  if (definition.characters) {
    const CharacterFallback& fallback = *definition.characters;
    require(fallback.byte_ids.empty() || fallback.byte_ids.size() == 256,
            "expected the tokens of 256 bytes or of none");
    for (const int32_t id : fallback.byte_ids)
      require(id == -1 || is_token(definition, id), "a byte's token is outside the vocabulary");
    require(fallback.unknown == -1 || is_token(definition, fallback.unknown),
            "the unknown token is outside the vocabulary");
  }
  for (const auto* ids : {&definition.prefix, &definition.suffix})
    for (const int32_t id : *ids)
      require(is_token(definition, id),
              "the post-processor adds " + std::to_string(id) + ", which has no token");
}

}  // namespace quern
