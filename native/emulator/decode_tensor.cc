// mma.sync and ldmatrix: which lane holds which elements. Lane l is of row g = l / 4 and pair t = l % 4.
#include "emulator/memory.h"
#include "emulator/tensor_core.h"

namespace quern::emulator {

namespace {

template <class T>
std::vector<Place> places(Form& form, size_t index, size_t count, T place) {
  const ptx::Operand& vector = form.operand(index);
  const bool is_vector = vector.kind == ptx::Operand::Kind::vector;
  if ((is_vector ? vector.parts.size() : 1) != count) form.unsupported("another number of registers");
  std::vector<Place> found;
  for (size_t part = 0; part < count; ++part) found.push_back(place(is_vector ? vector.parts[part] : vector));
  return found;
}

void append(Form& form, const std::vector<Place>& more) {
  auto& lists = form.decoder.program.lists;
  lists.insert(lists.end(), more.begin(), more.end());
}

// The registers of an mma lie in Program::lists: d, a, b, c.
template <SmallFloat type, int depth>
void mma_float(Warp& warp, const Instruction& i, uint32_t) {
  ++warp.block->counters.tensor_instructions;
  constexpr int kPairs = depth / 8;  // of registers of a; registers of b
  const uint32_t* list = warp.program->lists.data() + i.list;
  uint16_t a[16][16], b[16][8];
  float d[16][8];
  for (int r = 0; r < 2 * kPairs; ++r) {
    const auto* from = warp.at<uint32_t>(list[4 + r]);
    for (int l = 0; l < kLanes; ++l) {
      const int row = l / 4 + 8 * (r % 2), k = l % 4 * 2 + 8 * (r / 2);
      a[row][k] = static_cast<uint16_t>(from[l]);
      a[row][k + 1] = static_cast<uint16_t>(from[l] >> 16);
    }
  }
  for (int r = 0; r < kPairs; ++r) {
    const auto* from = warp.at<uint32_t>(list[4 + 2 * kPairs + r]);
    for (int l = 0; l < kLanes; ++l) {
      const int k = l % 4 * 2 + 8 * r;
      b[k][l / 4] = static_cast<uint16_t>(from[l]);
      b[k + 1][l / 4] = static_cast<uint16_t>(from[l] >> 16);
    }
  }
  for (int r = 0; r < 4; ++r) {
    const auto* from = warp.at<float>(list[4 + 3 * kPairs + r]);
    for (int l = 0; l < kLanes; ++l) d[l / 4 + 8 * (r / 2)][l % 4 * 2 + r % 2] = from[l];
  }
  multiply_add(type, depth, a, b, d);
  for (int r = 0; r < 4; ++r) {
    auto* to = warp.at<float>(list[r]);
    for (int l = 0; l < kLanes; ++l) to[l] = d[l / 4 + 8 * (r / 2)][l % 4 * 2 + r % 2];
  }
}

// 8-bit integers, depth 16 or 32; A and B: int8_t or uint8_t.
template <class A, class B, int depth>
void mma_integer(Warp& warp, const Instruction& i, uint32_t) {
  ++warp.block->counters.tensor_instructions;
  constexpr int kPairs = depth / 16;
  const uint32_t* list = warp.program->lists.data() + i.list;
  A a[16][32];
  B b[8][32];
  for (int r = 0; r < 2 * kPairs; ++r) {
    const auto* from = warp.at<uint32_t>(list[4 + r]);
    for (int l = 0; l < kLanes; ++l)
      std::memcpy(&a[l / 4 + 8 * (r % 2)][l % 4 * 4 + 16 * (r / 2)], from + l, 4);
  }
  for (int r = 0; r < kPairs; ++r) {
    const auto* from = warp.at<uint32_t>(list[4 + 2 * kPairs + r]);
    for (int l = 0; l < kLanes; ++l) std::memcpy(&b[l / 4][l % 4 * 4 + 16 * r], from + l, 4);
  }
  uint32_t results[4][kLanes];
  for (int r = 0; r < 4; ++r) {
    const auto* from = warp.at<uint32_t>(list[4 + 3 * kPairs + r]);
    for (int l = 0; l < kLanes; ++l) {
      const A* row = a[l / 4 + 8 * (r / 2)];
      const B* column = b[l % 4 * 2 + r % 2];
      int32_t sum = 0;
      for (int k = 0; k < depth; ++k) sum += row[k] * column[k];
      results[r][l] = from[l] + static_cast<uint32_t>(sum);
    }
  }
  for (int r = 0; r < 4; ++r) std::memcpy(warp.at<uint32_t>(list[r]), results[r], sizeof results[r]);
}

Handler float_product(const Type& type, int depth) {
  const bool is_brain = type.kind == Type::Kind::brain;
  if (depth == 16) return is_brain ? mma_float<SmallFloat::brain, 16> : mma_float<SmallFloat::half, 16>;
  return is_brain ? mma_float<SmallFloat::brain, 8> : mma_float<SmallFloat::half, 8>;
}

template <int depth>
Handler integer_product(bool a_is_signed, bool b_is_signed) {
  if (a_is_signed)
    return b_is_signed ? mma_integer<int8_t, int8_t, depth> : mma_integer<int8_t, uint8_t, depth>;
  return b_is_signed ? mma_integer<uint8_t, int8_t, depth> : mma_integer<uint8_t, uint8_t, depth>;
}

void decode_mma(Form& form) {
  form.take("sync");
  form.take("aligned");
  const std::string_view shape = form.take_one({"m16n8k8", "m16n8k16", "m16n8k32"});
  if (shape.empty() || !form.take("row") || !form.take("col") || form.take("satfinite")) form.unsupported();
  const Type d = form.type(), a = form.type(), b = form.type(), c = form.type();
  const int depth = shape == "m16n8k8" ? 8 : shape == "m16n8k16" ? 16 : 32;
  const bool is_float = d.is_float() && d.bits == 32 && c.is_float() && c.bits == 32 && a.is_float() &&
                        a.bits == 16 && a.kind == b.kind && b.bits == 16 && depth <= 16;
  const bool is_integer =
      d.bits == 32 && c.bits == 32 && !d.is_float() && a.bits == 8 && b.bits == 8 && depth >= 16;
  if (!is_float && !is_integer) form.unsupported();
  const size_t pairs = static_cast<size_t>(is_float ? depth / 8 : depth / 16);
  const auto reads = [&](const ptx::Operand& part) { return form.read(part, 32); };
  const auto to = places(form, 0, 4, [&](const ptx::Operand& part) { return form.write(part, 32); });
  const auto left = places(form, 1, 2 * pairs, reads), right = places(form, 2, pairs, reads),
             sum = places(form, 3, 4, reads);
  form.out.list = static_cast<uint32_t>(form.decoder.program.lists.size());
  for (const auto& more : {to, left, right, sum}) append(form, more);
  const bool a_is_signed = a.kind == Type::Kind::is_signed, b_is_signed = b.kind == Type::Kind::is_signed;
  form.out.c = form.decoder.constant(kAllLanes, 32);
  form.out.flow = Flow::collect;
  form.out.run = is_float      ? float_product(a, depth)
                 : depth == 32 ? integer_product<32>(a_is_signed, b_is_signed)
                               : integer_product<16>(a_is_signed, b_is_signed);
}

// Lane i gives where row i % 8 of matrix i / 8 lies; each lane gets two elements of each matrix.
template <int count, bool transposes>
void load_matrix(Warp& warp, const Instruction& i, uint32_t) {
  Access access;
  prepare(warp, i, count == 4 ? kAllLanes : (1u << (8 * count)) - 1, 16, false, false, access);
  if (warp.has_stopped) return;
  const uint32_t* list = warp.program->lists.data() + i.list;
  uint16_t rows[count][8][8];
  for (int l = 0; l < 8 * count; ++l)
    std::memcpy(rows[l / 8][l % 8], reinterpret_cast<const void*>(access.addresses[l]), 16);
  for (int m = 0; m < count; ++m) {
    auto* d = warp.at<uint32_t>(list[m]);
    for (int l = 0; l < kLanes; ++l) {
      const int g = l / 4, t = l % 4 * 2;
      const uint32_t low = transposes ? rows[m][t][g] : rows[m][g][t];
      const uint32_t high = transposes ? rows[m][t + 1][g] : rows[m][g][t + 1];
      d[l] = low | high << 16;
    }
  }
}

template <int count>
Handler loader(bool transposes) {
  return transposes ? load_matrix<count, true> : load_matrix<count, false>;
}

void decode_ldmatrix(Form& form) {
  form.take("sync");
  form.take("aligned");
  if (!form.take("m8n8")) form.unsupported();
  const std::string_view count = form.take_one({"x1", "x2", "x4"});
  const bool transposes = form.take("trans");
  form.take_one({"shared", "shared::cta"});
  if (count.empty() || form.type().bits != 16) form.unsupported();
  const auto matrices = static_cast<size_t>(count[1] - '0');
  const auto to = places(form, 0, matrices, [&](const ptx::Operand& part) { return form.write(part, 32); });
  form.out.list = static_cast<uint32_t>(form.decoder.program.lists.size());
  append(form, to);
  fill_address(form, form.operand(1), MemorySpace::shared);
  form.out.c = form.decoder.constant(kAllLanes, 32);
  form.out.flow = Flow::collect;
  form.out.run = matrices == 4   ? loader<4>(transposes)
                 : matrices == 2 ? loader<2>(transposes)
                                 : loader<1>(transposes);
}

}  // namespace

void add_tensor_forms(DecodeTable& table) {
  table["mma"] = decode_mma;
  table["ldmatrix"] = decode_ldmatrix;
}

}  // namespace quern::emulator
