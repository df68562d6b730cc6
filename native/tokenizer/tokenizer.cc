#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "tokenizer/nfc.h"
#include "tokenizer/probe_budget.h"
#include "tokenizer/utf8.h"
#include "tokenizer/word_cache.h"

namespace quern {
namespace {

using TokenKind = TokenizerDefinition::TokenKind;

constexpr size_t kTokenPadding = 16;  // readable bytes after the last token
constexpr size_t kMaxTokens = 1 << 24;
constexpr size_t kMaxAddedBytes = 8 << 20;  // of all added tokens: far more than models have
constexpr uint64_t kNextSeed = 0x9E3779B97F4A7C15u;
constexpr size_t kMaxText = 0x7FFFFFFF / 3;  // a repaired byte becomes three, and positions are int32

void require(bool holds, const std::string& message) {
  if (!holds) throw Error("invalid_tokenizer", "tokenizer: " + message);
}

std::string_view bytes_of(const TokenizerDefinition& definition, int32_t id) {
  const auto i = static_cast<size_t>(id);
  const uint32_t begin = definition.token_offsets[i];
  return std::string_view(definition.token_bytes).substr(begin, definition.token_offsets[i + 1] - begin);
}

void validate(const TokenizerDefinition& definition) {
  const size_t size = definition.token_kinds.size();
  require(size > 0 && size <= kMaxTokens,
          "expected 1 to " + std::to_string(kMaxTokens) + " tokens, got " + std::to_string(size));
  const auto& offsets = definition.token_offsets;
  require(offsets.size() == size + 1 && offsets.front() == 0 &&
              offsets.back() == definition.token_bytes.size() &&
              std::is_sorted(offsets.begin(), offsets.end()),
          "expected ascending token offsets, one more than tokens, that end with the bytes");
  for (const TokenKind kind : definition.token_kinds)
    require(kind <= TokenKind::kLiteral, "unknown kind of token");

  const auto is_token = [&](int32_t id) {
    return id >= 0 && static_cast<size_t>(id) < size &&
           definition.token_kinds[static_cast<size_t>(id)] != TokenKind::kNone;
  };
  const auto is_word = [&](int32_t id) {
    return is_token(id) && definition.token_kinds[static_cast<size_t>(id)] == TokenKind::kWord;
  };
  size_t place = 0;
  for (const Merge& merge : definition.merges) {
    const bool known = is_word(merge.left) && is_word(merge.right) && is_word(merge.result);
    require(known, "merge " + std::to_string(place) + " names an id without a token");
    const std::string_view left = bytes_of(definition, merge.left), right = bytes_of(definition, merge.right);
    const std::string_view result = bytes_of(definition, merge.result);
    require(
        result.size() == left.size() + right.size() && result.starts_with(left) && result.ends_with(right),
        "merge " + std::to_string(place) + " does not give its parts' bytes");
    ++place;
  }
  size_t added_bytes = 0;
  for (const AddedToken& token : definition.added_tokens) {
    added_bytes += token.content.size();
    require(added_bytes <= kMaxAddedBytes,
            "expected at most " + std::to_string(kMaxAddedBytes) + " bytes of added tokens");
    require(is_token(token.id), "added token " + std::to_string(token.id) + " is outside the vocabulary");
    require(!token.content.empty() && token.content.size() <= AddedTokenMatcher::kMaxContent &&
                is_valid_utf8(token.content),
            "added token " + std::to_string(token.id) + ": expected 1 to " +
                std::to_string(AddedTokenMatcher::kMaxContent) + " bytes of UTF-8");
  }
  for (const PretokenizerStep& step : definition.pretokenizer) {
    require(step.kind <= PretokenizerStep::Kind::kDigits, "unknown kind of pre-tokenizer step");
    require(step.max_digits > 0, "expected max_digits > 0, got " + std::to_string(step.max_digits));
  }
  require(definition.pretokenizer.size() <= 8, "expected at most 8 pre-tokenizer steps");
  for (const auto* ids : {&definition.prefix, &definition.suffix})
    for (const int32_t id : *ids)
      require(is_token(id), "the post-processor adds " + std::to_string(id) + ", which has no token");
}

std::array<int32_t, 256> byte_ids(const TokenizerDefinition& definition) {
  std::array<int32_t, 256> ids;
  ids.fill(-1);
  for (size_t i = 0; i < definition.token_kinds.size(); ++i) {
    const std::string_view bytes = bytes_of(definition, static_cast<int32_t>(i));
    if (bytes.size() == 1 && definition.token_kinds[i] == TokenKind::kWord)
      ids[static_cast<unsigned char>(bytes.front())] = static_cast<int32_t>(i);
  }
  return ids;
}

// The added tokens that are searched in raw or in normalized text, as they stand there.
std::vector<AddedToken> searched_in(const TokenizerDefinition& definition, bool normalized) {
  std::vector<AddedToken> result;
  for (AddedToken token : definition.added_tokens) {
    if (token.normalized != normalized) continue;
    if (normalized && definition.nfc) {
      std::string content;
      Nfc::get().normalize(UnicodeTable::get(), token.content, content);
      token.content = std::move(content);
    }
    result.push_back(std::move(token));
  }
  return result;
}

uint64_t hash_bytes(std::string_view bytes, uint64_t seed) {
  uint64_t hash = 0xCBF29CE484222325u + seed;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash ^ hash >> 32;
}

}  // namespace

struct Tokenizer::Scratch {
  WordCache words;
  Bpe::Workspace bpe;
  std::string repaired;
  std::string normalized;
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
    if (scratch_->bpe.symbols.capacity() + scratch_->repaired.capacity() + scratch_->normalized.capacity() >
        kKeptCapacity) {
      scratch_->bpe = {};
      scratch_->repaired = {};
      scratch_->normalized = {};
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
      special_(definition.token_kinds.size(), 0),
      pretokenizer_(definition.pretokenizer),
      nfc_(definition.nfc),
      ignore_merges_(definition.ignore_merges),
      prefix_(definition.prefix),
      suffix_(definition.suffix),
      bpe_(byte_ids(definition), definition.merges),
      raw_tokens_(searched_in(definition, false)),
      normalized_tokens_(searched_in(definition, true)) {
  for (const AddedToken& token : definition.added_tokens)
    special_[static_cast<size_t>(token.id)] = token.special;
  bytes_ = std::move(definition.token_bytes);
  bytes_.append(kTokenPadding, '\0');
  offsets_ = std::move(definition.token_offsets);
  size_t capacity = 16;
  while (capacity < special_.size() * 2) capacity *= 2;
  word_ids_.resize(capacity);
  for (int functions = 1; !fill_words(definition.token_kinds); ++functions) {
    require(functions < ProbeBudget::kMostFunctions, "the tokens are chosen to make searches long");
    word_seed_ += kNextSeed;
  }
}

Tokenizer::~Tokenizer() = default;

size_t Tokenizer::first_word_slot(std::string_view word) const {
  return static_cast<size_t>(hash_bytes(word, word_seed_)) & (word_ids_.size() - 1);
}

size_t Tokenizer::word_slot(std::string_view word) const {
  size_t slot = first_word_slot(word);
  while (word_ids_[slot] >= 0 && token_bytes(word_ids_[slot]) != word)
    slot = (slot + 1) & (word_ids_.size() - 1);
  return slot;
}

// False where the hash function puts too many together.
bool Tokenizer::fill_words(const std::vector<TokenKind>& kinds) {
  std::fill(word_ids_.begin(), word_ids_.end(), -1);
  ProbeBudget budget(kinds.size());
  const size_t mask = word_ids_.size() - 1;
  for (size_t i = 0; i < kinds.size(); ++i) {
    if (kinds[i] != TokenKind::kWord) continue;
    const auto id = static_cast<int32_t>(i);
    const std::string_view word = token_bytes(id);
    size_t slot = first_word_slot(word), probes = 0;
    for (; word_ids_[slot] >= 0 && token_bytes(word_ids_[slot]) != word; ++probes) slot = (slot + 1) & mask;
    if (!budget.spend(probes)) return false;
    word_ids_[slot] = id;
  }
  return true;
}

std::string_view Tokenizer::token_bytes(int32_t id) const {
  if (!is_token(id)) return {bytes_.data(), 0};
  const uint32_t begin = offsets_[static_cast<size_t>(id)];
  return std::string_view(bytes_).substr(begin, offsets_[static_cast<size_t>(id) + 1] - begin);
}

int32_t Tokenizer::id_of(std::string_view token_bytes) const {
  return word_ids_[word_slot(token_bytes)];
}

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
    encode_plain(piece.text, scratch, out);
    if (piece.id >= 0) out.push_back(piece.id);
  }
  if (add_special_tokens) out.insert(out.end(), suffix_.begin(), suffix_.end());
}

void Tokenizer::encode_plain(std::string_view text, Scratch& scratch, std::vector<int32_t>& out) const {
  if (nfc_ && nfc_stable_prefix(unicode_, text) < text.size()) {
    scratch.normalized.clear();
    Nfc::get().normalize(unicode_, text, scratch.normalized);
    text = scratch.normalized;
  }
  AddedTokenMatcher::Walk walk(normalized_tokens_, unicode_, text);
  for (AddedTokenMatcher::Piece piece; walk.next(piece);) {
    encode_piece(0, piece.text.data(), piece.text.data() + piece.text.size(), scratch, out);
    if (piece.id >= 0) out.push_back(piece.id);
  }
}

void Tokenizer::encode_piece(size_t step, const char* begin, const char* end, Scratch& scratch,
                             std::vector<int32_t>& out) const {
  if (step == pretokenizer_.size()) {
    if (begin < end) encode_word({begin, static_cast<size_t>(end - begin)}, scratch, out);
    return;
  }
  while (begin < end) {
    const char* const next = next_piece(pretokenizer_[step], unicode_, begin, end);
    encode_piece(step + 1, begin, next, scratch, out);
    begin = next;
  }
}

void Tokenizer::encode_word(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const {
  const auto encode_uncached = [&] {
    if (ignore_merges_) {
      if (const int32_t id = word_ids_[word_slot(word)]; id >= 0) {
        out.push_back(id);
        return;
      }
    }
    bpe_.encode(word, scratch.bpe, out);
  };
  if (word.size() > WordCache::kMaxWord) {
    encode_uncached();
    return;
  }
  const WordCache::Key key(word);
  if (scratch.words.find(key, out)) return;
  const size_t before = out.size();
  encode_uncached();
  scratch.words.store(key, out.data() + before, out.size() - before);
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  // Most tokens are short: copying a fixed number of bytes and counting fewer saves a call for each.
  std::string bytes(ids.size() * 4 + kTokenPadding, '\0');
  size_t end = 0;
  for (const int32_t id : ids) {
    if (skip_special_tokens && is_special(id)) continue;
    const std::string_view token = token_bytes(id);
    if (end + token.size() + kTokenPadding > bytes.size())
      bytes.resize((end + token.size()) * 2 + kTokenPadding);
    if (token.size() <= kTokenPadding)
      std::memcpy(bytes.data() + end, token.data(), kTokenPadding);
    else
      std::memcpy(bytes.data() + end, token.data(), token.size());
    end += token.size();
  }
  bytes.resize(end);
  return is_valid_utf8(bytes) ? bytes : repair_utf8(bytes);
}

}  // namespace quern
