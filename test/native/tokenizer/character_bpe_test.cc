#include <algorithm>
#include <random>
#include <string>

#include "check.h"
#include "fixture.h"
#include "linear.h"
#include "tokenizer/token_decoder.h"
#include "tokenizer/utf8.h"

namespace quern::test {
namespace {

using Ids = std::vector<int32_t>;

constexpr int32_t kUnknown = 0, kFirstByte = 1, kFirstText = 257;
constexpr std::string_view kMark = "\xE2\x96\x81";

// A SentencePiece-style tokenizer: `<unk>`, 256 bytes, and the texts; a merge is three places among them.
TokenizerDefinition spelled(const std::vector<std::string>& texts, const std::vector<Merge>& merges) {
  TokenizerDefinition d;
  d.token_offsets = {0};
  const auto put = [&d](const std::string& text, TokenKind kind) {
    d.token_bytes += text;
    d.token_offsets.push_back(static_cast<uint32_t>(d.token_bytes.size()));
    d.token_kinds.push_back(kind);
  };
  put("<unk>", TokenKind::kWord);
  CharacterFallback fallback;
  for (int byte = 0; byte < 256; ++byte) {
    const char* const digits = "0123456789ABCDEF";
    put(std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">", TokenKind::kByte);
    fallback.byte_ids.push_back(kFirstByte + byte);
  }
  for (const std::string& text : texts) put(text, TokenKind::kWord);
  for (const Merge& merge : merges)
    d.merges.push_back({kFirstText + merge.left, kFirstText + merge.right, kFirstText + merge.result});
  fallback.unknown = kUnknown;
  fallback.fuses_unknown = true;
  d.characters = fallback;
  d.decoder.replacements = {{std::string(kMark), " "}};
  d.decoder.strip_count = 1;
  return d;
}

TokenizerDefinition small() {
  const std::string mark(kMark);
  auto d = spelled({mark, "a", "b", "ab", mark + "a", mark + mark}, {{1, 2, 3}, {0, 1, 4}, {0, 0, 5}});
  d.normalizer = {{NormalizerStep::Kind::kPrepend, {"", mark}},
                  {NormalizerStep::Kind::kReplace, {" ", mark}}};
  return d;
}
constexpr int32_t kSpace = kFirstText, kA = kFirstText + 1, kB = kFirstText + 2, kAb = kFirstText + 3,
                  kSpaceA = kFirstText + 4, kSpaces = kFirstText + 5;

Ids encode(const TokenizerDefinition& d, std::string_view text) {
  return fixture::encode(*Tokenizer::create(d), text);
}

TEST(the_whole_text_is_one_word) {
  CHECK_EQ(encode(small(), "ab"), (Ids{kSpace, kAb}));
  CHECK_EQ(encode(small(), "a b"), (Ids{kSpaceA, kSpace, kB}));
  CHECK_EQ(encode(small(), "  a"), (Ids{kSpaces, kSpaceA}));
  CHECK_EQ(encode(small(), ""), (Ids{}));
}

TEST(characters_without_token) {
  CHECK_EQ(encode(small(), "a\xC3\xA9"), (Ids{kSpaceA, kFirstByte + 0xC3, kFirstByte + 0xA9}));
  auto d = small();
  d.characters->byte_ids[0xC3] = -1;
  CHECK_EQ(encode(d, "a\xC3\xA9\xC3\xA8z"), (Ids{kSpaceA, kFirstByte + 'z', kUnknown}));  // z does not end it
  CHECK_EQ(encode(d,
                  "a\xC3\xA9\xC3\xA8"
                  "b"),
           (Ids{kSpaceA, kUnknown, kB}));
  d.characters->fuses_unknown = false;
  CHECK_EQ(encode(d,
                  "a\xC3\xA9\xC3\xA8"
                  "b"),
           (Ids{kSpaceA, kUnknown, kUnknown, kB}));
  d.characters->unknown = -1;  // what vanishes does not keep its neighbours apart
  CHECK_EQ(encode(d,
                  "a\xC3\xA9"
                  "b"),
           (Ids{kSpace, kAb}));
}

// Where a text is cut must not show: any merges, against the definition over the whole text.
TEST(cut_where_nothing_joins) {
  std::mt19937 random(15);
  const std::vector<std::string> letters = {"a", "b", "c", "\xC3\xA9", "\xE4\xBD\xA0", std::string(kMark)};
  int merged = 0;
  for (int run = 0; run < 300; ++run) {
    std::vector<std::string> texts = letters;
    std::vector<Merge> merges;
    for (size_t i = 1 + random() % 10; i > 0; --i) {
      const size_t left = random() % texts.size(), right = random() % texts.size();
      const std::string text = texts[left] + texts[right];
      if (std::find(texts.begin(), texts.end(), text) != texts.end()) continue;
      merges.push_back(
          {static_cast<int32_t>(left), static_cast<int32_t>(right), static_cast<int32_t>(texts.size())});
      texts.push_back(text);
    }
    const auto tokenizer = Tokenizer::create(spelled(texts, merges));
    for (int word = 0; word < 20; ++word) {
      std::string text;
      Ids want;
      for (size_t i = random() % 100; i > 0; --i) {
        const size_t letter = random() % letters.size();
        text += letters[letter];
        want.push_back(static_cast<int32_t>(letter));
      }
      const size_t characters = want.size();
      for (;;) {  // the merge of lowest rank, the leftmost of those
        size_t best = merges.size(), at = 0;
        for (size_t i = 0; i + 1 < want.size(); ++i)
          for (size_t rank = 0; rank < best; ++rank)
            if (merges[rank].left == want[i] && merges[rank].right == want[i + 1]) best = rank, at = i;
        if (best == merges.size()) break;
        want[at] = merges[best].result;
        want.erase(want.begin() + static_cast<std::ptrdiff_t>(at) + 1);
      }
      for (int32_t& id : want) id += kFirstText;
      CHECK_FOR(fixture::encode(*tokenizer, text) == want, text);
      merged += want.size() < characters ? 1 : 0;
    }
  }
  CHECK(merged > 1000);
}

TEST(a_text_loses_its_first_space) {
  const auto tokenizer = Tokenizer::create(small());
  CHECK_EQ(tokenizer->decode(Ids{kSpaceA, kSpaceA}, false, false), "a a");
  CHECK_EQ(tokenizer->decode(Ids{kSpaceA}, false, true), " a");
  CHECK_EQ(tokenizer->decode(Ids{kSpaces, kA}, false, false), " a");
  CHECK_EQ(tokenizer->decode(Ids{kFirstByte + ' ', kA}, false, false), "a");
  CHECK_EQ(tokenizer->decode(Ids{-1, 1000, kSpace, kSpace}, false, false), " ");
  CHECK_EQ(tokenizer->decode(Ids{kFirstByte + 0xC3, kSpaceA}, false, false), "\xEF\xBF\xBD a");
  CHECK_EQ(tokenizer->id_of(" a"), kSpaceA);
  CHECK_EQ(tokenizer->id_of("\n"), kFirstByte + '\n');
  CHECK_EQ(tokenizer->id_of(" "), kSpace);
}

TEST(a_first_token_loses_its_marks) {
  auto d = small();
  d.decoder.strip_count = 0;
  d.decoder.first_loses = kMark;
  const auto tokenizer = Tokenizer::create(d);
  CHECK_EQ(tokenizer->decode(Ids{kSpaces, kSpaceA}, false, false), " a");
  CHECK_EQ(tokenizer->decode(Ids{kFirstByte + ' ', kSpaceA}, false, false), "  a");
}

TEST(streams_join_to_the_whole_text) {
  for (const bool loses_marks : {false, true}) {
    auto d = small();
    if (loses_marks) d.decoder.first_loses = kMark;
    const auto tokenizer = Tokenizer::create(d);
    std::mt19937 random(4);
    for (int run = 0; run < 3000; ++run) {
      Ids ids;
      for (size_t i = random() % 8; i > 0; --i) {
        const auto byte = std::string_view(" a\xC3\xA9\xE2\x96\x81\xFF")[random() % 8];
        ids.push_back(random() % 2 == 0 ? kFirstByte + static_cast<unsigned char>(byte)
                                        : kFirstText + static_cast<int32_t>(random() % 7));
      }
      TokenDecoder decoder(tokenizer, false, false);
      std::string streamed;
      for (const int32_t id : ids) decoder.push(id, streamed);
      decoder.end(streamed);
      CHECK_EQ(streamed, tokenizer->decode(ids, false, false));
      // What follows a prompt is what the whole text has beyond the prompt's.
      const size_t cut = random() % (ids.size() + 1);
      const std::string prompt = tokenizer->decode(std::span(ids).first(cut), false, false);
      if (prompt.ends_with(kReplacementCharacter)) continue;  // a character may lie across the cut
      decoder.follow(std::span(ids).first(cut));
      std::string rest;
      for (const int32_t id : std::span(ids).subspan(cut)) decoder.push(id, rest);
      decoder.end(rest);
      CHECK_EQ(prompt + rest, streamed);
    }
  }
}

TEST(metaspace) {
  auto d = small();
  d.normalizer.clear();
  d.metaspace = Metaspace{std::string(kMark), Metaspace::Prepend::kFirst, false};
  d.token_bytes += "<end>";
  d.token_offsets.push_back(static_cast<uint32_t>(d.token_bytes.size()));
  d.token_kinds.push_back(TokenKind::kLiteral);
  constexpr int32_t kEnd = kSpaces + 1;
  d.added_tokens = {{kEnd, "<end>", true, false, false, false, false}};
  CHECK_EQ(encode(d, "a<end>a a<end>"), (Ids{kSpaceA, kEnd, kA, kSpaceA, kEnd}));
  CHECK_EQ(encode(d, "<end>a"), (Ids{kEnd, kA}));
  CHECK_EQ(encode(d, " a"), (Ids{kSpaceA}));  // has its mark
  d.metaspace->prepend = Metaspace::Prepend::kAlways;
  CHECK_EQ(encode(d, "<end>a<end> a"), (Ids{kEnd, kSpaceA, kEnd, kSpaceA}));
  d.metaspace->prepend = Metaspace::Prepend::kNever;
  CHECK_EQ(encode(d, "a   a"), (Ids{kA, kSpaces, kSpaceA}));
  d.metaspace->split = true;
  CHECK_EQ(encode(d, "a   a"), (Ids{kA, kSpace, kSpace, kSpaceA}));
}

TEST(whole_pieces_before_merges) {
  auto d = small();
  d.merges.clear();
  d.ignore_merges = true;
  CHECK_EQ(encode(d, "a"), (Ids{kSpaceA}));
  CHECK_EQ(encode(d, "a a"), (Ids{kSpace, kA, kSpace, kA}));
}

TEST(texts_without_words_take_linear_time) {
  const auto tokenizer = Tokenizer::create(small());
  for (const std::string_view period : {"a", "ab", " ", "a ", "\xC3\xA9", "\xE2\x96\x81"}) {
    check::linear(50'000, std::string(period), [&](size_t size) {
      std::string text;
      while (text.size() < size) text += period;
      Ids ids;
      return check::processor_seconds([&] { tokenizer->encode(text, false, ids); });
    });
  }
}

}  // namespace
}  // namespace quern::test
