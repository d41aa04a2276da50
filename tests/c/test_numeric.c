/* The C functions of the numeric instructions: tables by hand, and against the host's own arithmetic. */
#include "cmocka_all.h"

#include <stdio.h>

#include "../numeric/reference.h"
#include "instruction.h"
#include "machine/numeric.h"

#define RANDOM_CASES 100000u

static void check_case(uint32_t opcode, uint64_t a, uint64_t b, enum outcome outcome, uint64_t want) {
    uint64_t got = 0;
    char name[INSTRUCTION_NAME_MAX];
    const enum outcome is = numeric_apply(opcode, a, b, &got);
    if (is != outcome || (outcome == RESULT && !numeric_agrees(opcode, a, b, got, want))) {
        fail_msg("%s %llx %llx: %d %llx, not %d %llx", instruction_name(opcode, name),
                 (unsigned long long)a, (unsigned long long)b, (int)is, (unsigned long long)got,
                 (int)outcome, (unsigned long long)want);
    }
}

/* ---- the table ---------------------------------------------------------------------------------- */

static bool has_handler(uint32_t opcode) {
    static const uint16_t ranges[][2] = {{OPCODE_I32_EQZ, OPCODE_I32_GE_U},
                                         {OPCODE_F32_EQ, OPCODE_F32_GE},
                                         {OPCODE_I32_CLZ, OPCODE_I32_ROTR},
                                         {OPCODE_I64_ADD, OPCODE_I64_MUL},
                                         {OPCODE_I64_AND, OPCODE_I64_XOR},
                                         {OPCODE_F32_ABS, OPCODE_F32_NEG},
                                         {OPCODE_F32_SQRT, OPCODE_F32_DIV},
                                         {OPCODE_I32_WRAP_I64, OPCODE_I32_WRAP_I64},
                                         {OPCODE_I64_EXTEND_I32_S, OPCODE_I64_EXTEND_I32_U},
                                         {OPCODE_F32_CONVERT_I32_S, OPCODE_F32_CONVERT_I32_U},
                                         {OPCODE_I32_REINTERPRET_F32, OPCODE_F64_REINTERPRET_I64},
                                         {OPCODE_I32_EXTEND8_S, OPCODE_I32_EXTEND16_S}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (opcode >= ranges[i][0] && opcode <= ranges[i][1]) {
            return true;
        }
    }
    return false;
}

static bool is_wide(enum value_type type) {
    return type == VALUE_I64 || type == VALUE_F64;
}

/* A kind says how many slots each operand and the result take. */
static void check_kind(const struct instruction *row, enum numeric_kind kind) {
    if (kind != NUMERIC_SLOW) {
        assert_true(is_wide(instruction_operand(row, 0)));
        assert_int_equal(is_wide(instruction_operand(row, 1)), kind != NUMERIC_UNARY64);
        assert_int_equal(is_wide(instruction_result(row)), kind != NUMERIC_COMPARE64);
    }
}

static void finds_every_instruction_without_a_handler(void **state) {
    (void)state;
    struct numeric numeric;
    for (uint32_t opcode = 0; opcode <= 0xffff; opcode++) {
        const bool numeric_one =
            (opcode >= 0x45 && opcode <= 0xc4) || (opcode >= 0xfc00 && opcode <= 0xfc07);
        assert_int_equal(machine_numeric_find(opcode, &numeric), numeric_one && !has_handler(opcode));
        if (machine_numeric_find(opcode, &numeric)) {
            assert_non_null(numeric.function);
            check_kind(instruction_find(opcode), numeric.kind);
        }
    }
}

/* ---- by hand ------------------------------------------------------------------------------------ */

struct row {
    uint64_t a, want[4];
};

static void check_rows(const uint32_t opcodes[4], const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (unsigned n = 0; n < 4; n++) {
            check_case(opcodes[n], rows[i].a, 0, RESULT, rows[i].want[n]);
        }
    }
}

static void rounds_f32_to_integers(void **state) {
    (void)state;
    static const uint32_t opcodes[] = {OPCODE_F32_CEIL, OPCODE_F32_FLOOR, OPCODE_F32_TRUNC,
                                       OPCODE_F32_NEAREST};
    static const struct row rows[] = {
        {0x80000000, {0x80000000, 0x80000000, 0x80000000, 0x80000000}}, /* -0 */
        {0x00000001, {0x3f800000, 0, 0, 0}},                            /* the least above 0 */
        {0x80000001, {0x80000000, 0xbf800000, 0x80000000, 0x80000000}},
        {0x3f000000, {0x3f800000, 0, 0, 0}}, /* 0.5 */
        {0x3f000001, {0x3f800000, 0, 0, 0x3f800000}},
        {0xbf000000, {0x80000000, 0xbf800000, 0x80000000, 0x80000000}}, /* -0.5 */
        {0x3fc00000, {0x40000000, 0x3f800000, 0x3f800000, 0x40000000}}, /* 1.5 */
        {0x40200000, {0x40400000, 0x40000000, 0x40000000, 0x40000000}}, /* 2.5 */
        {0xc0600000, {0xc0400000, 0xc0800000, 0xc0400000, 0xc0800000}}, /* -3.5 */
        {0x3fffffff, {0x40000000, 0x3f800000, 0x3f800000, 0x40000000}},
        {0x4affffff, {0x4b000000, 0x4afffffe, 0x4afffffe, 0x4b000000}}, /* 2^23 - 0.5 */
        {0x4b000001, {0x4b000001, 0x4b000001, 0x4b000001, 0x4b000001}}, /* 2^23 + 1 */
        {0xff800000, {0xff800000, 0xff800000, 0xff800000, 0xff800000}}, /* -infinity */
        {0x7fa00000, {0x7fe00000, 0x7fe00000, 0x7fe00000, 0x7fe00000}}, /* a signalling NaN */
    };
    check_rows(opcodes, rows, sizeof rows / sizeof rows[0]);
}

