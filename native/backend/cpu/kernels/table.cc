// This instruction set's kernels, gathered in the table that cpu/isa.cc chooses from.
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/multiply_adds.h"
#include "backend/cpu/kernels/simd.h"

namespace quern::cpu::QUERN_ISA {

void rms_norm(const RmsNormParams&);
void rotate(const RotateParams&);
void silu_mul(const SiluMulParams&);
void convert(const ConvertParams&);
void quantize(const QuantizeParams&);
void attention(const AttentionParams&);
void attention_begin(const AttentionStateParams&);
void attention_merge(const AttentionStateParams&);
float largest_of(const float*, int64_t);
void softmax_weights(const SoftmaxWeightsParams&);
WeightSum sum_above(const float*, int64_t, float);
int64_t collect_between(const float*, int64_t, float, float, float*);
void scale(float*, int64_t, float);
void block_largest(const float*, int64_t, float*);
int64_t collect_ids(const float*, int64_t, float, int32_t*);
WeightSum mass_above(const MassAboveParams&);
int64_t collect_pairs(const CollectPairsParams&);
int64_t keep_between(const KeepBetweenParams&);
float least_above(const float*, int64_t, float);
Moments moments(const float*, int64_t, float);
double weighted_sum(const float*, const float*, int64_t, float);
void closeness(const float*, int64_t, float, float*);
float read_stream(const float*, int64_t);

extern const Kernels kKernels;
const Kernels kKernels{QUERN_ISA_NAME, kLanes,          rms_norm,     rotate,          silu_mul,
                       convert,        quantize,        attention,    attention_begin, attention_merge,
                       largest_of,     softmax_weights, sum_above,    collect_between, scale,
                       block_largest,  collect_ids,     mass_above,   collect_pairs,   keep_between,
                       least_above,    moments,         weighted_sum, closeness,       read_stream,
                       multiply_adds};

}  // namespace quern::cpu::QUERN_ISA
