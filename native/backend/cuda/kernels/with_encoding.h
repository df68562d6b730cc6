// From the encoding of a matrix to the instance of a kernel that reads it.
#pragma once
#include "backend/cuda/kernels/matrix.h"

namespace quern::cuda {

// An encoding as a type, for kernels that are compiled for each.
template <Encoding value>
struct EncodingConstant {
  static constexpr Encoding encoding = value;
};
// Calls `call` with the EncodingConstant of an encoding.
template <typename Call>
void with_encoding(Encoding encoding, Call call) {
  switch (encoding) {
    case Encoding::f32:
      return call(EncodingConstant<Encoding::f32>{});
    case Encoding::f16:
      return call(EncodingConstant<Encoding::f16>{});
    case Encoding::bf16:
      return call(EncodingConstant<Encoding::bf16>{});
    case Encoding::int8:
      return call(EncodingConstant<Encoding::int8>{});
    case Encoding::int4:
      return call(EncodingConstant<Encoding::int4>{});
  }
}

}  // namespace quern::cuda
