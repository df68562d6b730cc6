// Loads, stores and prefetches.
#include <type_traits>

#include "emulator/memory.h"

namespace quern::emulator {

namespace {

template <class M, class R, int count>
void load(Warp& warp, const Instruction& i, uint32_t lanes) {
  Access access;
  prepare(warp, i, lanes, sizeof(M) * count, false, false, access);
  for (int part = 0; part < count; ++part) {
    R* d = warp.at<R>(count == 1 ? i.d : warp.program->lists[i.list + static_cast<uint32_t>(part)]);
    each_lane(access.lanes, [&](int l) {
      M value;
      std::memcpy(&value, reinterpret_cast<const std::byte*>(access.addresses[l]) + part * sizeof(M),
                  sizeof(M));
      d[l] = static_cast<R>(value);
    });
  }
}

// From an address that is the same for all lanes: a parameter of the kernel.
template <class M, class R, int count>
void load_fixed(Warp& warp, const Instruction& i, uint32_t lanes) {
  for (int part = 0; part < count; ++part) {
    M value;
    std::memcpy(&value, reinterpret_cast<const std::byte*>(i.offset) + part * sizeof(M), sizeof(M));
    R* d = warp.at<R>(count == 1 ? i.d : warp.program->lists[i.list + static_cast<uint32_t>(part)]);
    each_lane(lanes, [&](int l) { d[l] = static_cast<R>(value); });
  }
}

template <class M, class R, int count>
void store(Warp& warp, const Instruction& i, uint32_t lanes) {
  Access access;
  prepare(warp, i, lanes, sizeof(M) * count, true, false, access);
  for (int part = 0; part < count; ++part) {
    const R* b = warp.at<R>(count == 1 ? i.b : warp.program->lists[i.list + static_cast<uint32_t>(part)]);
    each_lane(access.lanes, [&](int l) {
      const M value = static_cast<M>(b[l]);
      std::memcpy(reinterpret_cast<std::byte*>(access.addresses[l]) + part * sizeof(M), &value, sizeof(M));
    });
  }
}

struct Shape {
  Type type;
  uint32_t register_bits;
  size_t count;
};

enum class What { load, load_fixed, store };

template <What what, class M, class R>
Handler by_count(size_t count) {
  const auto pick = [](Handler loads, Handler fixed, Handler stores) {
    return what == What::load ? loads : what == What::load_fixed ? fixed : stores;
  };
  switch (count) {
    case 1:
      return pick(load<M, R, 1>, load_fixed<M, R, 1>, store<M, R, 1>);
    case 2:
      return pick(load<M, R, 2>, load_fixed<M, R, 2>, store<M, R, 2>);
    case 4:
      return pick(load<M, R, 4>, load_fixed<M, R, 4>, store<M, R, 4>);
    case 8:
      return pick(load<M, R, 8>, load_fixed<M, R, 8>, store<M, R, 8>);
    default:
      return nullptr;
  }
}

template <What what, class M>
Handler by_register(const Shape& shape) {
  if constexpr (sizeof(M) <= 2) {
    if (shape.register_bits == 16) return by_count<what, M, uint16_t>(shape.count);
  }
  if constexpr (sizeof(M) <= 4) {
    if (shape.register_bits == 32) return by_count<what, M, uint32_t>(shape.count);
  }
  if (shape.register_bits == 64) return by_count<what, M, uint64_t>(shape.count);
  return nullptr;
}

template <What what>
Handler by_memory(const Shape& shape) {
  const bool is_signed = shape.type.kind == Type::Kind::is_signed;
  switch (shape.type.all_bits()) {
    case 8:
      return is_signed ? by_register<what, int8_t>(shape) : by_register<what, uint8_t>(shape);
    case 16:
      return is_signed ? by_register<what, int16_t>(shape) : by_register<what, uint16_t>(shape);
    case 32:
      return is_signed ? by_register<what, int32_t>(shape) : by_register<what, uint32_t>(shape);
    case 64:
      return by_register<what, uint64_t>(shape);
    default:
      return nullptr;
  }
}

// The registers of a vector, or the one that there is.
Shape fill_values(Form& form, const ptx::Operand& values, const Type& type, size_t count, bool writes) {
  const bool is_vector = values.kind == ptx::Operand::Kind::vector;
  if ((is_vector ? values.parts.size() : 1) != count) form.unsupported("another number of values");
  uint32_t bits = std::max(type.all_bits(), 16u);
  for (size_t part = 0; part < count; ++part)
    bits = std::max(bits, form.width(is_vector ? values.parts[part] : values, 0));
  const auto place = [&](const ptx::Operand& value) {
    return writes ? form.write(value, bits) : form.read(value, bits);
  };
  if (!is_vector) {
    (writes ? form.out.d : form.out.b) = place(values);
    return {type, bits, count};
  }
  std::vector<Place> places;
  for (const ptx::Operand& value : values.parts) places.push_back(place(value));
  auto& lists = form.decoder.program.lists;
  form.out.list = static_cast<uint32_t>(lists.size());
  lists.insert(lists.end(), places.begin(), places.end());
  if (count == 1) (writes ? form.out.d : form.out.b) = places[0];
  return {type, bits, count};
}

size_t take_count(Form& form) {
  const std::string_view count = form.take_one({"v2", "v4", "v8"});
  return count.empty() ? 1 : static_cast<size_t>(count[1] - '0');
}

void decode_access(Form& form) {
  const bool is_load = form.name() != "st";
  bool is_parameter = false;
  Manners manners = take_manners(form, &is_parameter);
  const size_t count = take_count(form);
  const Type type = form.type();
  const ptx::Operand& address = form.operand(is_load ? 1 : 0);
  const Shape shape = fill_values(form, form.operand(is_load ? 0 : 1), type, count, is_load);
  if (address.kind != ptx::Operand::Kind::memory) form.unsupported();
  const std::byte* fixed = is_parameter && is_load ? fixed_address(form, address) : nullptr;
  if (fixed) {
    form.out.offset = reinterpret_cast<int64_t>(fixed);
    form.out.run = by_memory<What::load_fixed>(shape);
  } else {
    // Parameters of functions lie in each lane's local memory, those of kernels where all read them.
    if (is_parameter) {
      const bool is_local = address.parts[0].kind == ptx::Operand::Kind::variable;
      manners.space = is_local ? MemorySpace::local : MemorySpace::constant;
    }
    form.out.kind = access_kind(manners);
    fill_address(form, address, manners.space);
    form.out.run = is_load ? by_memory<What::load>(shape) : by_memory<What::store>(shape);
    form.out.flow = Flow::fallible;
  }
  if (!form.out.run) form.unsupported();
}

void nothing(Warp&, const Instruction&, uint32_t) {}

void decode_prefetch(Form& form) {
  while (!form.untaken().empty()) form.take(form.untaken());
  form.out.run = nothing;
}

}  // namespace

void add_memory_forms(DecodeTable& table) {
  table["ld"] = decode_access;
  table["ldu"] = decode_access;
  table["st"] = decode_access;
  for (const std::string_view name : {"prefetch", "prefetchu", "discard", "applypriority", "createpolicy"}) {
    table[name] = decode_prefetch;
  }
}

}  // namespace quern::emulator
