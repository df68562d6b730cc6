#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/rows.h"
#include "engine/state_cache.h"
#include "model/decoder.h"

namespace quern {

// Copies known pages of the KV cache out, or brings pages back in, for conversations that are kept in files.
// The engine thread runs it while no step is in flight; a known page is written by nobody else.
//
// Pages are those that a row behind the tokens' last whole page sees: in the order of their positions, and
// for the same positions in the order of the groups of layers. Without windows that is one for each
// kPagePositions tokens.
struct PageTransfer {
  uint32_t id = 0;
  // Out: pages of this origin too. In: the origin of those that come, not kComputedHere: files can lie.
  PageOrigin origin = kComputedHere;
  std::vector<int32_t> tokens;  // those that pages are for
  int64_t first = 0;            // the first page to copy
  int64_t count = 0;  // out: how many at most; 0: asks for how many tokens a sequence could go on from
  // In: whole pages, Decoder::page_bytes() each. They become known where those before them are, as far as
  // memory is free; pages of the same positions come together.
  std::vector<uint8_t> bytes;
  bool in = false;
  int64_t length =
      0;  // tokens of the conversation that begins so, where those are more: angles may depend on it
};

// How many pages a transfer of these tokens is about.
int64_t pages_of(const PageTransfer& transfer, const StateCache& cache);

// Says how much of the tokens is known afterwards, and gives those that were asked for.
Pages transfer_pages(const PageTransfer& transfer, StateCache& cache, Decoder& decoder);

}  // namespace quern