static void rounds_f64_to_integers(void **state) {
    (void)state;
    static const uint32_t opcodes[] = {OPCODE_F64_CEIL, OPCODE_F64_FLOOR, OPCODE_F64_TRUNC,
                                       OPCODE_F64_NEAREST};
    const uint64_t zero = (uint64_t)1 << 63, one = 0x3ff0000000000000;
    const struct row rows[] = {
        {zero, {zero, zero, zero, zero}},
        {zero | 1, {zero, zero | one, zero, zero}},
        {0x3fe0000000000000, {one, 0, 0, 0}}, /* 0.5 */
        {0x3fe0000000000001, {one, 0, 0, one}},
        {0x3fdfffffffffffff, {one, 0, 0, 0}}, /* floor(x + 0.5) would be 1 */
        {0x4004000000000000,                  /* 2.5 */
         {0x4008000000000000, 0x4000000000000000, 0x4000000000000000, 0x4000000000000000}},
        {0x432fffffffffffff, /* 2^52 - 0.5 */
         {0x4330000000000000, 0x432ffffffffffffe, 0x432ffffffffffffe, 0x4330000000000000}},
        {0x4330000000000001,
         {0x4330000000000001, 0x4330000000000001, 0x4330000000000001, 0x4330000000000001}},
    };
    check_rows(opcodes, rows, sizeof rows / sizeof rows[0]);
}

static void orders_zeros_and_nans(void **state) {
    (void)state;
    static const uint32_t f32[] = {0x7fc00000, 0x3f800000};
    check_case(OPCODE_F32_MIN, 0, 0x80000000, RESULT, 0x80000000);
    check_case(OPCODE_F32_MAX, 0x80000000, 0, RESULT, 0);
    check_case(OPCODE_F32_MIN, f32[0], f32[1], RESULT, f32[0]);
    check_case(OPCODE_F32_MAX, f32[1], f32[0], RESULT, f32[0]);
    check_case(OPCODE_F64_MIN, 0, (uint64_t)1 << 63, RESULT, (uint64_t)1 << 63);
    check_case(OPCODE_F64_MAX, (uint64_t)1 << 63, 0, RESULT, 0);
    check_case(OPCODE_F64_LT, 0x7ff8000000000000, 0, RESULT, 0);
    check_case(OPCODE_F64_NE, 0x7ff8000000000000, 0x7ff8000000000000, RESULT, 1);
    /* No arithmetic: a signalling NaN stays one. */
    check_case(OPCODE_F32_COPYSIGN, 0x7fa00001, 0x80000000, RESULT, 0xffa00001);
    check_case(OPCODE_F64_NEG, 0x7ff0000000000001, 0, RESULT, 0xfff0000000000001);
    check_case(OPCODE_F64_ABS, 0xfff0000000000001, 0, RESULT, 0x7ff0000000000001);
}

struct bound {
    uint32_t trapping, saturating;
    uint64_t last, last_as, beyond, most;
};

