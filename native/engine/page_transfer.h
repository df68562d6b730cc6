#pragma once
#include <cstdint>
#include <vector>

#include "engine/prefix_cache.h"
#include "engine/rows.h"
#include "model/decoder.h"

namespace quern {

// Copies known pages of the KV cache out, or brings pages back in, for conversations that are kept in files.
// The engine thread runs it while no step is in flight; a known page is written by nobody else. Pages are
// those of `tokens`, which begin at position 0.
struct PageTransfer {
  uint32_t id = 0;
  // Out: pages of this origin too. In: the origin of those that come, not kComputedHere: files can lie.
  PageOrigin origin = kComputedHere;
  std::vector<int32_t> tokens;
  int64_t first = 0;  // the first page to copy
  int64_t count = 0;  // out: how many at most
  // In: whole pages, Decoder::page_bytes() each. They become known where `first` pages before them are, as
  // far as memory is free.
  std::vector<uint8_t> bytes;
  bool in = false;
};

// Says how many pages of the tokens are known afterwards, and gives those that were asked for.
Pages transfer_pages(const PageTransfer& transfer, PrefixCache& cache, Decoder& decoder);

}  // namespace quern
