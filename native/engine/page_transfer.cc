#include "engine/page_transfer.h"

#include <algorithm>
#include <span>

#include "core/error.h"

namespace quern {

namespace {

// A state that is held as long as this lives.
struct HeldState {
  explicit HeldState(StateCache& of) : cache(of) {}
  ~HeldState() { cache.release(state); }
  HeldState(const HeldState&) = delete;
  HeldState& operator=(const HeldState&) = delete;
  StateCache& cache;
  SequenceState state;
};

int64_t position_behind(const PageTransfer& transfer) {
  return static_cast<int64_t>(transfer.tokens.size() / kPagePositions * kPagePositions);
}

// How many pages there are for the first `count` times kPagePositions tokens.
int64_t pages_before(const PageTransfer& transfer, const StateCache& cache, size_t count) {
  int64_t pages = 0;
  for (size_t group = 0; group < cache.groups(); ++group)
    pages += static_cast<int64_t>(cache.seen(group, count, position_behind(transfer)));
  return pages;
}

// The pages that lie at `index` of the tables.
std::vector<int32_t> pages_at(const SequenceState& state, size_t index) {
  std::vector<int32_t> pages;
  for (const std::vector<int32_t>& table : state.tables)
    if (table[index] != PrefixTree::kNone) pages.push_back(table[index]);
  return pages;
}

void copy_in(const PageTransfer& transfer, StateCache& cache, Decoder& decoder, SequenceState& state) {
  const auto page_bytes = static_cast<size_t>(decoder.page_bytes());
  const size_t most = transfer.tokens.size() / kPagePositions;
  while (state.known.size() < most) {
    const size_t index = state.known.size();
    const int64_t begin = pages_before(transfer, cache, index) - transfer.first,
                  end = pages_before(transfer, cache, index + 1) - transfer.first;
    if (begin < 0 || static_cast<size_t>(end) * page_bytes > transfer.bytes.size()) return;
    if (!cache.make_room(state, position_behind(transfer))) return;
    decoder.write_pages(pages_at(state, index), std::span(transfer.bytes)
                                                    .subspan(static_cast<size_t>(begin) * page_bytes,
                                                             static_cast<size_t>(end - begin) * page_bytes));
    cache.brought(state, transfer.tokens, transfer.origin);
    cache.advance(state, transfer.tokens, transfer.origin, position_behind(transfer));
  }
}

std::vector<uint8_t> copy_out(const PageTransfer& transfer, const StateCache& cache, const Decoder& decoder,
                              const SequenceState& state) {
  std::vector<int32_t> pages;
  for (size_t index = 0; index < state.pages(); ++index) {
    int64_t at = pages_before(transfer, cache, index);
    for (const int32_t page : pages_at(state, index)) {
      if (at >= transfer.first && at < transfer.first + transfer.count) pages.push_back(page);
      ++at;
    }
  }
  std::vector<uint8_t> bytes(pages.size() * static_cast<size_t>(decoder.page_bytes()));
  if (!pages.empty()) decoder.read_pages(pages, bytes);
  return bytes;
}

}  // namespace

int64_t pages_of(const PageTransfer& transfer, const StateCache& cache) {
  return pages_before(transfer, cache, transfer.tokens.size() / kPagePositions);
}

Pages transfer_pages(const PageTransfer& transfer, StateCache& cache, Decoder& decoder) {
  HeldState held(cache);
  SequenceState& state = held.state;
  const auto length = std::max(transfer.length, static_cast<int64_t>(transfer.tokens.size()));
  state.variant = decoder.rope_variant(static_cast<int>(length));
  const bool copies = transfer.in || transfer.count > 0;
  cache.advance(state, transfer.tokens, transfer.origin, copies ? position_behind(transfer) : 0);
  Pages found;
  if (transfer.in) copy_in(transfer, cache, decoder, state);
  if (transfer.count > 0) found.bytes = copy_out(transfer, cache, decoder, state);
  found.known = static_cast<int64_t>(state.known.size());
  found.pages = state.held;
  return found;
}

}  // namespace quern