static void truncates_up_to_the_bounds(void **state) {
    (void)state;
    static const struct bound bounds[] = {
        {0xa8, 0xfc00, 0x4effffff, 0x7fffff80, 0x4f000000, 0x7fffffff},
        {0xa8, 0xfc00, 0xcf000000, 0x80000000, 0xcf000001, 0x80000000},
        {0xa9, 0xfc01, 0x4f7fffff, 0xffffff00, 0x4f800000, 0xffffffff},
        {0xa9, 0xfc01, 0xbf7fffff, 0, 0xbf800000, 0},
        {0xaa, 0xfc02, 0x41dfffffffffffff, 0x7fffffff, 0x41e0000000000000, 0x7fffffff},
        {0xaa, 0xfc02, 0xc1e00000001fffff, 0x80000000, 0xc1e0000000200000, 0x80000000},
        {0xab, 0xfc03, 0x41efffffffffffff, 0xffffffff, 0x41f0000000000000, 0xffffffff},
        {0xab, 0xfc03, 0xbfefffffffffffff, 0, 0xbff0000000000000, 0},
        {0xae, 0xfc04, 0x5effffff, 0x7fffff8000000000, 0x5f000000, INT64_MAX},
        {0xae, 0xfc04, 0xdf000000, 0x8000000000000000, 0xdf000001, 0x8000000000000000},
        {0xaf, 0xfc05, 0x5f7fffff, 0xffffff0000000000, 0x5f800000, UINT64_MAX},
        {0xaf, 0xfc05, 0xbf7fffff, 0, 0xbf800000, 0},
        {0xb0, 0xfc06, 0x43dfffffffffffff, 0x7ffffffffffffc00, 0x43e0000000000000, INT64_MAX},
        {0xb0, 0xfc06, 0xc3e0000000000000, 0x8000000000000000, 0xc3e0000000000001, 0x8000000000000000},
        {0xb1, 0xfc07, 0x43efffffffffffff, 0xfffffffffffff800, 0x43f0000000000000, UINT64_MAX},
        {0xb1, 0xfc07, 0xbfefffffffffffff, 0, 0xbff0000000000000, 0},
    };
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        const struct bound *bound = &bounds[i];
        const uint64_t nan = bound->last >> 32 ? 0xfff8000000000000 : 0x7fa00000;
        check_case(bound->trapping, bound->last, 0, RESULT, bound->last_as);
        check_case(bound->saturating, bound->last, 0, RESULT, bound->last_as);
        check_case(bound->trapping, bound->beyond, 0, TRAP_OVERFLOW, 0);
        check_case(bound->saturating, bound->beyond, 0, RESULT, bound->most);
        check_case(bound->trapping, nan, 0, TRAP_CONVERSION, 0);
        check_case(bound->saturating, nan, 0, RESULT, 0);
    }
}

static void divides_i64(void **state) {
    (void)state;
    const uint64_t lowest = (uint64_t)1 << 63, minus_one = UINT64_MAX;
    for (uint32_t opcode = OPCODE_I64_DIV_S; opcode <= OPCODE_I64_REM_U; opcode++) {
        check_case(opcode, 7, 0, TRAP_BY_ZERO, 0);
    }
    check_case(OPCODE_I64_DIV_S, lowest, minus_one, TRAP_OVERFLOW, 0);
    check_case(OPCODE_I64_REM_S, lowest, minus_one, RESULT, 0);
    check_case(OPCODE_I64_DIV_S, (uint64_t)-7, 2, RESULT, (uint64_t)-3);
    check_case(OPCODE_I64_REM_S, (uint64_t)-7, 2, RESULT, (uint64_t)-1);
}

static void takes_roots(void **state) {
    (void)state;
    check_case(OPCODE_F32_SQRT, 0x80000000, 0, RESULT, 0x80000000); /* -0 */
    check_case(OPCODE_F32_SQRT, 0x40800000, 0, RESULT, 0x40000000);
    check_case(OPCODE_F32_SQRT, 1, 0, RESULT, 0x1a3504f3); /* 2^-149 */
    check_case(OPCODE_F32_SQRT, 0xbf800000, 0, RESULT, 0x7fc00000);
    check_case(OPCODE_F64_SQRT, 0x4000000000000000, 0, RESULT, 0x3ff6a09e667f3bcd);
    check_case(OPCODE_F64_SQRT, 0x7fefffffffffffff, 0, RESULT, 0x5fefffffffffffff);
    check_case(OPCODE_F64_SQRT, 1, 0, RESULT, 0x1e60000000000000); /* 2^-1074 */
}

static void is_strict_about_nans(void **state) {
    (void)state;
    const uint64_t canonical = 0x7ff8000000000000, quiet = canonical | 5,
                   signalling = quiet ^ 1ull << 51;
    assert_true(numeric_agrees(OPCODE_F64_ADD, canonical, 0, canonical | 1ull << 63, canonical));
    assert_false(numeric_agrees(OPCODE_F64_ADD, canonical, 0, quiet, canonical));
    assert_true(numeric_agrees(OPCODE_F64_ADD, signalling, 0, quiet, canonical));
    assert_false(numeric_agrees(OPCODE_F64_ADD, signalling, 0, signalling, canonical));
    assert_false(numeric_agrees(OPCODE_F64_NEG, canonical, 0, canonical, canonical | 1ull << 63));
}

/* ---- at random ---------------------------------------------------------------------------------- */

static void agrees_with_the_host(void **state) {
    (void)state;
    uint64_t random = 1, a, b;
    for (unsigned n = 0; numeric_opcode(n) != 0; n++) {
        const uint32_t opcode = numeric_opcode(n);
        for (unsigned i = 0; i < RANDOM_CASES; i++) {
            uint64_t want = 0;
            numeric_draw(opcode, &random, &a, &b);
            const enum outcome outcome = numeric_reference(opcode, a, b, &want);
            check_case(opcode, a, b, outcome, want);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_instruction_without_a_handler),
        cmocka_unit_test(rounds_f32_to_integers),
        cmocka_unit_test(rounds_f64_to_integers),
        cmocka_unit_test(orders_zeros_and_nans),
        cmocka_unit_test(truncates_up_to_the_bounds),
        cmocka_unit_test(divides_i64),
        cmocka_unit_test(takes_roots),
        cmocka_unit_test(is_strict_about_nans),
        cmocka_unit_test(agrees_with_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
