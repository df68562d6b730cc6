#include "tokenizer/merge_table.h"

#include "core/error.h"
#include "tokenizer/probe_budget.h"

namespace quern {
namespace {

constexpr uint64_t kNextMultiplier = 0xD1342543DE82EF95u;  // odd (Steele and Vigna 2021)

}  // namespace

MergeTable::MergeTable(const std::vector<Merge>& merges) {
  int bits = 4;
  while ((size_t{1} << bits) < merges.size() * 2) ++bits;
  shift_ = 64 - bits;
  for (int functions = 1; !fill_slots(merges); ++functions) {
    if (functions == ProbeBudget::kMostFunctions)
      throw Error("invalid_tokenizer", "tokenizer: the ids of the merges are chosen to make searches long");
    multiplier_ *= kNextMultiplier;
  }
}

// False where the hash function puts too many together.
bool MergeTable::fill_slots(const std::vector<Merge>& merges) {
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

}  // namespace quern
