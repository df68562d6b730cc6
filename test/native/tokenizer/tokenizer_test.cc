#include "tokenizer/tokenizer.h"

#include <random>
#include <thread>

#include "check.h"
#include "core/error.h"
#include "fixture.h"
#include "linear.h"
#include "tokenizer/token_decoder.h"
#include "tokenizer/utf8.h"

using namespace fixture;
using Ids = std::vector<int32_t>;
using quern::AddedToken;
using quern::Tokenizer;

TEST(merges_by_rank) {
  const auto tokenizer = Tokenizer::create(definition());
  CHECK_EQ(encode(*tokenizer, "abc"), (Ids{kAbc}));
  CHECK_EQ(encode(*tokenizer, " ab"), (Ids{' ', kAb}));
  CHECK_EQ(encode(*tokenizer, " a"), (Ids{kSpaceA}));
  CHECK_EQ(encode(*tokenizer, ""), (Ids{}));
  CHECK_EQ(encode(*tokenizer, "ab<end>c"), (Ids{kAb, kEnd, 'c'}));
}

TEST(ignores_merges_for_whole_words) {
  auto d = definition();
  d.merges.resize(1);
  CHECK_EQ(encode(*Tokenizer::create(d), "abc"), (Ids{kAb, 'c'}));
  d.ignore_merges = true;
  CHECK_EQ(encode(*Tokenizer::create(d), "abc"), (Ids{kAbc}));
}

TEST(adds_special_tokens) {
  auto d = definition();
  d.prefix = {kEnd, 'x'};
  d.suffix = {kEnd};
  Ids ids;
  Tokenizer::create(d)->encode("ab", true, ids);
  CHECK_EQ(ids, (Ids{kEnd, 'x', kAb, kEnd}));
}

TEST(short_and_long_words_merge_alike) {
  // Words beyond the short limit use a heap; a fixed word in front of them must not change its ids.
  const auto tokenizer = Tokenizer::create(definition());
  std::mt19937 random(3);
  for (int run = 0; run < 200; ++run) {
    std::string word;
    for (size_t i = 0; i < 30; ++i) word += "abc"[random() % 3];
    std::string longer = word;
    for (int i = 0; i < 3; ++i) longer += "x" + word;  // x merges with nothing
    Ids want = encode(*tokenizer, word);
    const Ids one = want;
    for (int i = 0; i < 3; ++i) {
      want.push_back('x');
      want.insert(want.end(), one.begin(), one.end());
    }
    CHECK_EQ(encode(*tokenizer, longer), want);
  }
}

TEST(added_token_flags) {
  auto d = definition();
  auto& token = d.added_tokens[0];
  token.lstrip = true;
  CHECK_EQ(encode(*Tokenizer::create(d), "x \n<end> y"), (Ids{'x', kEnd, ' ', 'y'}));
  token.rstrip = true;
  CHECK_EQ(encode(*Tokenizer::create(d), "x \n<end> \xE3\x80\x80y"), (Ids{'x', kEnd, 'y'}));
  token = {kEnd, "end", false, false, false, true, false};
  CHECK_EQ(encode(*Tokenizer::create(d), "end ab"), (Ids{kEnd, ' ', kAb}));
  CHECK_EQ(encode(*Tokenizer::create(d), "ends"), (Ids{'e', 'n', 'd', 's'}));
  CHECK_EQ(encode(*Tokenizer::create(d), "-end-"), (Ids{'-', kEnd, '-'}));
}

TEST(longest_added_token_wins) {
  auto d = definition();
  d.added_tokens.push_back({'<', "<e", false, false, false, false, false});
  d.added_tokens.push_back({'>', "nd><end>", false, false, false, false, false});
  CHECK_EQ(encode(*Tokenizer::create(d), "<end><en"), (Ids{kEnd, '<', 'n'}));
}

TEST(normalized_tokens_are_found_after_nfc) {
  auto d = definition();
  d.normalizer = {{}};                                                        // NFC
  d.added_tokens[0] = {kEnd, "e\xCC\x81", false, false, false, false, true};  // e and U+0301
  CHECK_EQ(encode(*Tokenizer::create(d),
                  "\xC3\xA9"
                  "ab"),
           (Ids{kEnd, kAb}));
  d.added_tokens[0].normalized = false;
  CHECK_EQ(encode(*Tokenizer::create(d),
                  "e\xCC\x81"
                  "ab"),
           (Ids{kEnd, kAb}));
  CHECK_EQ(encode(*Tokenizer::create(d), "\xC3\xA9"), (Ids{0xC3, 0xA9}));
}

TEST(bytes_without_token_vanish) {
  auto d = definition();
  d.pretokenizer.clear();  // so that the three bytes are one word
  d.token_kinds[0x04] = quern::TokenKind::kLiteral;
  CHECK_EQ(encode(*Tokenizer::create(d),
                  "a\x04"
                  "b"),
           (Ids{kAb}));
  CHECK_EQ(encode(*Tokenizer::create(d), "\x04"), (Ids{}));
  CHECK_EQ(encode(*Tokenizer::create(d), std::string(500, '\x04')), (Ids{}));
}

