// The instructions that integers, floats and halves share by name: decode_float.cc hands each to the theme of
// its type.
#pragma once
#include "emulator/decoder.h"
#include "emulator/float_operation.h"

namespace quern::emulator {

void decode_integer_sum(Form& form, const Type& type, bool saturates);
void decode_integer_product(Form& form, const Type& type);
void decode_integer_quotient(Form& form, const Type& type);
void decode_integer_extreme(Form& form, const Type& type);
void decode_integer_sign(Form& form, const Type& type);

// f16, bf16 and pairs of them.
void decode_half_arithmetic(Form& form, const Type& type, const Manner& manner);  // add sub mul fma
void decode_half_extreme(Form& form, const Type& type, bool spreads_nan);
void decode_half_sign(Form& form, const Type& type);

}  // namespace quern::emulator
