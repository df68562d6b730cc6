#include "instructions.h"

#include <cuda_runtime_api.h>

namespace instructions {

namespace {

constexpr int kThreads = 128;

// A struct with the instruction, and in `forms()` a line for it.
#define WORD(id, ptx)                                                 \
  struct id {                                                         \
    static __device__ uint4 run(uint32_t a, uint32_t b, uint32_t c) { \
      uint32_t d;                                                     \
      asm volatile(ptx : "=r"(d) : "r"(a), "r"(b), "r"(c));           \
      return {d, 0, 0, 0};                                            \
    }                                                                 \
  };
// Of 64 bits: x = (a, b), y = (c, a), and the word c.
#define LONG(id, ptx)                                                      \
  struct id {                                                              \
    static __device__ uint4 run(uint32_t a, uint32_t b, uint32_t c) {      \
      const uint64_t x = uint64_t{a} << 32 | b, y = uint64_t{c} << 32 | a; \
      uint64_t d;                                                          \
      asm volatile(ptx : "=l"(d) : "l"(x), "l"(y), "r"(c));                \
      return {uint32_t(d), uint32_t(d >> 32), 0, 0};                       \
    }                                                                      \
  };
// A predicate, as 0 or 1.
#define TRUTH(id, ptx) WORD(id, "{ .reg .pred p; " ptx " selp.u32 %0, 1, 0, p; }")
// The low half of a word.
#define HALF(id, ptx)                                                                              \
  WORD(id, "{ .reg .b16 x, y, z, w; cvt.u16.u32 x, %1; cvt.u16.u32 y, %2; cvt.u16.u32 z, %3; " ptx \
           " cvt.u32.u16 %0, w; }")

WORD(add_s32, "add.s32 %0, %1, %2;")
WORD(sub_s32, "sub.s32 %0, %1, %2;")
WORD(mul_lo, "mul.lo.s32 %0, %1, %2;")
WORD(mul_hi_s32, "mul.hi.s32 %0, %1, %2;")
WORD(mul_hi_u32, "mul.hi.u32 %0, %1, %2;")
WORD(mad_lo, "mad.lo.s32 %0, %1, %2, %3;")
WORD(div_s32, "div.s32 %0, %1, %2;")
WORD(div_u32, "div.u32 %0, %1, %2;")
WORD(rem_s32, "rem.s32 %0, %1, %2;")
WORD(rem_u32, "rem.u32 %0, %1, %2;")
WORD(min_s32, "min.s32 %0, %1, %2;")
WORD(max_u32, "max.u32 %0, %1, %2;")
WORD(abs_s32, "abs.s32 %0, %1;")
WORD(neg_s32, "neg.s32 %0, %1;")
WORD(shl_b32, "shl.b32 %0, %1, %2;")
WORD(shr_u32, "shr.u32 %0, %1, %2;")
WORD(shr_s32, "shr.s32 %0, %1, %2;")
WORD(shf_l_wrap, "shf.l.wrap.b32 %0, %1, %2, %3;")
WORD(shf_r_clamp, "shf.r.clamp.b32 %0, %1, %2, %3;")
WORD(lop3, "lop3.b32 %0, %1, %2, %3, 0xca;")
WORD(prmt, "prmt.b32 %0, %1, %2, %3;")
WORD(bfe_u32, "bfe.u32 %0, %1, %2, %3;")
WORD(bfe_s32, "bfe.s32 %0, %1, %2, %3;")
WORD(bfi, "bfi.b32 %0, %1, %2, %3, 11;")
WORD(brev, "brev.b32 %0, %1;")
WORD(clz, "clz.b32 %0, %1;")
WORD(popc, "popc.b32 %0, %1;")
WORD(bfind_s32, "bfind.s32 %0, %1;")
WORD(dp4a_s32, "dp4a.s32.s32 %0, %1, %2, %3;")
WORD(dp4a_u32, "dp4a.u32.s32 %0, %1, %2, %3;")
LONG(add_s64, "add.s64 %0, %1, %2;")
LONG(mul_lo_s64, "mul.lo.s64 %0, %1, %2;")
LONG(mul_hi_u64, "mul.hi.u64 %0, %1, %2;")
LONG(div_s64, "div.s64 %0, %1, %2;")
LONG(rem_u64, "rem.u64 %0, %1, %2;")
LONG(shl_b64, "shl.b64 %0, %1, %3;")
LONG(shr_s64, "shr.s64 %0, %1, %3;")

WORD(add_f32, "add.rn.f32 %0, %1, %2;")
WORD(add_ftz_f32, "add.rn.ftz.f32 %0, %1, %2;")
WORD(sub_f32, "sub.rn.f32 %0, %1, %2;")
WORD(mul_f32, "mul.rn.f32 %0, %1, %2;")
WORD(mul_rz_f32, "mul.rz.f32 %0, %1, %2;")
WORD(fma_f32, "fma.rn.f32 %0, %1, %2, %3;")
WORD(fma_ftz_f32, "fma.rn.ftz.f32 %0, %1, %2, %3;")
WORD(fma_sat_f32, "fma.rn.sat.f32 %0, %1, %2, %3;")
WORD(div_rn_f32, "div.rn.f32 %0, %1, %2;")
WORD(sqrt_rn_f32, "sqrt.rn.f32 %0, %1;")
WORD(rcp_rn_f32, "rcp.rn.f32 %0, %1;")
WORD(min_f32, "min.f32 %0, %1, %2;")
WORD(max_f32, "max.f32 %0, %1, %2;")
WORD(max_nan_f32, "max.NaN.f32 %0, %1, %2;")
WORD(abs_f32, "abs.f32 %0, %1;")
WORD(neg_f32, "neg.f32 %0, %1;")
WORD(copysign_f32, "copysign.f32 %0, %1, %2;")
TRUTH(setp_lt, "setp.lt.f32 p, %1, %2;")
TRUTH(setp_ltu, "setp.ltu.f32 p, %1, %2;")
TRUTH(setp_nan, "setp.nan.f32 p, %1, %2;")
TRUTH(setp_ne_s32, "setp.ne.s32 p, %1, %2;")
TRUTH(setp_lo_u32, "setp.lo.u32 p, %1, %2;")
TRUTH(testp_subnormal, "testp.subnormal.f32 p, %1;")

WORD(cvt_rni, "cvt.rni.s32.f32 %0, %1;")
WORD(cvt_rzi, "cvt.rzi.s32.f32 %0, %1;")
WORD(cvt_rmi, "cvt.rmi.s32.f32 %0, %1;")
WORD(cvt_rpi_u32, "cvt.rpi.u32.f32 %0, %1;")
WORD(cvt_rni_f32, "cvt.rni.f32.f32 %0, %1;")
WORD(cvt_f32_s32, "cvt.rn.f32.s32 %0, %1;")
WORD(cvt_f32_u32, "cvt.rn.f32.u32 %0, %1;")
WORD(cvt_bf16x2, "cvt.rn.bf16x2.f32 %0, %1, %2;")
WORD(cvt_f16x2, "cvt.rn.f16x2.f32 %0, %1, %2;")
WORD(cvt_bf16, "{ .reg .b16 w; cvt.rn.bf16.f32 w, %1; cvt.u32.u16 %0, w; }")
WORD(cvt_f16, "{ .reg .b16 w; cvt.rn.f16.f32 w, %1; cvt.u32.u16 %0, w; }")
WORD(cvt_f32_f16, "{ .reg .b16 x; cvt.u16.u32 x, %1; cvt.f32.f16 %0, x; }")
WORD(cvt_s8, "{ .reg .b16 x; cvt.s8.s32 x, %1; cvt.s32.s8 %0, x; }")

WORD(fma_f16x2, "fma.rn.f16x2 %0, %1, %2, %3;")
WORD(add_f16x2, "add.rn.f16x2 %0, %1, %2;")
WORD(mul_f16x2, "mul.rn.f16x2 %0, %1, %2;")
WORD(fma_bf16x2, "fma.rn.bf16x2 %0, %1, %2, %3;")
WORD(max_bf16x2, "max.bf16x2 %0, %1, %2;")
WORD(min_f16x2, "min.f16x2 %0, %1, %2;")
HALF(fma_f16, "fma.rn.f16 w, x, y, z;")
HALF(fma_bf16, "fma.rn.bf16 w, x, y, z;")

WORD(ex2, "ex2.approx.f32 %0, %1;")
WORD(ex2_ftz, "ex2.approx.ftz.f32 %0, %1;")
WORD(lg2, "lg2.approx.f32 %0, %1;")
WORD(lg2_ftz, "lg2.approx.ftz.f32 %0, %1;")
WORD(rsqrt, "rsqrt.approx.f32 %0, %1;")
WORD(rcp, "rcp.approx.f32 %0, %1;")
WORD(sqrt_approx, "sqrt.approx.f32 %0, %1;")
WORD(tanh_approx, "tanh.approx.f32 %0, %1;")

// Of a warp: all its lanes take part. Lanes that are beyond get their own value and a 0.
#define SHUFFLE(id, mode, lane, clamp)                                           \
  struct id {                                                                    \
    static __device__ uint4 run(uint32_t a, uint32_t b, uint32_t) {              \
      uint32_t d, in;                                                            \
      asm volatile("{ .reg .pred p; shfl.sync." mode ".b32 %0|p, %2, %3, " clamp \
                   ", 0xffffffff; selp.u32 %1, 1, 0, p; }"                       \
                   : "=r"(d), "=r"(in)                                           \
                   : "r"(a), "r"(lane));                                         \
      return {d, in, 0, 0};                                                      \
    }                                                                            \
  };
SHUFFLE(shfl_idx, "idx", b & 63, "31")
SHUFFLE(shfl_idx_8, "idx", b & 63, "0x181f")
SHUFFLE(shfl_up, "up", 5, "0")
SHUFFLE(shfl_up_16, "up", 3, "0x1000")
SHUFFLE(shfl_down, "down", 7, "31")
SHUFFLE(shfl_bfly, "bfly", 19, "31")
SHUFFLE(shfl_bfly_16, "bfly", 17, "0x100f")
WORD(vote_ballot, "{ .reg .pred p; setp.lt.s32 p, %1, %2; vote.sync.ballot.b32 %0, p, 0xffffffff; }")
WORD(vote_any,
     "{ .reg .pred p, q; setp.eq.s32 p, %1, %2; vote.sync.any.pred q, p, 0xffffffff; selp.u32 %0, 1, 0, q; }")
WORD(match_any, "{ .reg .b32 x; and.b32 x, %2, 3; match.any.sync.b32 %0, x, 0xffffffff; }")
WORD(redux_add, "redux.sync.add.s32 %0, %1, 0xffffffff;")
WORD(redux_max, "redux.sync.max.s32 %0, %1, 0xffffffff;")
WORD(redux_xor, "redux.sync.xor.b32 %0, %1, 0xffffffff;")

// Tensor cores. The operands of a lane: words of its own and of its neighbours.
struct Operand {
  uint32_t a[4], b[2];
  float c[4];
  __device__ Operand(uint32_t x, uint32_t y, uint32_t z) {
    a[0] = x, b[0] = y, c[0] = __uint_as_float(z);
    a[1] = __shfl_xor_sync(~0u, x, 9), a[2] = __shfl_xor_sync(~0u, y, 21), a[3] = __shfl_xor_sync(~0u, x, 30);
    b[1] = __shfl_xor_sync(~0u, y, 14);
    c[1] = __uint_as_float(__shfl_xor_sync(~0u, z, 3)), c[2] = __uint_as_float(__shfl_xor_sync(~0u, z, 13));
    c[3] = __uint_as_float(__shfl_xor_sync(~0u, z, 27));
  }
};
__device__ uint4 words(const float (&d)[4]) {
  return {__float_as_uint(d[0]), __float_as_uint(d[1]), __float_as_uint(d[2]), __float_as_uint(d[3])};
}
#define MMA_K16(id, types)                                                                          \
  struct id {                                                                                       \
    static __device__ uint4 run(uint32_t x, uint32_t y, uint32_t z) {                               \
      Operand o(x, y, z);                                                                           \
      asm volatile("mma.sync.aligned.m16n8k16.row.col." types                                       \
                   " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"               \
                   : "+f"(o.c[0]), "+f"(o.c[1]), "+f"(o.c[2]), "+f"(o.c[3])                         \
                   : "r"(o.a[0]), "r"(o.a[1]), "r"(o.a[2]), "r"(o.a[3]), "r"(o.b[0]), "r"(o.b[1])); \
      return words(o.c);                                                                            \
    }                                                                                               \
  };
#define MMA_K8(id, types)                                                   \
  struct id {                                                               \
    static __device__ uint4 run(uint32_t x, uint32_t y, uint32_t z) {       \
      Operand o(x, y, z);                                                   \
      asm volatile("mma.sync.aligned.m16n8k8.row.col." types                \
                   " {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"   \
                   : "+f"(o.c[0]), "+f"(o.c[1]), "+f"(o.c[2]), "+f"(o.c[3]) \
                   : "r"(o.a[0]), "r"(o.a[1]), "r"(o.b[0]));                \
      return words(o.c);                                                    \
    }                                                                       \
  };
MMA_K16(mma_bf16, "f32.bf16.bf16.f32")
MMA_K16(mma_f16, "f32.f16.f16.f32")
MMA_K8(mma_bf16_k8, "f32.bf16.bf16.f32")
MMA_K8(mma_f16_k8, "f32.f16.f16.f32")
struct mma_s8 {
  static __device__ uint4 run(uint32_t x, uint32_t y, uint32_t z) {
    const Operand o(x, y, z);
    uint32_t d[4] = {z, x, y, z ^ x};
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(o.a[0]), "r"(o.a[1]), "r"(o.a[2]), "r"(o.a[3]), "r"(o.b[0]), "r"(o.b[1]));
    return {d[0], d[1], d[2], d[3]};
  }
};
// Four matrices of 8 x 8 halves, as they lie in a warp's 512 bytes.
#define LDMATRIX(id, trans)                                                                        \
  struct id {                                                                                      \
    static __device__ uint4 run(uint32_t x, uint32_t y, uint32_t z) {                              \
      __shared__ uint4 rows[kThreads];                                                             \
      const unsigned lane = threadIdx.x % 32;                                                      \
      rows[threadIdx.x] = {x, y, z, x ^ y};                                                        \
      __syncwarp();                                                                                \
      const auto at =                                                                              \
          static_cast<uint32_t>(__cvta_generic_to_shared(&rows[threadIdx.x - lane + (lane ^ 5)])); \
      uint32_t d[4];                                                                               \
      asm volatile("ldmatrix.sync.aligned.m8n8.x4" trans ".shared.b16 {%0, %1, %2, %3}, [%4];"     \
                   : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])                                \
                   : "r"(at));                                                                     \
      return {d[0], d[1], d[2], d[3]};                                                             \
    }                                                                                              \
  };
