/* What machine_numeric_find() finds, in the order of the opcodes: the kind, enum opcode, the name. */
#ifndef WASMOTE_MACHINE_NUMERIC_LIST_H
#define WASMOTE_MACHINE_NUMERIC_LIST_H

#include "numeric.h"

/* The compiler's own functions for f64 take and give it where integers of 64 bits go, except when
 * there is an FPU for f64: then they can be called as they are. */
#if defined(__ARM_EABI__) && !(defined(__ARM_FP) && (__ARM_FP & 8))
/* Run-time ABI for the Arm Architecture, section 4.1.2: base AAPCS whatever the FPU. Not __aeabi_dadd
 * and _dsub: see numeric_f64.c. */
#define MACHINE_F64_BY_COMPILER 1
#define MACHINE_F64_ARM 1
#define machine_f64_eq __aeabi_dcmpeq
#define machine_f64_lt __aeabi_dcmplt
#define machine_f64_gt __aeabi_dcmpgt
#define machine_f64_le __aeabi_dcmple
#define machine_f64_ge __aeabi_dcmpge
#define machine_f64_mul __aeabi_dmul
#define machine_f64_div __aeabi_ddiv
#define machine_f64_convert_i64_s __aeabi_l2d
#define machine_f64_convert_i64_u __aeabi_ul2d
#elif defined(__riscv_float_abi_soft) && !defined(__riscv_flen)
#define MACHINE_F64_BY_COMPILER 1
#define machine_f64_add __adddf3
#define machine_f64_sub __subdf3
#define machine_f64_mul __muldf3
#define machine_f64_div __divdf3
#define machine_f64_convert_i64_s __floatdidf
#define machine_f64_convert_i64_u __floatundidf
#else
#define MACHINE_F64_BY_COMPILER 0
#endif

#define NUMERIC_I64(X)                                                                                  \
    X(SLOW, I64_EQZ, i64_eqz)                                                                           \
    X(COMPARE64, I64_EQ, i64_eq)                                                                        \
    X(COMPARE64, I64_NE, i64_ne)                                                                        \
    X(COMPARE64, I64_LT_S, i64_lt_s)                                                                    \
    X(COMPARE64, I64_LT_U, i64_lt_u)                                                                    \
    X(COMPARE64, I64_GT_S, i64_gt_s)                                                                    \
    X(COMPARE64, I64_GT_U, i64_gt_u)                                                                    \
    X(COMPARE64, I64_LE_S, i64_le_s)                                                                    \
    X(COMPARE64, I64_LE_U, i64_le_u)                                                                    \
    X(COMPARE64, I64_GE_S, i64_ge_s)                                                                    \
    X(COMPARE64, I64_GE_U, i64_ge_u)

#define NUMERIC_F64_COMPARE(X)                                                                          \
    X(COMPARE64, F64_EQ, f64_eq)                                                                        \
    X(COMPARE64, F64_NE, f64_ne)                                                                        \
    X(COMPARE64, F64_LT, f64_lt)                                                                        \
    X(COMPARE64, F64_GT, f64_gt)                                                                        \
    X(COMPARE64, F64_LE, f64_le)                                                                        \
    X(COMPARE64, F64_GE, f64_ge)

#define NUMERIC_I64_ARITHMETIC(X)                                                                       \
    X(UNARY64, I64_CLZ, i64_clz)                                                                        \
    X(UNARY64, I64_CTZ, i64_ctz)                                                                        \
    X(UNARY64, I64_POPCNT, i64_popcnt)                                                                  \
    X(SLOW, I64_DIV_S, i64_div_s)                                                                       \
    X(SLOW, I64_DIV_U, i64_div_u)                                                                       \
    X(SLOW, I64_REM_S, i64_rem_s)                                                                       \
    X(SLOW, I64_REM_U, i64_rem_u)                                                                       \
    X(BINARY64, I64_SHL, i64_shl)                                                                       \
    X(BINARY64, I64_SHR_S, i64_shr_s)                                                                   \
    X(BINARY64, I64_SHR_U, i64_shr_u)                                                                   \
    X(BINARY64, I64_ROTL, i64_rotl)                                                                     \
    X(BINARY64, I64_ROTR, i64_rotr)

#define NUMERIC_F32(X)                                                                                  \
    X(SLOW, F32_CEIL, f32_ceil)                                                                         \
    X(SLOW, F32_FLOOR, f32_floor)                                                                       \
    X(SLOW, F32_TRUNC, f32_trunc)                                                                       \
    X(SLOW, F32_NEAREST, f32_nearest)                                                                   \
    X(SLOW, F32_MIN, f32_min)                                                                           \
    X(SLOW, F32_MAX, f32_max)                                                                           \
    X(SLOW, F32_COPYSIGN, f32_copysign)

