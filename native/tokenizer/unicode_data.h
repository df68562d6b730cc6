// The raw tables behind unicode.h and nfc.h, as scripts/make-unicode-tables.mjs writes them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace quern {

// Ranges as (gap from the end of the last range, length - 1).
extern const uint32_t kLetterRanges[];
extern const size_t kLetterRanges_count;
extern const uint32_t kNumberRanges[];
extern const size_t kNumberRanges_count;
extern const uint32_t kNumericRanges[];
extern const size_t kNumericRanges_count;
extern const uint32_t kSpaceRanges[];
extern const size_t kSpaceRanges_count;
extern const uint32_t kWordRanges[];
extern const size_t kWordRanges_count;

// (gap, length - 1, rank of the canonical combining class)
extern const uint32_t kCombiningClassRanges[];
extern const size_t kCombiningClassRanges_count;
// (first, second, composed)
extern const uint32_t kCompositions[];
extern const size_t kCompositions_count;
// (code point, and what NFC puts in its place: up to three code points, 0 for none)
extern const uint32_t kDecompositions[];
extern const size_t kDecompositions_count;

}  // namespace quern
