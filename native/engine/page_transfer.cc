#include "engine/page_transfer.h"

#include <algorithm>
#include <span>

#include "core/error.h"

namespace quern {

namespace {

// Pages that are held as long as this lives.
struct HeldPages {
  explicit HeldPages(PrefixCache& of) : cache(of) {}
  ~HeldPages() { cache.cut(pages, 0); }
  HeldPages(const HeldPages&) = delete;
  HeldPages& operator=(const HeldPages&) = delete;
  PrefixCache& cache;
  std::vector<int32_t> pages;
};

void copy_in(const PageTransfer& transfer, int32_t variant, PrefixCache& cache, Decoder& decoder,
             std::vector<int32_t>& pages) {
  const auto page_bytes = static_cast<size_t>(decoder.page_bytes());
  const auto first = static_cast<size_t>(transfer.first);
  const size_t end =
      std::min(first + transfer.bytes.size() / page_bytes, transfer.tokens.size() / kPagePositions);
  while (pages.size() >= first && pages.size() < end && cache.take(1, pages)) {
    const size_t page = pages.size() - 1;
    decoder.write_pages({&pages[page], 1},
                        std::span(transfer.bytes).subspan((page - first) * page_bytes, page_bytes));
    const int32_t parent = PrefixCache::parent(variant, pages, page);
    pages[page] =
        cache.learn_from(transfer.origin, parent, &transfer.tokens[page * kPagePositions], pages[page]);
    cache.extend(variant, std::span(transfer.tokens).first(end * kPagePositions), transfer.origin, pages);
  }
}

}  // namespace

Pages transfer_pages(const PageTransfer& transfer, PrefixCache& cache, Decoder& decoder) {
  Pages found;
  const int32_t variant = decoder.rope_variant(static_cast<int>(transfer.tokens.size()));
  HeldPages held(cache);
  std::vector<int32_t>& pages = held.pages;
  cache.extend(variant, transfer.tokens, transfer.origin, pages);
  if (transfer.in) copy_in(transfer, variant, cache, decoder, pages);
  found.known = static_cast<int64_t>(pages.size());
  if (transfer.in) return found;
  const int64_t count = std::max<int64_t>(0, std::min(transfer.count, found.known - transfer.first));
  found.bytes.resize(static_cast<size_t>(count * decoder.page_bytes()));
  if (count > 0) {
    const auto first = static_cast<size_t>(transfer.first);
    decoder.read_pages(std::span(pages).subspan(first, static_cast<size_t>(count)), found.bytes);
  }
  return found;
}

}  // namespace quern
