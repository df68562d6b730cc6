// What the lanes of a warp do together: shuffles, votes, reductions, matches.
#include <algorithm>

#include "emulator/decoder.h"
#include "emulator/warp.h"

namespace quern::emulator {

namespace {

enum Shuffle : uint8_t { kUp, kDown, kButterfly, kIndexed };

// The lane that each reads, as PTX defines it: c holds where segments begin and how far they reach.
void shuffle(Warp& warp, const Instruction& i, uint32_t lanes) {
  const auto *a = warp.at<uint32_t>(i.a), *b = warp.at<uint32_t>(i.b), *clamps = warp.at<uint32_t>(i.e);
  uint32_t values[kLanes], inside = 0;
  std::copy(a, a + kLanes, values);
  auto* d = warp.at<uint32_t>(i.d);
  each_lane(lanes, [&](int lane) {
    const auto l = static_cast<uint32_t>(lane);
    const uint32_t by = b[l] & 31, clamp = clamps[l] & 31, segment = clamps[l] >> 8 & 31;
    const uint32_t last = (l & segment) | (clamp & ~segment), first = l & segment;
    int from = 0;
    bool is_inside = false;
    switch (i.kind) {
      case kUp:
        from = lane - static_cast<int>(by);
        is_inside = from >= static_cast<int>(last);
        break;
      case kDown:
        from = lane + static_cast<int>(by);
        is_inside = from <= static_cast<int>(last);
        break;
      case kButterfly:
        from = lane ^ static_cast<int>(by);
        is_inside = from <= static_cast<int>(last);
        break;
      default:
        from = static_cast<int>(first | (by & ~segment));
        is_inside = from <= static_cast<int>(last);
    }
    if (!is_inside) from = lane;
    if (!(lanes >> from & 1) && !warp.has_stopped) {
      warp.fault("divergence", i,
                 "a shuffle from lane " + std::to_string(from) + ", which does not take part", lane);
    }
    d[l] = values[from];
    inside |= uint32_t{is_inside} << l;
  });
  if (i.predicate == kNowhere) return;
  uint32_t& p = warp.predicate(i.predicate);
  p = (p & ~lanes) | inside;
}

void decode_shfl(Form& form) {
  form.take("sync");
  const std::string_view mode = form.take_one({"up", "down", "bfly", "idx"});
  if (mode.empty() || form.type().bits != 32) form.unsupported();
  form.out.kind = mode == "up" ? kUp : mode == "down" ? kDown : mode == "bfly" ? kButterfly : kIndexed;
  const ptx::Operand& to = form.operand(0);
  const bool is_pair = to.kind == ptx::Operand::Kind::pair;
  form.out.d = form.write(is_pair ? to.parts[0] : to, 32);
  form.out.predicate = is_pair ? form.write(to.parts[1], 1) : kNowhere;
  form.out.a = form.read(1, 32);
  form.out.b = form.read(2, 32);
  form.out.e = form.read(3, 32);
  form.out.c = form.read(4, 32);
  form.out.flow = Flow::collect;
  form.out.run = shuffle;
}

enum Vote : uint8_t { kAll, kAny, kUniform, kBallot };

void vote(Warp& warp, const Instruction& i, uint32_t lanes) {
  const uint32_t votes = (warp.predicate(i.a) ^ (i.bytes ? ~0u : 0)) & lanes;
  if (i.kind == kBallot) {
    auto* d = warp.at<uint32_t>(i.d);
    each_lane(lanes, [&](int l) { d[l] = votes; });
    return;
  }
  const bool result = i.kind == kAll   ? votes == lanes
                      : i.kind == kAny ? votes != 0
                                       : votes == 0 || votes == lanes;
  uint32_t& d = warp.predicate(i.d);
  d = (d & ~lanes) | (result ? lanes : 0);
}

void decode_vote(Form& form) {
  form.take("sync");
  const std::string_view mode = form.take_one({"all", "any", "uni", "ballot"});
  if (mode.empty()) form.unsupported();
  form.out.kind = mode == "all" ? kAll : mode == "any" ? kAny : mode == "uni" ? kUniform : kBallot;
  form.out.d = form.write(0, form.type().bits);
  form.out.a = form.read(1, 1);
  form.out.bytes = form.operand(1).is_negated;
  form.out.c = form.read(2, 32);
  form.out.flow = Flow::collect;
  form.out.run = vote;
}

template <class T, auto operation>
void reduce(Warp& warp, const Instruction& i, uint32_t lanes) {
  const T* a = warp.at<T>(i.a);
  T result = a[std::countr_zero(lanes)];
  for (uint32_t rest = lanes & (lanes - 1); rest; rest &= rest - 1)
    result = operation(result, a[std::countr_zero(rest)]);
  T* d = warp.at<T>(i.d);
  each_lane(lanes, [&](int l) { d[l] = result; });
}

void decode_redux(Form& form) {
  form.take("sync");
  const std::string_view name = form.take_one({"add", "min", "max", "and", "or", "xor"});
  const Type type = form.type();
  if (type.bits != 32 || type.is_float()) form.unsupported();
  form.out.d = form.write(0, 32);
  form.out.a = form.read(1, 32);
  form.out.c = form.read(2, 32);
  form.out.flow = Flow::collect;
  using U = uint32_t;
  using S = int32_t;
  const bool is_signed = type.kind == Type::Kind::is_signed;
  if (name == "add") form.out.run = reduce<U, [](U a, U b) { return a + b; }>;
  if (name == "and") form.out.run = reduce<U, [](U a, U b) { return a & b; }>;
  if (name == "or") form.out.run = reduce<U, [](U a, U b) { return a | b; }>;
  if (name == "xor") form.out.run = reduce<U, [](U a, U b) { return a ^ b; }>;
  if (name == "min")
    form.out.run = is_signed ? reduce<S, [](S a, S b) { return std::min(a, b); }>
                             : reduce<U, [](U a, U b) { return std::min(a, b); }>;
  if (name == "max")
    form.out.run = is_signed ? reduce<S, [](S a, S b) { return std::max(a, b); }>
                             : reduce<U, [](U a, U b) { return std::max(a, b); }>;
  if (!form.out.run) form.unsupported();
}

template <class T>
void match_any(Warp& warp, const Instruction& i, uint32_t lanes) {
  const T* a = warp.at<T>(i.a);
  uint32_t found[kLanes];
  each_lane(lanes, [&](int l) {
    uint32_t same = 0;
    each_lane(lanes, [&](int other) { same |= uint32_t{a[other] == a[l]} << other; });
    found[l] = same;
  });
  auto* d = warp.at<uint32_t>(i.d);
  each_lane(lanes, [&](int l) { d[l] = found[l]; });
}

template <class T>
void match_all(Warp& warp, const Instruction& i, uint32_t lanes) {
  const T* a = warp.at<T>(i.a);
  const T first = a[std::countr_zero(lanes)];
  bool all = true;
  each_lane(lanes, [&](int l) { all = all && a[l] == first; });
  auto* d = warp.at<uint32_t>(i.d);
  each_lane(lanes, [&](int l) { d[l] = all ? lanes : 0; });
  if (i.predicate == kNowhere) return;
  uint32_t& p = warp.predicate(i.predicate);
  p = (p & ~lanes) | (all ? lanes : 0);
}

void decode_match(Form& form) {
  const bool any = form.take_one({"any", "all"}) == "any";
  form.take("sync");
  const uint32_t bits = form.type().bits;
  const ptx::Operand& to = form.operand(0);
  const bool is_pair = to.kind == ptx::Operand::Kind::pair;
  form.out.d = form.write(is_pair ? to.parts[0] : to, 32);
  form.out.predicate = is_pair ? form.write(to.parts[1], 1) : kNowhere;
  form.out.a = form.read(1, bits);
  form.out.c = form.read(2, 32);
  form.out.flow = Flow::collect;
  form.out.run = bits == 64 ? (any ? match_any<uint64_t> : match_all<uint64_t>)
                            : (any ? match_any<uint32_t> : match_all<uint32_t>);
}

void active_mask(Warp& warp, const Instruction& i, uint32_t lanes) {
  auto* d = warp.at<uint32_t>(i.d);
  each_lane(lanes, [&](int l) { d[l] = lanes; });
}

void decode_activemask(Form& form) {
  form.out.d = form.write(0, form.type().bits);
  form.out.run = active_mask;
}

// One of the lanes: the lowest.
void elect(Warp& warp, const Instruction& i, uint32_t lanes) {
  const auto first = static_cast<uint32_t>(std::countr_zero(lanes));
  auto* d = warp.at<uint32_t>(i.d);
  each_lane(lanes, [&](int l) { d[l] = first; });
  uint32_t& p = warp.predicate(i.predicate);
  p = (p & ~lanes) | 1u << first;
}

void decode_elect(Form& form) {
  form.take("sync");
  const ptx::Operand& to = form.operand(0);
  if (to.kind != ptx::Operand::Kind::pair) form.unsupported();
  form.out.d = form.write(to.parts[0], 32);
  form.out.predicate = form.write(to.parts[1], 1);
  form.out.c = form.read(1, 32);
  form.out.flow = Flow::collect;
  form.out.run = elect;
}

}  // namespace

void add_warp_forms(DecodeTable& table) {
  table["shfl"] = decode_shfl;
  table["vote"] = decode_vote;
  table["redux"] = decode_redux;
  table["match"] = decode_match;
  table["activemask"] = decode_activemask;
  table["elect"] = decode_elect;
}

}  // namespace quern::emulator
