#include "tokenizer/bpe.h"

#include <algorithm>

namespace quern {
namespace {

// Up to this many bytes, looking at every pair for each merge is cheaper than keeping a heap.
constexpr size_t kShortWord = 48;

// The heap's order: std::push_heap keeps the largest on top, so "less" means "merges later".
bool merges_later(const Bpe::Workspace::Candidate& a, const Bpe::Workspace::Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
}

}  // namespace

Bpe::Bpe(const std::array<int32_t, 256>& byte_ids, const std::vector<Merge>& merges) : byte_ids_(byte_ids) {
  int bits = 4;
  while ((size_t{1} << bits) < merges.size() * 2) ++bits;
  shift_ = 64 - bits;
  slots_.assign(size_t{1} << bits, Slot{kEmpty, kNoRank, 0});
  uint32_t rank = 0;
  for (const Merge& merge : merges) {
    const uint64_t pair = pair_of(merge.left, merge.right);
    size_t i = first_slot(pair);
    while (slots_[i].pair != kEmpty && slots_[i].pair != pair) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = {pair, rank++, merge.result};  // of two equal merges the later counts, as in the reference
  }
}

const Bpe::Slot& Bpe::find(int32_t left, int32_t right) const {
  const uint64_t pair = pair_of(left, right);
  size_t i = first_slot(pair);
  while (slots_[i].pair != pair && slots_[i].pair != kEmpty) i = (i + 1) & (slots_.size() - 1);
  return slots_[i];
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
  for (const char byte : word) {
    const int32_t id = byte_ids_[static_cast<unsigned char>(byte)];
    if (id >= 0) ids[count++] = id;
  }
  const auto look_up = [&](size_t i) {
    const Slot& slot = find(ids[i], ids[i + 1]);
    ranks[i] = slot.rank;
    results[i] = slot.result;
  };
  for (size_t i = 0; i + 1 < count; ++i) look_up(i);
  while (count > 1) {
    const size_t best = static_cast<size_t>(std::min_element(ranks, ranks + count - 1) - ranks);
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
  for (const char byte : word) {
    const int32_t id = byte_ids_[static_cast<unsigned char>(byte)];
    const auto position = static_cast<int32_t>(symbols.size());
    if (id >= 0) symbols.push_back({id, position - 1, position + 1});
  }
  if (symbols.empty()) return;
  symbols.back().next = -1;

  const auto candidate_at = [&](int32_t position, Workspace::Candidate& candidate) {
    const auto& symbol = symbols[static_cast<size_t>(position)];
    if (symbol.next < 0) return false;
    const int32_t right = symbols[static_cast<size_t>(symbol.next)].id;
    const Slot& slot = find(symbol.id, right);
    candidate = {slot.rank, position, symbol.id, right, slot.result};
    return slot.rank != kNoRank;
  };
  const auto push = [&](int32_t position) {
    Workspace::Candidate candidate;
    if (!candidate_at(position, candidate)) return;
    heap.push_back(candidate);
    std::push_heap(heap.begin(), heap.end(), merges_later);
  };
  for (size_t i = 0; i < symbols.size(); ++i) {
    Workspace::Candidate candidate;
    if (candidate_at(static_cast<int32_t>(i), candidate)) heap.push_back(candidate);
  }
  std::make_heap(heap.begin(), heap.end(), merges_later);

  while (!heap.empty()) {
    const Workspace::Candidate top = heap.front();
    std::pop_heap(heap.begin(), heap.end(), merges_later);
    heap.pop_back();
    auto& left = symbols[static_cast<size_t>(top.position)];
    if (left.id != top.left || left.next < 0) continue;  // merged in the meantime
    auto& right = symbols[static_cast<size_t>(left.next)];
    if (right.id != top.right) continue;
    left.id = top.result;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = top.position;
    push(top.position);
    if (left.previous >= 0) push(left.previous);
  }
  for (int32_t i = 0; i >= 0; i = symbols[static_cast<size_t>(i)].next)
    out.push_back(symbols[static_cast<size_t>(i)].id);
}

}  // namespace quern
