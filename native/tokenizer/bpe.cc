#include "tokenizer/bpe.h"

#include <algorithm>
#include <functional>

namespace quern {
namespace {

// Up to this many symbols, looking at every pair for each merge is cheaper than keeping a heap.
constexpr size_t kShortWord = 64;

constexpr uint32_t kNoRank = MergeTable::kNoRank;

// Appends a symbol that nothing is known of but its place.
void append(std::vector<Bpe::Workspace::Symbol>& symbols, int32_t id) {
  const auto position = static_cast<int32_t>(symbols.size());
  symbols.push_back({id, position - 1, position + 1, 0, kNoRank});
}

uint64_t heap_entry(uint32_t rank, int32_t position) {
  return uint64_t{rank} << 32 | static_cast<uint32_t>(position);
}

}  // namespace

struct Bpe::ShortWord {
  int32_t ids[kShortWord];
  uint32_t ranks[kShortWord];  // of merging with the next
  int32_t results[kShortWord];
  size_t count = 0;
};

Bpe::Bpe(const std::array<int32_t, 256>& byte_ids, const std::vector<Merge>& merges)
    : merges_(merges), byte_ids_(byte_ids) {
  byte_merges_.resize(256 * 256);
  for (size_t left = 0; left < 256; ++left)
    for (size_t right = 0; right < 256; ++right)
      if (byte_ids_[left] >= 0 && byte_ids_[right] >= 0)
        byte_merges_[left * 256 + right] = merges_.find(byte_ids_[left], byte_ids_[right]);
}

void Bpe::encode(std::string_view word, Workspace& workspace, std::vector<int32_t>& out) const {
  if (word.size() <= kShortWord)
    encode_short(word, out);
  else
    encode_long(word, workspace, out);
}

void Bpe::encode(std::span<const int32_t> symbols, Workspace& workspace, std::vector<int32_t>& out) const {
  const auto look_up = [&](size_t i) { return merges_.find(symbols[i], symbols[i + 1]); };
  if (symbols.size() <= kShortWord) {
    ShortWord word;
    word.count = symbols.size();
    std::copy(symbols.begin(), symbols.end(), word.ids);
    for (size_t i = 0; i + 1 < word.count; ++i) {
      const MergeOf merge = look_up(i);
      word.ranks[i] = merge.rank;
      word.results[i] = merge.result;
    }
    merge_short(word, out);
    return;
  }
  workspace.symbols.clear();
  workspace.heap.clear();
  for (const int32_t symbol : symbols) append(workspace.symbols, symbol);
  for (size_t i = 0; i + 1 < symbols.size(); ++i) {
    const MergeOf merge = look_up(i);
    workspace.symbols[i].rank = merge.rank;
    workspace.symbols[i].result = merge.result;
    if (merge.rank != kNoRank) workspace.heap.push_back(heap_entry(merge.rank, static_cast<int32_t>(i)));
  }
  merge_long(workspace, out);
}

void Bpe::encode_short(std::string_view bytes, std::vector<int32_t>& out) const {
  ShortWord word;
  size_t last_byte = 0;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte_ids_[byte] < 0) continue;
    if (word.count > 0) {
      const MergeOf& merge = byte_merges_[last_byte * 256 + byte];
      word.ranks[word.count - 1] = merge.rank;
      word.results[word.count - 1] = merge.result;
    }
    word.ids[word.count++] = byte_ids_[byte];
    last_byte = byte;
  }
  merge_short(word, out);
}

void Bpe::merge_short(ShortWord& word, std::vector<int32_t>& out) const {
  auto& [ids, ranks, results, count] = word;
  const auto look_up = [&](size_t i) {
    const MergeOf merge = merges_.find(word.ids[i], word.ids[i + 1]);
    word.ranks[i] = merge.rank;
    word.results[i] = merge.result;
  };
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i)
      if (ranks[i] < ranks[best]) best = i;
    if (ranks[best] == kNoRank) break;
    ids[best] = results[best];
    for (size_t i = best + 1; i + 1 < count; ++i) {
      ids[i] = ids[i + 1];
      ranks[i] = ranks[i + 1];
      results[i] = results[i + 1];
    }
    --count;
    if (best + 1 < count) look_up(best);
    if (best > 0) look_up(best - 1);
  }
  out.insert(out.end(), ids, ids + count);
}

void Bpe::encode_long(std::string_view word, Workspace& workspace, std::vector<int32_t>& out) const {
  auto& symbols = workspace.symbols;
  symbols.clear();
  workspace.heap.clear();
  size_t last_byte = 0;
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte_ids_[byte] < 0) continue;
    if (!symbols.empty()) {
      const MergeOf& merge = byte_merges_[last_byte * 256 + byte];
      symbols.back().rank = merge.rank;
      symbols.back().result = merge.result;
      if (merge.rank != kNoRank)
        workspace.heap.push_back(heap_entry(merge.rank, static_cast<int32_t>(symbols.size() - 1)));
    }
    append(symbols, byte_ids_[byte]);
    last_byte = byte;
  }
  if (!symbols.empty()) merge_long(workspace, out);
}

// The symbols know their merges, and the heap those that there are, in any order.
void Bpe::merge_long(Workspace& workspace, std::vector<int32_t>& out) const {
  auto& heap = workspace.heap;
  auto& symbols = workspace.symbols;
  symbols.back().next = -1;
  const auto symbol_at = [&](int32_t position) -> Workspace::Symbol& {
    return symbols[static_cast<size_t>(position)];
  };
  const auto look_up = [&](int32_t position) {
    auto& symbol = symbol_at(position);
    const MergeOf merge = symbol.next < 0 ? MergeOf{} : merges_.find(symbol.id, symbol_at(symbol.next).id);
    symbol.rank = merge.rank;
    symbol.result = merge.result;
    if (merge.rank == kNoRank) return;
    heap.push_back(heap_entry(merge.rank, position));
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  while (!heap.empty()) {
    const uint64_t top = heap.front();
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    heap.pop_back();
    const auto position = static_cast<int32_t>(top & 0xFFFFFFFF);
    auto& left = symbol_at(position);
    if (left.rank != top >> 32) continue;  // the pair has changed: a rank names one pair
    auto& right = symbol_at(left.next);
    left.id = left.result;
    left.next = right.next;
    right.rank = kNoRank;
    if (left.next >= 0) symbol_at(left.next).previous = position;
    look_up(position);
    if (left.previous >= 0) look_up(left.previous);
  }
  for (int32_t i = 0; i >= 0; i = symbol_at(i).next) out.push_back(symbol_at(i).id);
}

}  // namespace quern
