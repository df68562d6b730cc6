// mma.sync and ldmatrix: where elements lie, by products of small integers, and how sums round, against the
// model that was published for these devices, written here term by term.
#include <algorithm>

#include "ptx_kernel.h"

using namespace ptx_kernel;

namespace {

__extension__ using Wide = __int128;

struct Format {
  std::string name;
  int fraction_bits, bias;
  double value(uint16_t x) const {
    const int exponent = (x & 0x7fff) >> fraction_bits, fraction = x & ((1 << fraction_bits) - 1);
    return (x & 0x8000 ? -1 : 1) * std::ldexp(exponent ? fraction | 1 << fraction_bits : fraction,
                                              std::max(exponent, 1) - bias - fraction_bits);
  }
  int exponent(uint16_t x) const { return std::max((x & 0x7fff) >> fraction_bits, 1) - bias; }
  // One whose exponent is at most `spread` from 0.
  uint16_t random(int spread) const {
    const auto exponent_bits =
        static_cast<uint64_t>(bias - spread) + random_bits() % static_cast<uint64_t>(2 * spread + 1);
    return static_cast<uint16_t>((random_bits() & 0x8000) | exponent_bits << fraction_bits |
                                 (random_bits() & ((1u << fraction_bits) - 1)));
  }
  uint16_t of_integer(int x) const {
    for (uint32_t bits = 0; bits < 65536; ++bits) {
      if (value(static_cast<uint16_t>(bits)) == x) return static_cast<uint16_t>(bits);
    }
    return 0;
  }
};
const Format kF16{"f16", 10, 15}, kBf16{"bf16", 7, 127};

// Cuts |x| off below 2^(exponent - 25), as an integer of that unit.
Wide cut(double x, int exponent) {
  const double scaled = std::trunc(std::ldexp(std::fabs(x), 25 - exponent));
  return x < 0 ? -static_cast<Wide>(scaled) : static_cast<Wide>(scaled);
}

float model(const Format& f, const std::vector<uint16_t>& a, const std::vector<uint16_t>& b, float c) {
  int largest = -133;
  for (size_t k = 0; k < a.size(); ++k) {
    if (f.value(a[k]) != 0 && f.value(b[k]) != 0)
      largest = std::max(largest, f.exponent(a[k]) + f.exponent(b[k]));
  }
  if (c != 0) largest = std::max(largest, std::fpclassify(c) == FP_SUBNORMAL ? -126 : std::ilogb(c));
  Wide sum = cut(c, largest);
  for (size_t k = 0; k < a.size(); ++k) sum += cut(f.value(a[k]) * f.value(b[k]), largest);
  const double exact = std::ldexp(static_cast<double>(sum), largest - 25);  // below 2^53
  float result = static_cast<float>(exact);
  if (std::fabs(double{result}) > std::fabs(exact)) result = std::nextafter(result, 0.0f);
  return result;
}

template <class T>
struct Matrix {
  int rows, columns;
  std::vector<T> numbers;
  Matrix(int r, int c) : rows(r), columns(c), numbers(static_cast<size_t>(r * c)) {}
  T& at(int r, int c) { return numbers[static_cast<size_t>(r * columns + c)]; }
};

// d = a b + c, of one warp that gets its elements from memory one by one, as the manual gives their places.
template <class E, class C>
std::vector<C> multiply(const std::string& shape, const std::string& types, Matrix<E>& a, Matrix<E>& b,
                        Matrix<C>& c) {
  const int depth = a.columns, elements = 4 / static_cast<int>(sizeof(E));  // in a register
  const int a_registers = 16 * depth / 32 / elements, b_registers = 8 * depth / 32 / elements;
  std::vector<uint32_t> fragments(32 * 12);
  const auto put = [&](int lane, int r, int within, E x) {
    std::memcpy(reinterpret_cast<std::byte*>(&fragments[static_cast<size_t>(lane * 12 + r)]) +
                    within * static_cast<int>(sizeof(E)),
                &x, sizeof(E));
  };
  for (int lane = 0; lane < 32; ++lane) {
    const int group = lane / 4, thread = lane % 4;
    for (int i = 0; i < a_registers * elements; ++i) {
      const int r = i / elements;
      const int row = r % 2 == 0 ? group : group + 8;
      const int column = thread * elements + i % elements + (r >= 2 ? 4 * elements : 0);
      put(lane, r, i % elements, a.at(row, column));
    }
    for (int i = 0; i < b_registers * elements; ++i) {
      const int row = thread * elements + i % elements + (i >= elements ? 4 * elements : 0);
      put(lane, 4 + i / elements, i % elements, b.at(row, group));
    }
    for (int i = 0; i < 4; ++i) {
      std::memcpy(&fragments[static_cast<size_t>(lane * 12 + 8 + i)],
                  &c.at(i < 2 ? group : group + 8, thread * 2 + i % 2), 4);
    }
  }
  std::string left, right;
  for (int r = 0; r < a_registers; ++r) left += (r ? ", %r" : "%r") + std::to_string(r);
  for (int r = 0; r < b_registers; ++r) right += (r ? ", %r" : "%r") + std::to_string(4 + r);
  std::string text = module_of(
      ".visible .entry k(.param .u64 from, .param .u64 to) {\n.reg .b32 %r<12>, %i;\n.reg .b64 %f, %t;\n"
      "mov.u32 %i, %laneid; ld.param.u64 %f, [from]; mad.wide.u32 %f, %i, 48, %f; ld.param.u64 %t, [to]; "
      "mad.wide.u32 %t, %i, 16, %t;\n");
  for (int r = 0; r < 12; ++r)
    text += "ld.global.b32 %r" + std::to_string(r) + ", [%f+" + std::to_string(4 * r) + "];\n";
  text += "mma.sync.aligned." + shape + ".row.col." + types + " {%r8, %r9, %r10, %r11}, {" + left + "}, {" +
          right +
          "}, {%r8, %r9, %r10, %r11};\n"
          "st.global.v4.b32 [%t], {%r8, %r9, %r10, %r11};\nret;\n}\n";
  auto* result = device_array(std::vector<C>(128));
  const std::string found = launch(text, {{1}, {32}, 0}, {address(device_array(fragments)), address(result)});
  if (!found.empty()) throw std::runtime_error(found);
  std::vector<C> d(128);
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) {
      d[static_cast<size_t>((lane / 4 + (i < 2 ? 0 : 8)) * 8 + lane % 4 * 2 + i % 2)] = result[lane * 4 + i];
    }
  }
  return d;
}

