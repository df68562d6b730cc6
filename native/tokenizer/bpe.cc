#include "tokenizer/bpe.h"

#include <algorithm>
#include <functional>

#include "core/error.h"
#include "tokenizer/probe_budget.h"

namespace quern {
namespace {

// Up to this many bytes, looking at every pair for each merge is cheaper than keeping a heap.
constexpr size_t kShortWord = 64;

constexpr uint64_t kNextMultiplier = 0xD1342543DE82EF95u;  // odd (Steele and Vigna 2021)

}  // namespace

Bpe::Bpe(const std::array<int32_t, 256>& byte_ids, const std::vector<Merge>& merges) : byte_ids_(byte_ids) {
  int bits = 4;
  while ((size_t{1} << bits) < merges.size() * 2) ++bits;
  shift_ = 64 - bits;
  for (int functions = 1; !fill_slots(merges); ++functions) {
    if (functions == ProbeBudget::kMostFunctions)
      throw Error("invalid_tokenizer", "tokenizer: the ids of the merges are chosen to make searches long");
    multiplier_ *= kNextMultiplier;
  }
  byte_merges_.resize(256 * 256);
  for (size_t left = 0; left < 256; ++left)
    for (size_t right = 0; right < 256; ++right)
      if (byte_ids_[left] >= 0 && byte_ids_[right] >= 0)
        byte_merges_[left * 256 + right] = find(byte_ids_[left], byte_ids_[right]);
}

// False where the hash function puts too many together.
bool Bpe::fill_slots(const std::vector<Merge>& merges) {
  slots_.assign(size_t{1} << (64 - shift_), {});
  ProbeBudget budget(merges.size());
  uint32_t rank = 0;
  for (const Merge& merge : merges) {
    const uint64_t pair = pair_of(merge.left, merge.right);
    size_t i = first_slot(pair), probes = 0;
    for (; slots_[i].pair != kEmpty && slots_[i].pair != pair; ++probes) i = (i + 1) & (slots_.size() - 1);
    if (!budget.spend(probes)) return false;
    slots_[i] = {pair, {rank++, merge.result}};  // of two equal merges the later counts, as in the reference
  }
  return true;
}

Bpe::MergeOf Bpe::find(int32_t left, int32_t right) const {
  const uint64_t pair = pair_of(left, right);
  size_t i = first_slot(pair);
  while (slots_[i].pair != pair && slots_[i].pair != kEmpty) i = (i + 1) & (slots_.size() - 1);
  return slots_[i].merge;
}

void Bpe::encode(std::string_view word, Workspace& workspace, std::vector<int32_t>& out) const {
  if (word.size() <= kShortWord)
    encode_short(word, out);
  else
    encode_long(word, workspace, out);
}

void Bpe::encode_short(std::string_view word, std::vector<int32_t>& out) const {
  int32_t ids[kShortWord];
  uint32_t ranks[kShortWord];  // of merging with the next
  int32_t results[kShortWord];
  size_t count = 0;
  size_t last_byte = 0;
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte_ids_[byte] < 0) continue;
    if (count > 0) {
      const MergeOf& merge = byte_merges_[last_byte * 256 + byte];
      ranks[count - 1] = merge.rank;
      results[count - 1] = merge.result;
    }
    ids[count++] = byte_ids_[byte];
    last_byte = byte;
  }
  const auto look_up = [&](size_t i) {
    const MergeOf merge = find(ids[i], ids[i + 1]);
    ranks[i] = merge.rank;
    results[i] = merge.result;
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
  auto& heap = workspace.heap;
  symbols.clear();
  heap.clear();
  size_t last_byte = 0;
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte_ids_[byte] < 0) continue;
    const auto position = static_cast<int32_t>(symbols.size());
    if (position > 0) {
      const MergeOf& merge = byte_merges_[last_byte * 256 + byte];
      symbols.back().rank = merge.rank;
      symbols.back().result = merge.result;
      if (merge.rank != kNoRank)
        heap.push_back(uint64_t{merge.rank} << 32 | static_cast<uint32_t>(position - 1));
    }
    symbols.push_back({byte_ids_[byte], position - 1, position + 1, 0, kNoRank});
    last_byte = byte;
  }
  if (symbols.empty()) return;
  symbols.back().next = -1;

  const auto symbol_at = [&](int32_t position) -> Workspace::Symbol& {
    return symbols[static_cast<size_t>(position)];
  };
  const auto look_up = [&](int32_t position) {
    auto& symbol = symbol_at(position);
    const MergeOf merge = symbol.next < 0 ? MergeOf{} : find(symbol.id, symbol_at(symbol.next).id);
    symbol.rank = merge.rank;
    symbol.result = merge.result;
    if (merge.rank == kNoRank) return;
    heap.push_back(uint64_t{merge.rank} << 32 | static_cast<uint32_t>(position));
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
