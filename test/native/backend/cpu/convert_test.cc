#include <bit>
#include <cmath>

#include "backend/cpu/isa.h"
#include "check.h"
#include "numbers.h"

namespace quern::test {
namespace {

using cpu::Kernels;

// Exact: the kernels must agree with core/dtype.h, which has its own test. Of a NaN only that it stays one.
void check_numbers(const Stored& from, Dtype to) {
  for (const Kernels* kernels : cpu::runnable_kernels()) {
    const std::string context = std::string(kernels->name) + " " + std::string(name_of(from.dtype())) +
                                " to " + std::string(name_of(to)) + ", " + std::to_string(from.size());
    Stored got(to, from.size() + 1);
    got.set(from.size(), 77);
    kernels->convert({from.data(), from.dtype(), got.data(), to, static_cast<int64_t>(from.size())});
    CHECK_FOR(got[from.size()] == 77, context);
    Stored want(to, 1);
    for (size_t i = 0; i < from.size(); ++i) {
      want.set(0, from[i]);
      if (std::isnan(from[i])) {
        CHECK_FOR(std::isnan(got[i]), context);
      } else {
        CHECK_FOR(std::memcmp(got.at(i), want.at(0), size_of(to)) == 0, context);
      }
    }
  }
}

TEST(all_values_of_16_bits) {
  for (const Dtype from : {Dtype::f16, Dtype::bf16}) {
    Stored all(from, 0x10000);
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      const auto half = static_cast<uint16_t>(bits);
      std::memcpy(all.at(bits), &half, sizeof half);
    }
    for (const Dtype to : kDtypes) check_numbers(all, to);
  }
}

TEST(floats_of_any_bits) {
  Random random(1);
  Stored any(Dtype::f32, 200001), near(Dtype::f32, 200001);
  for (size_t i = 0; i < any.size(); ++i) {
    any.set(i, std::bit_cast<float>(static_cast<uint32_t>(random.bits())));
    near.set(i, random.real(1) * std::exp2(static_cast<float>(random.between(-27, 17))));  // f16's range
  }
  for (const Dtype to : kDtypes) {
    check_numbers(any, to);
    check_numbers(near, to);
  }
}

TEST(tails) {
  Random random(2);
  for (const Dtype from : kDtypes)
    for (const Dtype to : kDtypes)
      for (size_t count = 0; count <= 40; ++count) check_numbers(Stored(from, random.reals(count, 100)), to);
}

}  // namespace
}  // namespace quern::test