void check_layout(const Format& f, int depth) {
  Matrix<uint16_t> a(16, depth), b(depth, 8);
  Matrix<float> c(16, 8);
  std::vector<int> x(static_cast<size_t>(16 * depth)), y(static_cast<size_t>(8 * depth));
  for (size_t i = 0; i < x.size(); ++i)
    a.numbers[i] = f.of_integer(x[i] = static_cast<int>(random_bits() % 17) - 8);
  for (size_t i = 0; i < y.size(); ++i)
    b.numbers[i] = f.of_integer(y[i] = static_cast<int>(random_bits() % 17) - 8);
  for (float& z : c.numbers) z = static_cast<float>(static_cast<int>(random_bits() % 201) - 100);
  const auto d = multiply("m16n8k" + std::to_string(depth), "f32." + f.name + "." + f.name + ".f32", a, b, c);
  for (int row = 0; row < 16; ++row) {
    for (int n = 0; n < 8; ++n) {
      float sum = c.at(row, n);
      for (int k = 0; k < depth; ++k)
        sum +=
            static_cast<float>(x[static_cast<size_t>(row * depth + k)] * y[static_cast<size_t>(k * 8 + n)]);
      CHECK_EQ(d[static_cast<size_t>(row * 8 + n)], sum);
    }
  }
}

void check_rounding(const Format& f, int depth, int spread, float scale_of_c) {
  Matrix<uint16_t> a(16, depth), b(depth, 8);
  Matrix<float> c(16, 8);
  for (uint16_t& x : a.numbers) x = random_bits() % 10 == 0 ? 0 : f.random(spread);
  for (uint16_t& x : b.numbers) x = random_bits() % 10 == 0 ? 0x8000 : f.random(spread);
  for (float& z : c.numbers)
    z = random_bits() % 10 == 0
            ? 0
            : static_cast<float>(static_cast<double>(random_bits()) / 0x1p63 - 1) * scale_of_c;
  const auto d = multiply("m16n8k" + std::to_string(depth), "f32." + f.name + "." + f.name + ".f32", a, b, c);
  for (int row = 0; row < 16; ++row) {
    for (int n = 0; n < 8; ++n) {
      std::vector<uint16_t> left, right;
      for (int k = 0; k < depth; ++k) {
        left.push_back(a.at(row, k));
        right.push_back(b.at(k, n));
      }
      CHECK_EQ(d[static_cast<size_t>(row * 8 + n)], model(f, left, right, c.at(row, n)));
    }
  }
}

template <class A, class B>
void check_bytes(const std::string& types, int depth) {
  Matrix<uint8_t> a(16, depth), b(depth, 8);
  Matrix<uint32_t> c(16, 8);
  for (uint8_t& x : a.numbers) x = static_cast<uint8_t>(random_bits());
  for (uint8_t& x : b.numbers) x = static_cast<uint8_t>(random_bits());
  for (uint32_t& x : c.numbers) x = static_cast<uint32_t>(random_bits());
  const auto d = multiply("m16n8k" + std::to_string(depth), "s32." + types + ".s32", a, b, c);
  for (int row = 0; row < 16; ++row) {
    for (int n = 0; n < 8; ++n) {
      uint32_t sum = c.at(row, n);
      for (int k = 0; k < depth; ++k)
        sum += static_cast<uint32_t>(static_cast<A>(a.at(row, k)) * static_cast<B>(b.at(k, n)));
      CHECK_EQ(d[static_cast<size_t>(row * 8 + n)], sum);
    }
  }
}

}  // namespace