TEST(any_bytes_encode_as_their_repair) {
  const auto tokenizer = Tokenizer::create(definition());
  std::mt19937 random(1);
  const std::string alphabet = "ab\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8C\x8D\xFF\xED\xA0\x80 '<end>\xCC\x81";
  for (int run = 0; run < 3000; ++run) {
    std::string text;
    for (size_t i = random() % 40; i > 0; --i) text += alphabet[random() % alphabet.size()];
    const Ids ids = encode(*tokenizer, text);
    CHECK_EQ(tokenizer->decode(ids, false, false), quern::repair_utf8(text));

    // The stream gives the same text, and only whole characters before its end.
    Ids bytes;
    for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
    quern::TokenDecoder decoder(tokenizer, false, false);
    std::string streamed;
    for (const int32_t id : bytes) {
      decoder.push(id, streamed);
      CHECK(quern::is_valid_utf8(streamed));
    }
    decoder.end(streamed);
    CHECK_EQ(streamed, tokenizer->decode(bytes, false, false));
    CHECK_EQ(streamed, quern::repair_utf8(text));
  }
}

TEST(ids_outside_the_vocabulary_are_nothing) {
  const auto tokenizer = Tokenizer::create(definition());
  const Ids ids = {-1, 259, 'a', 261, 0x7FFFFFFF, -0x7FFFFFFF - 1, kEnd};
  CHECK_EQ(tokenizer->decode(ids, false, false), "a<end>");
  CHECK_EQ(tokenizer->decode(ids, true, false), "a");
  CHECK(tokenizer->token_bytes(-1).empty() && tokenizer->token_bytes(259).empty() &&
        tokenizer->token_bytes(261).empty());
  CHECK(!tokenizer->is_special(-1) && tokenizer->is_special(kEnd) && !tokenizer->is_special(261));
  CHECK_EQ(tokenizer->id_of("abc"), kAbc);
  CHECK_EQ(tokenizer->id_of(""), -1);
  CHECK_EQ(tokenizer->id_of("<end>"), -1);  // no word
}

TEST(a_skipped_special_token_does_not_end_a_character) {
  const auto tokenizer = Tokenizer::create(definition());
  const Ids ids = {0xC3, kEnd, 0xA9};
  CHECK_EQ(tokenizer->decode(ids, true, false), "\xC3\xA9");
  CHECK_EQ(tokenizer->decode(ids, false, false), "\xEF\xBF\xBD<end>\xEF\xBF\xBD");
}

TEST(hostile_definitions_are_refused) {
  const auto refused = [](auto change) {
    auto d = definition();
    change(d);
    CHECK_ERROR(Tokenizer::create(d), "invalid_tokenizer");
  };
  refused([](auto& d) { d = {}; });
  refused([](auto& d) { d.token_offsets.back() += 1; });
  refused([](auto& d) { d.token_offsets[3] = 1000; });
  refused([](auto& d) { d.token_offsets.pop_back(); });
  refused([](auto& d) { d.token_kinds[0] = static_cast<quern::TokenKind>(77); });
  refused([](auto& d) { d.merges[0].left = -1; });
  refused([](auto& d) { d.merges[0].result = 1 << 30; });
  refused([](auto& d) { d.merges[0].result = kAbc; });
  refused([](auto& d) { d.merges[0].right = kEnd; });
  refused([](auto& d) { d.added_tokens[0].id = 261; });
  refused([](auto& d) { d.added_tokens[0].content = ""; });
  refused([](auto& d) { d.added_tokens[0].content = "\xFF"; });
  refused([](auto& d) { d.added_tokens[0].content = std::string(5000, 'x'); });
  refused([](auto& d) { d.pretokenizer[0].kind = static_cast<quern::PretokenizerStep::Kind>(9); });
  refused([](auto& d) { d.pretokenizer[0].max_digits = 0; });
  refused([](auto& d) { d.pretokenizer.resize(100); });
  refused([](auto& d) { d.prefix = {259}; });
  refused([](auto& d) { d.suffix = {-5}; });
}

TEST(threads_share_a_tokenizer) {
  const auto tokenizer = Tokenizer::create(definition());
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "abc ab a " + std::to_string(i);
  const Ids want = encode(*tokenizer, text);
  std::vector<std::thread> threads;
  std::vector<Ids> results(4);
  for (Ids& result : results) threads.emplace_back([&] { result = encode(*tokenizer, text); });
  for (std::thread& thread : threads) thread.join();
  for (const Ids& result : results) CHECK_EQ(result, want);
}

TEST(long_texts_take_linear_time) {
  auto d = definition();
  d.normalizer = {{}};  // NFC
  d.pretokenizer = {{quern::PretokenizerStep::Kind::kDigits, 1}, {quern::PretokenizerStep::Kind::kCl100k, 3}};
  const auto tokenizer = Tokenizer::create(d);
  for (const std::string_view piece : {"a", "ab", "abc", " ", "\n", "\xCC\x81\xCC\xA3", "<end", "<end>", "'",
                                       "1", "\xFF", "\xE1\x84\x80\xE1\x85\xA1"}) {
    check::linear(50'000, std::string(piece), [&](size_t size) {
      std::string text;
      while (text.size() < size) text += piece;
      return check::processor_seconds([&] { encode(*tokenizer, text); });
    });
  }
}
