#include "tokenizer/bpe.h"

#include <array>
#include <random>
#include <string>

#include "check.h"
#include "core/error.h"
#include "fixture.h"
#include "linear.h"

namespace quern::test {
namespace {

using Ids = std::vector<int32_t>;

std::array<int32_t, 256> own_bytes() {
  std::array<int32_t, 256> ids;
  for (int32_t byte = 0; byte < 256; ++byte) ids[static_cast<size_t>(byte)] = byte;
  return ids;
}

// Merges of any two tokens so far, so that what merges depends on both neighbours.
std::vector<Merge> random_merges(std::mt19937& random, int letters, size_t count) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < letters; ++i) tokens.push_back('a' + i);
  std::vector<Merge> merges;
  while (merges.size() < count) {
    const auto any = [&] { return tokens[random() % tokens.size()]; };
    const auto result = static_cast<int32_t>(256 + merges.size());
    merges.push_back({any(), any(), result});
    tokens.push_back(result);
  }
  return merges;
}

// The definition: while any pair merges, the one of lowest rank does, the leftmost of those.
Ids reference(const std::vector<Merge>& merges, const std::string& word) {
  Ids ids(word.begin(), word.end());
  for (;;) {
    size_t best = merges.size(), at = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      for (size_t rank = merges.size(); rank-- > 0;) {
        if (merges[rank].left != ids[i] || merges[rank].right != ids[i + 1]) continue;
        if (rank < best) best = rank, at = i;
        break;  // of equal merges the later counts
      }
    }
    if (best == merges.size()) return ids;
    ids[at] = merges[best].result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(short_and_long_words_by_the_definition) {
  std::mt19937 random(8);
  int merged = 0;
  for (int run = 0; run < 400; ++run) {
    const int letters = 1 + static_cast<int>(random() % 3);
    const auto merges = random_merges(random, letters, 1 + random() % 12);
    const Bpe bpe(own_bytes(), merges);
    Bpe::Workspace workspace;
    for (const size_t size : {1, 2, 7, 63, 64, 65, 66, 130, 300}) {
      std::string word(size, 'a');
      for (char& c : word) c = static_cast<char>('a' + random() % static_cast<size_t>(letters));
      Ids ids;
      bpe.encode(word, workspace, ids);
      CHECK_FOR(ids == reference(merges, word), word);
      merged += ids.size() < word.size() ? 1 : 0;
    }
  }
  CHECK(merged > 1000);
}

TEST(long_words_take_linear_time) {
  std::mt19937 random(9);
  const Bpe bpe(own_bytes(), random_merges(random, 2, 60));
  for (const std::string_view period : {"a", "ab", "aab", "abbab"}) {
    check::linear(50'000, std::string(period), [&](size_t size) {
      std::string word;
      while (word.size() < size) word += period;
      Bpe::Workspace workspace;
      Ids ids;
      return check::processor_seconds([&] { bpe.encode(word, workspace, ids); });
    });
  }
}

// A file may choose ids and tokens that the tables' first hash functions put into one place.
TEST(merges_that_hash_alike) {
  check::linear(10'000, "merges", [](size_t size) {
    int bits = 4;
    while ((size_t{1} << bits) < 2 * size) ++bits;
    std::vector<Merge> merges;
    for (uint64_t left = 0; merges.size() < size; ++left)
      for (uint64_t right = 0; right < 1 << 18 && merges.size() < size; ++right)
        if ((left << 32 | right) * 0x9E3779B97F4A7C15u >> (64 - bits) < 64)
          merges.push_back({static_cast<int32_t>(left), static_cast<int32_t>(right), 0});
    return check::processor_seconds([&] { const Bpe bpe(own_bytes(), merges); });
  });
}

TEST(tokens_that_hash_alike) {
  check::linear(2'000, "tokens", [](size_t size) {
    auto d = fixture::definition();
    size_t capacity = 16;
    while (capacity < 2 * (size + d.token_kinds.size())) capacity *= 2;
    for (uint32_t number = 0; d.token_kinds.size() < size;) {
      const std::string word = "word" + std::to_string(number++);
      uint64_t hash = 0xCBF29CE484222325u;
      for (const char c : word) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
      if (((hash ^ hash >> 32) & (capacity - 1)) >= 64) continue;
      d.token_bytes += word;
      d.token_offsets.push_back(static_cast<uint32_t>(d.token_bytes.size()));
      d.token_kinds.push_back(TokenKind::kWord);
    }
    std::shared_ptr<const Tokenizer> tokenizer;
    const double seconds = check::processor_seconds([&] { tokenizer = Tokenizer::create(d); });
    for (int32_t id = 300; id < tokenizer->size(); ++id)
      CHECK_EQ(tokenizer->id_of(tokenizer->token_bytes(id)), id);
    return seconds;
  });
}

}  // namespace
}  // namespace quern::test
