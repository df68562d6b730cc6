#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>

#include "core/error.h"
#include "tokenizer/text_start.h"
#include "tokenizer/utf8.h"
#include "tokenizer/word_cache.h"

namespace quern {
namespace {

constexpr size_t kMaxText = 0x7FFFFFFF / 3;      // a repaired byte becomes three, and positions are int32
constexpr size_t kMaxDecoded = size_t{1} << 28;  // bytes of all tokens: far more than models have

std::array<int32_t, 256> byte_ids(const TokenizerDefinition& definition) {
  std::array<int32_t, 256> ids;
  ids.fill(-1);
  for (size_t i = 0; i < definition.token_kinds.size(); ++i) {
    const std::string_view bytes = definition.bytes_of(static_cast<int32_t>(i));
    if (bytes.size() == 1 && definition.token_kinds[i] == TokenKind::kWord)
      ids[static_cast<unsigned char>(bytes.front())] = static_cast<int32_t>(i);
  }
  return ids;
}

// A normalized added token as it stands in a text: as in the reference it is decoded as that, too.
std::string normalized_content(const TokenizerDefinition& definition, const AddedToken& token) {
  Normalizer::Buffers buffers;
  return std::string(Normalizer(definition.normalizer).normalize(token.content, buffers));
}

// The added tokens that are searched in raw or in normalized text, as they stand there.
std::vector<AddedToken> searched_in(const TokenizerDefinition& definition, bool normalized) {
  std::vector<AddedToken> result;
  for (AddedToken token : definition.added_tokens) {
    if (token.normalized != normalized) continue;
    if (normalized) token.content = normalized_content(definition, token);
    if (!token.content.empty()) result.push_back(std::move(token));
  }
  return result;
}

TokenTable spelled_tokens(const TokenizerDefinition& definition) {
  return {definition.token_bytes, definition.token_offsets, definition.token_kinds};
}

// What the tokens stand for in a text.
TokenTable decoded_tokens(const TokenizerDefinition& definition,
                          const std::vector<Replacement>& replacements) {
  if (!definition.characters) return spelled_tokens(definition);
  std::unordered_map<int32_t, std::string> normalized;
  for (const AddedToken& token : definition.added_tokens)
    if (token.normalized) normalized[token.id] = normalized_content(definition, token);
  std::string bytes, token, replaced;
  std::vector<uint32_t> offsets = {0};
  for (int32_t id = 0; static_cast<size_t>(id) < definition.token_kinds.size(); ++id) {
    const auto added = normalized.find(id);
    token = added != normalized.end() ? added->second : definition.bytes_of(id);
    if (const int byte = parse_byte_token(token);
        byte >= 0 && definition.token_kinds[static_cast<size_t>(id)] == TokenKind::kByte) {
      token = static_cast<char>(byte);
    } else {
      for (const Replacement& replacement : replacements) {
        replaced.clear();
        replacement.apply(token, replaced);
        token.swap(replaced);
      }
    }
    bytes += token;
    if (bytes.size() > kMaxDecoded)
      throw Error("invalid_tokenizer", "tokenizer: the decoder makes too much of the tokens");
    offsets.push_back(static_cast<uint32_t>(bytes.size()));
  }
  return {std::move(bytes), std::move(offsets), definition.token_kinds};
}

}  // namespace

struct Tokenizer::Scratch {
  WordCache words;
  CharacterBpe::Workspace bpe;
  std::string repaired;
  Normalizer::Buffers normalized;
  std::string marked;

  size_t capacity() const {
    return bpe.capacity() + repaired.capacity() + normalized.capacity() + marked.capacity();
  }
};

// Borrows a scratch from the tokenizer's free ones. There are as many as encodes ever ran at the same time.
class Tokenizer::ScratchLease {
 public:
  explicit ScratchLease(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {
    {
      const std::lock_guard lock(tokenizer_.scratch_mutex_);
      if (!tokenizer_.free_scratch_.empty()) {
        scratch_ = std::move(tokenizer_.free_scratch_.back());
        tokenizer_.free_scratch_.pop_back();
      }
    }
    if (scratch_ == nullptr) scratch_ = std::make_unique<Scratch>();
  }
  ~ScratchLease() {
    // What a huge text needed is given back.
    if (scratch_->capacity() > kKeptCapacity) {
      scratch_->bpe = {};
      scratch_->repaired = {};
      scratch_->normalized = {};
      scratch_->marked = {};
    }
    const std::lock_guard lock(tokenizer_.scratch_mutex_);
    tokenizer_.free_scratch_.push_back(std::move(scratch_));
  }
  ScratchLease(const ScratchLease&) = delete;
  ScratchLease& operator=(const ScratchLease&) = delete;
  Scratch& operator*() const { return *scratch_; }

 private:
  static constexpr size_t kKeptCapacity = 1 << 20;
  const Tokenizer& tokenizer_;
  std::unique_ptr<Scratch> scratch_;
};

std::shared_ptr<const Tokenizer> Tokenizer::create(TokenizerDefinition definition) {
  validate(definition);
  return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(definition)));
}