TEST(elements_lie_where_the_manual_says) {
  for (const int depth : {8, 16}) {
    check_layout(kF16, depth);
    check_layout(kBf16, depth);
  }
}

TEST(sums_round_as_tensor_cores_do) {
  for (const int depth : {8, 16}) {
    for (int i = 0; i < 20; ++i) {
      check_rounding(kF16, depth, 4, 1);
      check_rounding(kF16, depth, 12, 1e4f);
      check_rounding(kBf16, depth, 3, 10);
      check_rounding(kBf16, depth, 30, 1e6f);
      check_rounding(kBf16, depth, 60, 1e-3f);
    }
  }
}

TEST(infinities_and_nans) {
  Matrix<uint16_t> a(16, 16), b(16, 8);
  Matrix<float> c(16, 8);
  for (uint16_t& x : a.numbers) x = 0x3f80;
  for (uint16_t& x : b.numbers) x = 0x3f80;
  a.at(0, 3) = 0x7f80;  // infinite
  a.at(1, 5) = 0x7fc0;  // not a number
  a.at(2, 0) = 0x7f80;
  a.at(2, 1) = 0xff80;
  const auto d = multiply("m16n8k16", "f32.bf16.bf16.f32", a, b, c);
  CHECK(std::isinf(d[0]) && d[0] > 0);
  CHECK_EQ(std::bit_cast<uint32_t>(d[8]), 0x7fffffffu);
  CHECK_EQ(std::bit_cast<uint32_t>(d[16]), 0x7fffffffu);
  CHECK_EQ(d[24], 16.0f);
}

TEST(products_of_bytes) {
  for (const int depth : {16, 32}) {
    check_bytes<int8_t, int8_t>("s8.s8", depth);
    check_bytes<uint8_t, int8_t>("u8.s8", depth);
    check_bytes<int8_t, uint8_t>("s8.u8", depth);
  }
}

// Rows of matrices lie in shared memory in an order of their own; each lane stores what it got.
TEST(matrices_are_loaded_by_rows) {
  for (const int count : {1, 2, 4}) {
    for (const bool transposes : {false, true}) {
      std::string registers;
      for (int r = 0; r < count; ++r) registers += (r ? ", %r" : "%r") + std::to_string(r);
      std::string text = module_of(
          ".visible .entry k(.param .u64 to) {\n.shared .align 16 .b8 tile[640];\n.reg .b32 %r<4>, %i, %s, "
          "%v, %n;\n.reg .pred %p;\n.reg .b64 %t;\n"
          "mov.u32 %i, %laneid; ld.param.u64 %t, [to]; mad.wide.u32 %t, %i, 16, %t;\nmov.u32 %s, tile; "
          "mov.u32 %n, 0;\n"
          // element e of the tile is e: lane writes 10 words of two elements
          "LOOP: mad.lo.u32 %v, %n, 32, %i; shl.b32 %v, %v, 1; mad.lo.u32 %v, %v, 65537, 65536;\n"
          "{ .reg .b32 %a; mad.lo.u32 %a, %n, 32, %i; shl.b32 %a, %a, 2; add.u32 %a, %a, %s; setp.lt.u32 %p, "
          "%n, 5; @%p st.shared.u32 [%a], %v; }\n"
          "add.u32 %n, %n, 1; setp.lt.u32 %p, %n, 5; @%p bra LOOP;\nbar.sync 0;\n"
          // row i is 20 bytes * 2 apart … rows go backwards
          "sub.u32 %v, 31, %i; mad.lo.u32 %s, %v, 16, %s;\n");
      text += "ldmatrix.sync.aligned.m8n8.x" + std::to_string(count) + (transposes ? ".trans" : "") +
              ".shared.b16 {" + registers + "}, [%s];\n";
      for (int r = 0; r < count; ++r)
        text += "st.global.u32 [%t+" + std::to_string(4 * r) + "], %r" + std::to_string(r) + ";\n";
      text += "ret;\n}\n";
      auto* result = device_array(std::vector<uint32_t>(128));
      CHECK_EQ(launch(text, {{1}, {32}, 0}, {address(result)}), "");
      for (int lane = 0; lane < 32; ++lane) {
        for (int m = 0; m < count; ++m) {
          const auto element = [&](int row, int column) {
            return static_cast<uint32_t>((31 - (8 * m + row)) * 8 + column);
          };
          const int g = lane / 4, t = lane % 4 * 2;
          const uint32_t low = transposes ? element(t, g) : element(g, t),
                         high = transposes ? element(t + 1, g) : element(g, t + 1);
          CHECK_EQ(result[lane * 4 + m], low | high << 16);
        }
      }
    }
  }
}
