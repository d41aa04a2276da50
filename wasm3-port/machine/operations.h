/* The operations of the machine that runs compiled Wasm, as lists: of their numbers, of their
 * handlers, and of the table from one to the other. README.md says how values travel.
 *
 * A name ends in where its operands come from and where its result goes:
 *   operands  s a slot of the frame, c a constant in the code, r the register of its type
 *   result    r that register, s a slot
 *   compares  also b: branch forward when true; l: branch to a loop when true
 * The lists are ordered, so that a mode is an offset: see enum mode and enum result. */
#ifndef WASMOTE_MACHINE_OPERATIONS_H
#define WASMOTE_MACHINE_OPERATIONS_H

#define RESULTS(X, name) X(name##_r) X(name##_s)
#define UNARY(X, name) RESULTS(X, name##_s) RESULTS(X, name##_r)
#define LOADED(X, name) UNARY(X, name) RESULTS(X, name##_ss) RESULTS(X, name##_sc)
#define BINARY4(X, name)                                                                                \
    RESULTS(X, name##_ss) RESULTS(X, name##_sc) RESULTS(X, name##_rs) RESULTS(X, name##_rc)
#define BINARY7(X, name)                                                                                \
    BINARY4(X, name) RESULTS(X, name##_cs) RESULTS(X, name##_sr) RESULTS(X, name##_cr)
#define BINARY64(X, name) X(name##_ss) X(name##_sc)
#define OUTCOMES(X, name) X(name##_r) X(name##_s) X(name##_b) X(name##_l)
#define COMPARE(X, name)                                                                                \
    OUTCOMES(X, name##_ss) OUTCOMES(X, name##_sc) OUTCOMES(X, name##_rs) OUTCOMES(X, name##_rc)

enum mode { MODE_SS, MODE_SC, MODE_RS, MODE_RC, MODE_CS, MODE_SR, MODE_CR };
enum mode_one { MODE_S = 0, MODE_R = 1 };                                 /* of UNARY */
enum result { RESULT_REGISTER, RESULT_SLOT, RESULT_BRANCH, RESULT_LOOP }; /* by COMPARE */
enum { LOAD_SS = 4, LOAD_SC = 6 }; /* of LOADED, counted from its first: the address is a sum */
enum { RESULT_KINDS = 2, OUTCOME_KINDS = 4, COMPARE_SPAN = 4 * OUTCOME_KINDS };

/* Two of a kind, true and false, side by side: the inverse of a condition is its number ^ 1. */
#define CONDITIONS_I32(X, family)                                                                       \
    family(X, i32_eq) family(X, i32_ne) family(X, i32_lt_s) family(X, i32_ge_s) family(X, i32_lt_u)     \
        family(X, i32_ge_u) family(X, i32_gt_s) family(X, i32_le_s) family(X, i32_gt_u)                 \
            family(X, i32_le_u)
#define CONDITIONS_F32(X, family)                                                                       \
    family(X, f32_eq) family(X, f32_ne) family(X, f32_lt) family(X, f32_nlt) family(X, f32_gt)          \
        family(X, f32_ngt) family(X, f32_le) family(X, f32_nle) family(X, f32_ge) family(X, f32_nge)

#define OPERATIONS_CONTROL(X)                                                                           \
    X(unreachable)                                                                                      \
    X(out_of_bounds)                                                                                    \
    X(entry) /* frame bytes, first slot to zero, slots to zero */                                       \
    X(leave) /* link */                                                                                 \
    X(leave_machine)                                                                                    \
    X(call)            /* where the function's code is, frame, link in the caller's frame */            \
    X(call_indirect_s) /* slot, type, frame, link */                                                    \
    X(call_indirect_r) /* type, frame, link */                                                          \
    X(host_call)       /* struct host_link */                                                           \
    X(br)              /* target */                                                                     \
    X(br_loop)         /* target */                                                                     \
    X(br_table_s)      /* slot, count, count + 1 targets */                                             \
    X(br_table_r)      /* count, count + 1 targets */

/* slow_N: a C function of type slow_operation and N cells for it. */
#define OPERATIONS_ANY(X)                                                                               \
    X(slow_1)                                                                                           \
    X(slow_2)                                                                                           \
    X(slow_3)                                                                                           \
    X(slow_4)                                                                                           \
    X(copy)                     /* from, to */                                                          \
    X(copy64)                   /* from, to */                                                          \
    X(set)                      /* constant, to */                                                      \
    X(set64)                    /* low, high, to */                                                     \
    X(set_r)                    /* to: the integer register */                                          \
    X(set_f)                    /* to: the float register */                                            \
    X(move_fr)                  /* float register := bits of the integer register */                    \
    X(move_rf) UNARY(X, select) /* condition, if not zero, if zero, to */

#define OPERATIONS_I32(X)                                                                               \
    BINARY4(X, i32_add)                                                                                 \
    BINARY7(X, i32_sub)                                                                                 \
    BINARY4(X, i32_mul)                                                                                 \
    BINARY7(X, i32_div_s)                                                                               \
    BINARY7(X, i32_div_u)                                                                               \
    BINARY7(X, i32_rem_s)                                                                               \
    BINARY7(X, i32_rem_u)                                                                               \
    BINARY4(X, i32_and)                                                                                 \
    BINARY4(X, i32_or)                                                                                  \
    BINARY4(X, i32_xor)                                                                                 \
    BINARY7(X, i32_shl)                                                                                 \
    BINARY7(X, i32_shr_s)                                                                               \
    BINARY7(X, i32_shr_u)                                                                               \
    BINARY7(X, i32_rotl)                                                                                \
    BINARY7(X, i32_rotr)                                                                                \
    UNARY(X, i32_clz)                                                                                   \
    UNARY(X, i32_ctz)                                                                                   \
    UNARY(X, i32_popcnt) UNARY(X, i32_extend8_s) UNARY(X, i32_extend16_s) CONDITIONS_I32(X, COMPARE)

#define OPERATIONS_F32(X)                                                                               \
    BINARY4(X, f32_add)                                                                                 \
    BINARY7(X, f32_sub)                                                                                 \
    BINARY4(X, f32_mul)                                                                                 \
    BINARY7(X, f32_div)                                                                                 \
    UNARY(X, f32_abs)                                                                                   \
    UNARY(X, f32_neg)                                                                                   \
    UNARY(X, f32_sqrt) UNARY(X, f32_convert_i32_s) UNARY(X, f32_convert_i32_u) CONDITIONS_F32(X, COMPARE)

/* Addresses: slot, register, or the sum of two slots or of slot and constant; base + offset; highest
 * address that is in bounds. Stores name the
 * address, then the value (f: the float register). abs: a place known when compiling. */
#define OPERATIONS_MEMORY(X)                                                                            \
    LOADED(X, i32_load)                                                                                 \
    LOADED(X, i32_load8_s)                                                                              \
    LOADED(X, i32_load8_u)                                                                              \
    LOADED(X, i32_load16_s)                                                                             \
    LOADED(X, i32_load16_u)                                                                             \
    LOADED(X, f32_load)                                                                                 \
    RESULTS(X, abs_load)                                                                                \
    RESULTS(X, abs_load8_s)                                                                             \
    RESULTS(X, abs_load8_u)                                                                             \
    RESULTS(X, abs_load16_s)                                                                            \
    RESULTS(X, abs_load16_u)                                                                            \
    RESULTS(X, abs_load_f)                                                                              \
    X(store_ss)                                                                                         \
    X(store_sc)                                                                                         \
    X(store_sr)                                                                                         \
    X(store_rs)                                                                                         \
    X(store_rc)                                                                                         \
    X(store_sf)                                                                                         \
    X(store_rf)                                                                                         \
    X(store8_ss)                                                                                        \
    X(store8_sc)                                                                                        \
    X(store8_sr)                                                                                        \
    X(store8_rs)                                                                                        \
    X(store8_rc)                                                                                        \
    X(store16_ss)                                                                                       \
    X(store16_sc)                                                                                       \
    X(store16_sr)                                                                                       \
    X(store16_rs)                                                                                       \
    X(store16_rc)                                                                                       \
    X(abs_store_s)                                                                                      \
    X(abs_store_c)                                                                                      \
    X(abs_store_r)                                                                                      \
    X(abs_store_f)                                                                                      \
    X(abs_store8_s)                                                                                     \
    X(abs_store8_c)                                                                                     \
    X(abs_store8_r)                                                                                     \
    X(abs_store16_s)                                                                                    \
    X(abs_store16_c)                                                                                    \
    X(abs_store16_r) X(load64_s) X(load64_r) X(store64_ss) X(store64_rs) X(abs_load64) X(abs_store64)

/* 64-bit values live in slots only. unary64, binary64, compare64: a C function, operands, result. A
 * constant takes two cells, but as a shift's count, 0 to 63, one. */
#define OPERATIONS_64(X)                                                                                \
    X(unary64)                                                                                          \
    X(binary64)                                                                                         \
    RESULTS(X, compare64)                                                                               \
    BINARY64(X, i64_add)                                                                                \
    BINARY64(X, i64_sub)                                                                                \
    BINARY64(X, i64_and)                                                                                \
    BINARY64(X, i64_or)                                                                                 \
    BINARY64(X, i64_xor)                                                                                \
    BINARY64(X, i64_mul) X(i64_shl_sc) X(i64_shr_s_sc) X(i64_shr_u_sc) X(i64_extend_s) X(i64_extend_r)

#define OPERATIONS(X)                                                                                   \
    OPERATIONS_CONTROL(X)                                                                               \
    OPERATIONS_ANY(X) OPERATIONS_I32(X) OPERATIONS_F32(X) OPERATIONS_MEMORY(X) OPERATIONS_64(X)

enum operation_number {
#define NUMBER(name) OP_##name,
    OPERATIONS(NUMBER)
#undef NUMBER
        OPERATION_COUNT
};

#endif