Tokenizer::Tokenizer(TokenizerDefinition definition)
    : unicode_(UnicodeTable::get()),
      kinds_(definition.token_kinds),
      special_(definition.token_kinds.size(), 0),
      tokens_(decoded_tokens(definition, definition.decoder.replacements)),
      decoder_(definition.decoder),
      normalizer_(definition.normalizer),
      pretokenizer_(definition.pretokenizer),
      metaspace_(definition.metaspace),
      ignore_merges_(definition.ignore_merges),
      prefix_(definition.prefix),
      suffix_(definition.suffix),
      raw_tokens_(searched_in(definition, false)),
      normalized_tokens_(searched_in(definition, true)) {
  for (const AddedToken& token : definition.added_tokens)
    special_[static_cast<size_t>(token.id)] = token.special;
  if (!definition.characters) {
    bytes_.emplace(byte_ids(definition), definition.merges);
    return;
  }
  TokenTable spelled = spelled_tokens(definition);
  characters_.emplace(spelled, definition.token_kinds, definition.merges, *definition.characters);
  if (ignore_merges_) spelled_.emplace(std::move(spelled));
  if (const std::string& lost = decoder_.first_loses; !lost.empty())
    first_tokens_.emplace(decoded_tokens(definition, {{lost, ""}}));
}

Tokenizer::~Tokenizer() = default;

void Tokenizer::forget() const {
  std::vector<std::unique_ptr<Scratch>> forgotten;
  const std::lock_guard lock(scratch_mutex_);
  forgotten.swap(free_scratch_);
}

void Tokenizer::encode(std::string_view text, bool add_special_tokens, std::vector<int32_t>& out) const {
  if (text.size() > kMaxText) throw Error("invalid_input", "expected at most 715 MB of text to encode");
  const ScratchLease lease(*this);
  Scratch& scratch = *lease;
  if (!is_valid_utf8(text)) {
    scratch.repaired = repair_utf8(text);
    text = scratch.repaired;
  }
  if (add_special_tokens) out.insert(out.end(), prefix_.begin(), prefix_.end());
  AddedTokenMatcher::Walk walk(raw_tokens_, unicode_, text);
  for (AddedTokenMatcher::Piece piece; walk.next(piece);) {
    encode_plain(piece.text, piece.text.data() == text.data(), scratch, out);
    if (piece.id >= 0) out.push_back(piece.id);
  }
  if (add_special_tokens) out.insert(out.end(), suffix_.begin(), suffix_.end());
}

// is_first: the text begins with it.
void Tokenizer::encode_plain(std::string_view text, bool is_first, Scratch& scratch,
                             std::vector<int32_t>& out) const {
  text = normalizer_.normalize(text, scratch.normalized);
  AddedTokenMatcher::Walk walk(normalized_tokens_, unicode_, text);
  for (AddedTokenMatcher::Piece piece; walk.next(piece);) {
    if (metaspace_)
      encode_marked(piece.text, is_first && piece.text.data() == text.data(), scratch, out);
    else
      encode_piece(0, piece.text, scratch, out);
    if (piece.id >= 0) out.push_back(piece.id);
  }
}

void Tokenizer::encode_piece(size_t step, std::string_view piece, Scratch& scratch,
                             std::vector<int32_t>& out) const {
  if (step == pretokenizer_.size()) {
    if (!piece.empty()) encode_word(piece, scratch, out);
    return;
  }
  const char* const end = piece.data() + piece.size();
  for (const char* begin = piece.data(); begin < end;) {
    const char* const next = next_piece(pretokenizer_[step], unicode_, begin, end);
    encode_piece(step + 1, {begin, static_cast<size_t>(next - begin)}, scratch, out);
    begin = next;
  }
}

void Tokenizer::encode_marked(std::string_view piece, bool is_first, Scratch& scratch,
                              std::vector<int32_t>& out) const {
  piece = metaspace_->rewrite(piece, is_first, scratch.marked);
  while (!piece.empty()) {
    const size_t length = metaspace_->next_word(piece);
    encode_word(piece.substr(0, length), scratch, out);
    piece.remove_prefix(length);
  }
}

void Tokenizer::encode_word(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const {
  const auto is_token = [&] {
    const int32_t id = ignore_merges_ ? (spelled_ ? *spelled_ : tokens_).find(word) : -1;
    if (id >= 0) out.push_back(id);
    return id >= 0;
  };
  if (characters_) {
    if (!is_token()) characters_->encode(word, scratch.words, scratch.bpe, out);
  } else {
    scratch.words.encode(word, out, [&] {
      if (!is_token()) bytes_->encode(word, scratch.bpe.merging, out);
    });
  }
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special_tokens, bool goes_on) const {
  constexpr size_t kPadding = TokenTable::kPadding;
  // Most tokens are short: copying a fixed number of bytes and counting fewer saves a call for each.
  std::string bytes(ids.size() * 4 + kPadding, '\0');
  size_t end = 0;
  const auto append = [&](std::string_view token) {
    if (end + token.size() + kPadding > bytes.size()) bytes.resize((end + token.size()) * 2 + kPadding);
    std::memcpy(bytes.data() + end, token.data(), token.size());
    end += token.size();
  };
  size_t at = 0;
  if (!goes_on && decoder_.changes_start()) {
    for (TextStart start(*this); at < ids.size() && !start.is_over(); ++at)
      if (!(skip_special_tokens && is_special(ids[at]))) append(start.bytes_of(ids[at]));
  }
  for (; at < ids.size(); ++at) {
    const int32_t id = ids[at];
    if (skip_special_tokens && is_special(id)) continue;
    const std::string_view token = token_bytes(id);
    if (token.size() <= kPadding && end + kPadding <= bytes.size()) {
      std::memcpy(bytes.data() + end, token.data(), kPadding);
      end += token.size();
    } else {
      append(token);
    }
  }
  bytes.resize(end);
  return is_valid_utf8(bytes) ? bytes : repair_utf8(bytes);
}

}  // namespace quern