LDMATRIX(ldmatrix, "")
LDMATRIX(ldmatrix_trans, ".trans")

template <typename F>
__global__ void __launch_bounds__(kThreads)
    run_form(const uint32_t* a, const uint32_t* b, const uint32_t* c, uint4* out) {
  const unsigned i = blockIdx.x * kThreads + threadIdx.x;
  out[i] = F::run(a[i], b[i], c[i]);
}

template <typename F>
void launch(const uint32_t* a, const uint32_t* b, const uint32_t* c, uint32_t* out, int count) {
  run_form<F><<<count / kThreads, kThreads>>>(a, b, c, reinterpret_cast<uint4*>(out));
}

template <typename F>
Form words_of(const char* name) {
  return {name, Operands::words, false, launch<F>};
}
template <typename F>
Form matrices_of(const char* name) {
  return {name, Operands::matrices, false, launch<F>};
}
template <typename F>
Form nearly(const char* name) {
  return {name, Operands::words, true, launch<F>};
}

}  // namespace

const std::vector<Form>& forms() {
#define FORM(kind, id) kind<id>(#id)
  static const std::vector<Form> all = {
      FORM(words_of, add_s32),
      FORM(words_of, sub_s32),
      FORM(words_of, mul_lo),
      FORM(words_of, mul_hi_s32),
      FORM(words_of, mul_hi_u32),
      FORM(words_of, mad_lo),
      FORM(words_of, div_s32),
      FORM(words_of, div_u32),
      FORM(words_of, rem_s32),
      FORM(words_of, rem_u32),
      FORM(words_of, min_s32),
      FORM(words_of, max_u32),
      FORM(words_of, abs_s32),
      FORM(words_of, neg_s32),
      FORM(words_of, shl_b32),
      FORM(words_of, shr_u32),
      FORM(words_of, shr_s32),
      FORM(words_of, shf_l_wrap),
      FORM(words_of, shf_r_clamp),
      FORM(words_of, lop3),
      FORM(words_of, prmt),
      FORM(words_of, bfe_u32),
      FORM(words_of, bfe_s32),
      FORM(words_of, bfi),
      FORM(words_of, brev),
      FORM(words_of, clz),
      FORM(words_of, popc),
      FORM(words_of, bfind_s32),
      FORM(words_of, dp4a_s32),
      FORM(words_of, dp4a_u32),
      FORM(words_of, add_s64),
      FORM(words_of, mul_lo_s64),
      FORM(words_of, mul_hi_u64),
      FORM(words_of, div_s64),
      FORM(words_of, rem_u64),
      FORM(words_of, shl_b64),
      FORM(words_of, shr_s64),
      FORM(words_of, add_f32),
      FORM(words_of, add_ftz_f32),
      FORM(words_of, sub_f32),
      FORM(words_of, mul_f32),
      FORM(words_of, mul_rz_f32),
      FORM(words_of, fma_f32),
      FORM(words_of, fma_ftz_f32),
      FORM(words_of, fma_sat_f32),
      FORM(words_of, div_rn_f32),
      FORM(words_of, sqrt_rn_f32),
      FORM(words_of, rcp_rn_f32),
      FORM(words_of, min_f32),
      FORM(words_of, max_f32),
      FORM(words_of, max_nan_f32),
      FORM(words_of, abs_f32),
      FORM(words_of, neg_f32),
      FORM(words_of, copysign_f32),
      FORM(words_of, setp_lt),
      FORM(words_of, setp_ltu),
      FORM(words_of, setp_nan),
      FORM(words_of, setp_ne_s32),
      FORM(words_of, setp_lo_u32),
      FORM(words_of, testp_subnormal),
      FORM(words_of, cvt_rni),
      FORM(words_of, cvt_rzi),
      FORM(words_of, cvt_rmi),
      FORM(words_of, cvt_rpi_u32),
      FORM(words_of, cvt_rni_f32),
      FORM(words_of, cvt_f32_s32),
      FORM(words_of, cvt_f32_u32),
      FORM(words_of, cvt_bf16x2),
      FORM(words_of, cvt_f16x2),
      FORM(words_of, cvt_bf16),
      FORM(words_of, cvt_f16),
      FORM(words_of, cvt_f32_f16),
      FORM(words_of, cvt_s8),
      FORM(words_of, fma_f16x2),
      FORM(words_of, add_f16x2),
      FORM(words_of, mul_f16x2),
      FORM(words_of, fma_bf16x2),
      FORM(words_of, max_bf16x2),
      FORM(words_of, min_f16x2),
      FORM(words_of, fma_f16),
      FORM(words_of, fma_bf16),
      FORM(nearly, ex2),
      FORM(nearly, ex2_ftz),
      FORM(nearly, lg2),
      FORM(nearly, lg2_ftz),
      FORM(nearly, rsqrt),
      FORM(nearly, rcp),
      FORM(nearly, sqrt_approx),
      FORM(nearly, tanh_approx),
      FORM(words_of, shfl_idx),
      FORM(words_of, shfl_idx_8),
      FORM(words_of, shfl_up),
      FORM(words_of, shfl_up_16),
      FORM(words_of, shfl_down),
      FORM(words_of, shfl_bfly),
      FORM(words_of, shfl_bfly_16),
      FORM(words_of, vote_ballot),
      FORM(words_of, vote_any),
      FORM(words_of, match_any),
      FORM(words_of, redux_add),
      FORM(words_of, redux_max),
      FORM(words_of, redux_xor),
      FORM(matrices_of, mma_bf16),
      FORM(matrices_of, mma_f16),
      FORM(matrices_of, mma_bf16_k8),
      FORM(matrices_of, mma_f16_k8),
      FORM(matrices_of, mma_s8),
      FORM(words_of, ldmatrix),
      FORM(words_of, ldmatrix_trans),
  };
  return all;
}

}  // namespace instructions