#define NUMERIC_F64(X)                                                                                  \
    X(UNARY64, F64_ABS, f64_abs)                                                                        \
    X(UNARY64, F64_NEG, f64_neg)                                                                        \
    X(UNARY64, F64_CEIL, f64_ceil)                                                                      \
    X(UNARY64, F64_FLOOR, f64_floor)                                                                    \
    X(UNARY64, F64_TRUNC, f64_trunc)                                                                    \
    X(UNARY64, F64_NEAREST, f64_nearest)                                                                \
    X(UNARY64, F64_SQRT, f64_sqrt)                                                                      \
    X(BINARY64, F64_ADD, f64_add)                                                                       \
    X(BINARY64, F64_SUB, f64_sub)                                                                       \
    X(BINARY64, F64_MUL, f64_mul)                                                                       \
    X(BINARY64, F64_DIV, f64_div)                                                                       \
    X(BINARY64, F64_MIN, f64_min)                                                                       \
    X(BINARY64, F64_MAX, f64_max)                                                                       \
    X(BINARY64, F64_COPYSIGN, f64_copysign)

#define NUMERIC_CONVERSIONS(X)                                                                          \
    X(SLOW, I32_TRUNC_F32_S, i32_trunc_f32_s)                                                           \
    X(SLOW, I32_TRUNC_F32_U, i32_trunc_f32_u)                                                           \
    X(SLOW, I32_TRUNC_F64_S, i32_trunc_f64_s)                                                           \
    X(SLOW, I32_TRUNC_F64_U, i32_trunc_f64_u)                                                           \
    X(SLOW, I64_TRUNC_F32_S, i64_trunc_f32_s)                                                           \
    X(SLOW, I64_TRUNC_F32_U, i64_trunc_f32_u)                                                           \
    X(SLOW, I64_TRUNC_F64_S, i64_trunc_f64_s)                                                           \
    X(SLOW, I64_TRUNC_F64_U, i64_trunc_f64_u)                                                           \
    X(SLOW, F32_CONVERT_I64_S, f32_convert_i64_s)                                                       \
    X(SLOW, F32_CONVERT_I64_U, f32_convert_i64_u)                                                       \
    X(SLOW, F32_DEMOTE_F64, f32_demote_f64)                                                             \
    X(SLOW, F64_CONVERT_I32_S, f64_convert_i32_s)                                                       \
    X(SLOW, F64_CONVERT_I32_U, f64_convert_i32_u)                                                       \
    X(UNARY64, F64_CONVERT_I64_S, f64_convert_i64_s)                                                    \
    X(UNARY64, F64_CONVERT_I64_U, f64_convert_i64_u)                                                    \
    X(SLOW, F64_PROMOTE_F32, f64_promote_f32)

#define NUMERIC_EXTENSIONS(X)                                                                           \
    X(UNARY64, I64_EXTEND8_S, i64_extend8_s)                                                            \
    X(UNARY64, I64_EXTEND16_S, i64_extend16_s)                                                          \
    X(UNARY64, I64_EXTEND32_S, i64_extend32_s)

#define NUMERIC_SATURATING(X)                                                                           \
    X(SLOW, I32_TRUNC_SAT_F32_S, i32_trunc_sat_f32_s)                                                   \
    X(SLOW, I32_TRUNC_SAT_F32_U, i32_trunc_sat_f32_u)                                                   \
    X(SLOW, I32_TRUNC_SAT_F64_S, i32_trunc_sat_f64_s)                                                   \
    X(SLOW, I32_TRUNC_SAT_F64_U, i32_trunc_sat_f64_u)                                                   \
    X(SLOW, I64_TRUNC_SAT_F32_S, i64_trunc_sat_f32_s)                                                   \
    X(SLOW, I64_TRUNC_SAT_F32_U, i64_trunc_sat_f32_u)                                                   \
    X(SLOW, I64_TRUNC_SAT_F64_S, i64_trunc_sat_f64_s)                                                   \
    X(SLOW, I64_TRUNC_SAT_F64_U, i64_trunc_sat_f64_u)

#define NUMERIC_ALL(X)                                                                                  \
    NUMERIC_I64(X)                                                                                      \
    NUMERIC_F64_COMPARE(X)                                                                              \
    NUMERIC_I64_ARITHMETIC(X)                                                                           \
    NUMERIC_F32(X)                                                                                      \
    NUMERIC_F64(X)                                                                                      \
    NUMERIC_CONVERSIONS(X)                                                                              \
    NUMERIC_EXTENSIONS(X)                                                                               \
    NUMERIC_SATURATING(X)

#define SLOW(name)                                                                                      \
    trap_text machine_##name(slot *frame, const cell *at,                                               \
                             __attribute__((unused)) struct machine *machine)
#define UNARY64(name) uint64_t machine_##name(uint64_t a)
#define BINARY64(name) uint64_t machine_##name(uint64_t a, uint64_t b)
#define COMPARE64(name) uint32_t machine_##name(uint64_t a, uint64_t b)

#define DECLARE(kind, opcode, name) kind(name);
NUMERIC_ALL(DECLARE)
#undef DECLARE

#endif
