// mov in all its forms, selp, cvta, isspacep, clocks.
#include "emulator/arena.h"
#include "emulator/decoder.h"
#include "emulator/warp.h"

namespace quern::emulator {

void local_address(Warp& warp, const Instruction& i, uint32_t lanes) {
  auto* d = warp.at<uint64_t>(i.d);
  const uint32_t frame = warp.frames[warp.running_frame].local;
  each_lane(lanes, [&](int l) {
    d[l] = reinterpret_cast<uint64_t>(warp.local_of(l) + frame) + static_cast<uint64_t>(i.offset);
  });
}

namespace {

constexpr auto same = [](auto x) { return x; };

void move_predicate(Warp& warp, const Instruction& i, uint32_t lanes) {
  uint32_t& d = warp.predicate(i.d);
  d = (d & ~lanes) | (warp.predicate(i.a) & lanes);
}

// One wide register of several narrow ones; the lowest comes first.
template <class Wide, class Narrow>
void pack(Warp& warp, const Instruction& i, uint32_t lanes) {
  constexpr int kParts = sizeof(Wide) / sizeof(Narrow);
  const Narrow* parts[kParts];
  for (int p = 0; p < kParts; ++p)
    parts[p] = warp.at<Narrow>(warp.program->lists[i.list + static_cast<uint32_t>(p)]);
  Wide* d = warp.at<Wide>(i.d);
  each_lane(lanes, [&](int l) {
    Wide value = 0;
    for (int p = 0; p < kParts; ++p)
      value |= static_cast<Wide>(static_cast<Wide>(parts[p][l]) << (p * 8 * sizeof(Narrow)));
    d[l] = value;
  });
}

template <class Wide, class Narrow>
void unpack(Warp& warp, const Instruction& i, uint32_t lanes) {
  constexpr int kParts = sizeof(Wide) / sizeof(Narrow);
  Narrow* parts[kParts];
  for (int p = 0; p < kParts; ++p)
    parts[p] = warp.at<Narrow>(warp.program->lists[i.list + static_cast<uint32_t>(p)]);
  const Wide* a = warp.at<Wide>(i.a);
  each_lane(lanes, [&](int l) {
    const Wide value = a[l];
    for (int p = 0; p < kParts; ++p) parts[p][l] = static_cast<Narrow>(value >> (p * 8 * sizeof(Narrow)));
  });
}

// Time: the instructions that the block has run.
template <class T>
void clock(Warp& warp, const Instruction& i, uint32_t lanes) {
  T* d = warp.at<T>(i.d);
  const uint64_t now = warp.block->counters.warp_instructions;
  each_lane(lanes, [&](int l) { d[l] = static_cast<T>(now); });
}

Handler copy_of(uint32_t bits) {
  return bits == 16   ? unary<same, uint16_t, uint16_t>
         : bits == 32 ? unary<same, uint32_t, uint32_t>
                      : unary<same, uint64_t, uint64_t>;
}

void decode_mov(Form& form) {
  const Type type = form.type();
  const ptx::Operand &to = form.operand(0), &from = form.operand(1);
  using Kind = ptx::Operand::Kind;
  if (to.kind == Kind::vector || from.kind == Kind::vector) {
    const bool packs = from.kind == Kind::vector;
    const auto& parts = (packs ? from : to).parts;
    const uint32_t narrow = type.bits / static_cast<uint32_t>(parts.size());
    form.out.list = static_cast<uint32_t>(form.decoder.program.lists.size());
    std::vector<Place> places;
    for (const ptx::Operand& part : parts)
      places.push_back(packs ? form.read(part, narrow) : form.write(part, narrow));
    form.decoder.program.lists.insert(form.decoder.program.lists.end(), places.begin(), places.end());
    if (packs) {
      form.out.d = form.write(to, type.bits);
    } else {
      form.out.a = form.read(from, type.bits);
    }
    if (type.bits == 32 && narrow == 16) {
      form.out.run = packs ? pack<uint32_t, uint16_t> : unpack<uint32_t, uint16_t>;
    } else if (type.bits == 64 && narrow == 32) {
      form.out.run = packs ? pack<uint64_t, uint32_t> : unpack<uint64_t, uint32_t>;
    } else if (type.bits == 64 && narrow == 16) {
      form.out.run = packs ? pack<uint64_t, uint16_t> : unpack<uint64_t, uint16_t>;
    } else {
      form.unsupported();
    }
    return;
  }
  form.out.d = form.write(to, type.bits);
  if (from.kind == Kind::symbol &&
      (from.text == "%clock" || from.text == "%clock64" || from.text == "%globaltimer")) {
    form.out.run = type.bits == 64 ? clock<uint64_t> : clock<uint32_t>;
    return;
  }
  if (from.kind == Kind::variable) {
    const ptx::Variable& variable = form.decoder.function().variables[static_cast<size_t>(from.index)];
    if (!form.decoder.is_kernel_parameter(from.index) && variable.space != ptx::Space::shared) {
      if (type.bits != 64) form.unsupported();
      form.out.offset = form.decoder.slot(from.index).offset + from.offset;
      form.out.run = local_address;
      return;
    }
  }
  form.out.a = form.read(from, type.bits);
  form.out.run = type.bits == 1 ? move_predicate : copy_of(type.bits);
}

// Generic addresses are those of this process; only shared memory has others of its own.
void decode_cvta(Form& form) {
  const bool to = form.take("to");
  const std::string_view space =
      form.take_one({"global", "shared", "shared::cta", "const", "local", "param", "param::entry"});
  if (space.empty()) form.unsupported();
  const Type type = form.type();
  form.fill(type, 1);
  form.out.run = copy_of(type.bits);
  if (!space.starts_with("shared")) return;
  if (type.bits != 64) form.unsupported();
  const auto base = reinterpret_cast<uint64_t>(Arena::instance().shared());
  form.out.b = form.decoder.constant(to ? 0 - base : base, 64);
  form.out.run = binary<[](uint64_t a, uint64_t b) { return a + b; }, uint64_t, uint64_t>;
}

void is_shared(Warp& warp, const Instruction& i, uint32_t lanes) {
  const auto* a = warp.at<uint64_t>(i.a);
  const auto base = reinterpret_cast<uint64_t>(warp.block->shared);
  uint32_t result = 0;
  each_lane(lanes, [&](int l) { result |= uint32_t{a[l] - base < Arena::kSharedBytes} << l; });
  uint32_t& d = warp.predicate(i.d);
  d = (d & ~lanes) | result;
}

void is_local(Warp& warp, const Instruction& i, uint32_t lanes) {
  const auto* a = warp.at<uint64_t>(i.a);
  const auto base = reinterpret_cast<uint64_t>(warp.local);
  uint32_t result = 0;
  each_lane(lanes,
            [&](int l) { result |= uint32_t{a[l] - base < uint64_t{kLanes} * warp.local_stride} << l; });
  uint32_t& d = warp.predicate(i.d);
  d = (d & ~lanes) | result;
}

void is_global(Warp& warp, const Instruction& i, uint32_t lanes) {
  const auto* a = warp.at<uint64_t>(i.a);
  const auto begin = reinterpret_cast<uint64_t>(Arena::instance().begin()) + Arena::kSharedBytes;
  const auto end = reinterpret_cast<uint64_t>(Arena::instance().end());
  uint32_t result = 0;
  each_lane(lanes, [&](int l) { result |= uint32_t{a[l] >= begin && a[l] < end} << l; });
  uint32_t& d = warp.predicate(i.d);
  d = (d & ~lanes) | result;
}

void decode_isspacep(Form& form) {
  const std::string_view space = form.take_one({"shared", "shared::cta", "global", "local"});
  form.out.d = form.write(0, 1);
  form.out.a = form.read(1, 64);
  form.out.run = space.starts_with("shared") ? is_shared
                 : space == "local"          ? is_local
                 : space == "global"         ? is_global
                                             : nullptr;
  if (!form.out.run) form.unsupported();
}

void decode_selp(Form& form) {
  const Type type = form.type();
  form.out.d = form.write(0, type.bits);
  form.out.a = form.read(1, type.bits);
  form.out.b = form.read(2, type.bits);
  form.out.c = form.read(3, 1);
  if (form.operand(3).is_negated) std::swap(form.out.a, form.out.b);
  form.out.run = type.bits == 16 ? select<uint16_t> : type.bits == 32 ? select<uint32_t> : select<uint64_t>;
}

}  // namespace

void add_move_forms(DecodeTable& table) {
  table["mov"] = decode_mov;
  table["cvta"] = decode_cvta;
  table["isspacep"] = decode_isspacep;
  table["selp"] = decode_selp;
}

}  // namespace quern::emulator
