// Numbers from one storage type to another, to the nearest value, ties to even. Bound by memory.
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/simd.h"

namespace quern::cpu::QUERN_ISA {

namespace {

inline void store(Bf16* to, F32 value) {
  for (int lane = 0; lane < kLanes; ++lane) to[lane] = to_bf16(value[lane]);
}

template <typename From, typename To>
void convert_numbers(const void* from_data, void* to_data, int64_t count) {
  const auto* from = static_cast<const From*>(from_data);
  auto* to = static_cast<To*>(to_data);
  const int64_t whole = count - count % kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) store(to + i, load(from + i));
  if (const int tail = static_cast<int>(count - whole); tail > 0) {
    To padded[kLanes];
    store(padded, load_partial(from + whole, tail));
    for (int lane = 0; lane < tail; ++lane) to[whole + lane] = padded[lane];
  }
}

template <typename From>
void convert_from(const ConvertParams& p) {
  switch (p.to_dtype) {
    case Dtype::f32:
      return convert_numbers<From, float>(p.from, p.to, p.count);
    case Dtype::f16:
      return convert_numbers<From, F16>(p.from, p.to, p.count);
    case Dtype::bf16:
      return convert_numbers<From, Bf16>(p.from, p.to, p.count);
  }
}

}  // namespace

void convert(const ConvertParams& p) {
  switch (p.from_dtype) {
    case Dtype::f32:
      return convert_from<float>(p);
    case Dtype::f16:
      return convert_from<F16>(p);
    case Dtype::bf16:
      return convert_from<Bf16>(p);
  }
}

}  // namespace quern::cpu::QUERN_ISA
