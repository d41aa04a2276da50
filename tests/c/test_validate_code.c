/* Function bodies: every typing rule of the specification's section 3.3 once kept and once broken, and
 * the bodies that published memory errors of wasm3 0.5.0 need. */
#include "validate_fixture.h"

/* clang-format off */
static const uint8_t front[] = {
    0, 'a', 's', 'm', 1, 0, 0, 0,
    /* type: 0 ()->(), 1 (i32)->i32, 2 ()->(i32 f64), 3 (i32 f64)->(), 4 (f64 i32)->(i32 f64) */
    1, 26, 5, 0x60, 0, 0, 0x60, 1, I32, 1, I32, 0x60, 0, 2, I32, F64, 0x60, 2, I32, F64, 0,
    0x60, 2, F64, I32, 2, I32, F64,
    /* import: function 0 of type 1 */
    2, 7, 1, 1, 'm', 1, 'f', 0, 1};
static const uint8_t middle[] = {
    /* table: 4 funcref; memory: one page; global: 0 (mut i32), 1 i64 */
    4, 4, 1, 0x70, 0, 4, 5, 3, 1, 0, 1, 6, 11, 2, I32, 1, 0x41, 7, 0x0b, I64, 0, 0x42, 7, 0x0b};
/* clang-format on */

static uint8_t wasm[4096];
static size_t wasm_len;

static void put(const uint8_t *bytes, size_t len) {
    memcpy(wasm + wasm_len, bytes, len);
    wasm_len += len;
}

static void put_size(size_t size) {
    put(BYTES((uint8_t)(size | 0x80), (uint8_t)(size >> 7)));
}

/* Function 1 of this type, with two locals beside its parameters, i64 and f32; its end is added. */
static void wrap(uint8_t type, const uint8_t *code, size_t len, bool with_memory_and_table) {
    static const uint8_t locals[] = {2, 1, I64, 1, F32}, end = OPCODE_END;
    wasm_len = 0;
    put(front, sizeof front);
    put(BYTES(SECTION_FUNCTION, 2, 1, type));
    if (with_memory_and_table) {
        put(middle, sizeof middle);
    }
    const size_t body = sizeof locals + len + sizeof end;
    put(BYTES(SECTION_CODE));
    put_size(1 + 2 + body);
    put(BYTES(1));
    put_size(body);
    put(locals, sizeof locals);
    put(code, len);
    put(&end, 1);
}

struct body {
    uint8_t type;
    wm_status status;
    const char *cause;
    const uint8_t *code;
    size_t len;
};

#define VALID(type, ...)                                                                                \
    { (type), WM_OK, "", BYTES(__VA_ARGS__) }
#define INVALID(type, cause, ...)                                                                       \
    { (type), WM_EINVAL, (cause), BYTES(__VA_ARGS__) }
#define LACKS(feature, ...)                                                                             \
    { 0, WM_ENOTSUP, (feature), BYTES(__VA_ARGS__) }

static void check_all(const struct body *bodies, size_t count, const char *group) {
    for (size_t i = 0; i < count; i++) {
        char what[40];
        snprintf(what, sizeof what, "%s %u", group, (unsigned)i);
        wrap(bodies[i].type, bodies[i].code, bodies[i].len, true);
        assert_verdict(what, wasm, wasm_len, bodies[i].status, bodies[i].cause);
        if (bodies[i].status != WM_OK) {
            assert_non_null(strstr(why, ": function 1, offset 0x"));
        }
    }
}

#define CHECK_ALL(bodies) check_all(bodies, sizeof bodies / sizeof bodies[0], #bodies)

#define CONST_I32 OPCODE_I32_CONST, 1
#define CONST_I64 OPCODE_I64_CONST, 1
#define CONST_F32 OPCODE_F32_CONST, 0, 0, 0, 0
#define CONST_F64 OPCODE_F64_CONST, 0, 0, 0, 0, 0, 0, 0, 0
#define DROP OPCODE_DROP
#define END OPCODE_END

static void operands_have_the_right_types(void **state) {
    (void)state;
    const struct body bodies[] = {
        VALID(0, OPCODE_NOP),
        VALID(0, CONST_I32, CONST_I32, OPCODE_I32_ADD, DROP),
        INVALID(0, "opcode 0x6a needs i32, found f32", CONST_I32, CONST_F32, OPCODE_I32_ADD, DROP),
        INVALID(0, "opcode 0x6a needs i32, found nothing", CONST_I32, OPCODE_I32_ADD, DROP),
        INVALID(0, "opcode 0x1a needs an operand, found nothing", DROP),
        INVALID(0, "1 operands more than the block has results", CONST_I32),
        VALID(1, OPCODE_LOCAL_GET, 0),
        INVALID(1, "opcode 0x0b needs i32, found nothing", OPCODE_NOP),
        INVALID(1, "opcode 0x0b needs i32, found i64", CONST_I64),
        VALID(2, CONST_I32, CONST_F64),
        INVALID(2, "opcode 0x0b needs f64, found i32", CONST_F64, CONST_I32),
        VALID(0, CONST_F64, CONST_F64, CONST_I32, OPCODE_SELECT, DROP),
        INVALID(0, "opcode 0x1b needs f64, found f32", CONST_F32, CONST_F64, CONST_I32, OPCODE_SELECT,
                DROP),
        INVALID(0, "opcode 0x1b needs i32, found f64", CONST_F64, CONST_F64, CONST_F64, OPCODE_SELECT),
        VALID(0, CONST_F32, OPCODE_PREFIX, 0, OPCODE_I64_EXTEND_I32_S, OPCODE_I64_EXTEND8_S, DROP),
        INVALID(0, "opcode 0xfc07 needs f64, found f32", CONST_F32, OPCODE_PREFIX, 7, DROP),
    };
    CHECK_ALL(bodies);
}

static void indices_exist(void **state) {
    (void)state;
    const struct body bodies[] = {
        VALID(1, OPCODE_LOCAL_GET, 0, OPCODE_LOCAL_TEE, 0, OPCODE_LOCAL_SET, 0, CONST_I32),
        VALID(1, CONST_F32, OPCODE_LOCAL_SET, 2, CONST_I32),
        INVALID(0, "unknown local 2", OPCODE_LOCAL_GET, 2, DROP),
        INVALID(0, "opcode 0x21 needs i64, found i32", CONST_I32, OPCODE_LOCAL_SET, 0),
        INVALID(0, "opcode 0x22 needs f32, found i32", CONST_I32, OPCODE_LOCAL_TEE, 1, DROP),
        VALID(0, OPCODE_GLOBAL_GET, 0, OPCODE_GLOBAL_SET, 0, OPCODE_GLOBAL_GET, 1, DROP),
        INVALID(0, "unknown global 2", OPCODE_GLOBAL_GET, 2, DROP),
        INVALID(0, "global.set of an immutable global", CONST_I64, OPCODE_GLOBAL_SET, 1),
        INVALID(0, "opcode 0x24 needs i32, found i64", CONST_I64, OPCODE_GLOBAL_SET, 0),
        VALID(0, CONST_I32, OPCODE_CALL, 0, DROP, OPCODE_CALL, 1),
        INVALID(0, "unknown function 2", OPCODE_CALL, 2),
        INVALID(0, "opcode 0x10 needs i32, found f32", CONST_F32, OPCODE_CALL, 0, DROP),
        VALID(0, CONST_I32, CONST_I32, OPCODE_CALL_INDIRECT, 1, 0, DROP),
        VALID(0, CONST_I32, OPCODE_CALL_INDIRECT, 0, 0x80, 0x80, 0x80, 0x80, 0),
        INVALID(0, "unknown type 5", CONST_I32, OPCODE_CALL_INDIRECT, 5, 0),
        INVALID(0, "opcode 0x11 needs i32, found nothing", CONST_I32, OPCODE_CALL_INDIRECT, 1, 0),
        LACKS("a table other than 0", CONST_I32, OPCODE_CALL_INDIRECT, 0, 0x81, 0x80, 0x80, 0x80, 0),
    };
    CHECK_ALL(bodies);
}

static void blocks_take_and_leave_what_they_say(void **state) {
    (void)state;
    const struct body bodies[] = {
        VALID(0, OPCODE_BLOCK, EMPTY, END, OPCODE_LOOP, EMPTY, END),
        VALID(0, OPCODE_BLOCK, I64, CONST_I64, END, DROP),
        INVALID(0, "opcode 0x0b needs i64, found nothing", CONST_I64, OPCODE_BLOCK, I64, END, DROP),
        INVALID(0, "1 operands more", OPCODE_BLOCK, EMPTY, CONST_I32, END),
        INVALID(0, "opcode 0x1a needs an operand", CONST_I32, OPCODE_BLOCK, EMPTY, DROP, END),
        VALID(0, CONST_F64, CONST_I32, OPCODE_BLOCK, 4, DROP, DROP, CONST_I32, CONST_F64, END, DROP,
              DROP),
        INVALID(0, "opcode 0x02 needs f64, found i32", CONST_I32, CONST_I32, OPCODE_BLOCK, 4, END),
        INVALID(0, "unknown block type", OPCODE_BLOCK, 5, END),
        INVALID(0, "unknown block type", OPCODE_BLOCK, 0xff, 0x7f, END),
        INVALID(0, "unknown value type", OPCODE_BLOCK, 0x5a, END),
        VALID(0, CONST_I32, OPCODE_IF, EMPTY, OPCODE_ELSE, END),
        VALID(0, CONST_I32, OPCODE_IF, F32, CONST_F32, OPCODE_ELSE, CONST_F32, END, DROP),
        VALID(0, CONST_I32, CONST_I32, OPCODE_IF, 1, END, DROP),
        INVALID(0, "opcode 0x04 needs i32, found i64", CONST_I64, OPCODE_IF, EMPTY, END),
        INVALID(0, "if without else changes the operands", CONST_I32, OPCODE_IF, F32, CONST_F32, END,
                DROP),
        INVALID(0, "opcode 0x0b needs f32, found nothing", CONST_I32, OPCODE_IF, F32, CONST_F32,
                OPCODE_ELSE, END, DROP),
        INVALID(0, "opcode 0x05 needs f32, found nothing", CONST_I32, OPCODE_IF, F32, OPCODE_ELSE,
                CONST_F32, END, DROP),
        INVALID(0, "else without if", OPCODE_ELSE),
        INVALID(0, "else without if", CONST_I32, OPCODE_IF, EMPTY, OPCODE_ELSE, OPCODE_ELSE, END),
        INVALID(0, "bytes left over", END),
        INVALID(0, "cut off", OPCODE_BLOCK, EMPTY),
    };
    CHECK_ALL(bodies);
}

static void branches_carry_what_their_label_takes(void **state) {
    (void)state;
    const struct body bodies[] = {
        VALID(0, OPCODE_BR, 0),
        VALID(0, OPCODE_BLOCK, I32, CONST_I32, OPCODE_BR, 0, END, DROP),
        VALID(0, CONST_I32, OPCODE_LOOP, 1, CONST_I32, OPCODE_BR_IF, 0, END, DROP),
        INVALID(0, "unknown label 1", OPCODE_BR, 1),
        INVALID(0, "opcode 0x0c needs i32, found f32", OPCODE_BLOCK, I32, CONST_F32, OPCODE_BR, 0, END,
                DROP),
        INVALID(0, "opcode 0x0d needs i32, found nothing", OPCODE_BLOCK, I32, CONST_I32, OPCODE_BR_IF, 0,
                CONST_I32, END, DROP),
        INVALID(0, "opcode 0x0d needs i32, found i64", CONST_I64, OPCODE_BR_IF, 0),
        VALID(0, OPCODE_BLOCK, EMPTY, CONST_I32, OPCODE_BR_TABLE, 2, 0, 1, 0, END),
        INVALID(0, "unknown label 2", OPCODE_BLOCK, EMPTY, CONST_I32, OPCODE_BR_TABLE, 1, 2, 0, END),
        INVALID(0, "different numbers of operands", OPCODE_BLOCK, I32, CONST_I32, CONST_I32,
                OPCODE_BR_TABLE, 1, 0, 1, END, DROP),
        INVALID(0, "opcode 0x0e needs f32, found i32", OPCODE_BLOCK, F32, OPCODE_BLOCK, I32, CONST_I32,
                CONST_I32, OPCODE_BR_TABLE, 1, 0, 1, END, DROP, CONST_F32, END, DROP),
        INVALID(0, "opcode 0x0e needs i32, found nothing", OPCODE_BR_TABLE, 0, 0),
        VALID(1, CONST_I32, OPCODE_RETURN),
        VALID(1, CONST_F32, CONST_I32, OPCODE_RETURN),
        INVALID(1, "opcode 0x0f needs i32, found f32", CONST_F32, OPCODE_RETURN),
    };
    CHECK_ALL(bodies);
}

static void the_stack_is_polymorphic_behind_a_branch(void **state) {
    (void)state;
    const struct body bodies[] = {
        VALID(2, OPCODE_UNREACHABLE),
        VALID(2, OPCODE_UNREACHABLE, CONST_F64),
        VALID(0, OPCODE_UNREACHABLE, OPCODE_I32_ADD, OPCODE_I64_EXTEND_I32_S, DROP, DROP, DROP),
        VALID(0, OPCODE_UNREACHABLE, OPCODE_SELECT, OPCODE_I64_EQZ, DROP),
        VALID(0, OPCODE_UNREACHABLE, CONST_F32, CONST_I32, OPCODE_SELECT, OPCODE_F32_ABS, DROP),
        VALID(0, OPCODE_BLOCK, I32, CONST_F32, OPCODE_BR, 1, OPCODE_BR_IF, 0, END, DROP),
        VALID(0, OPCODE_BLOCK, F32, OPCODE_BLOCK, I32, OPCODE_UNREACHABLE, CONST_I32, OPCODE_BR_TABLE, 1,
              0, 1, END, DROP, CONST_F32, END, DROP),
        INVALID(0, "opcode 0x0e needs f32, found i32", OPCODE_BLOCK, F32, OPCODE_BLOCK, I32,
                OPCODE_UNREACHABLE, CONST_I32, CONST_I32, OPCODE_BR_TABLE, 1, 0, 1, END, DROP, CONST_F32,
                END, DROP),
        INVALID(0, "opcode 0x6a needs i32, found f32", OPCODE_UNREACHABLE, CONST_F32, OPCODE_I32_ADD,
                DROP),
        INVALID(0, "opcode 0x50 needs i64, found f32", OPCODE_UNREACHABLE, CONST_F32, CONST_I32,
                OPCODE_SELECT, OPCODE_I64_EQZ, DROP),
        INVALID(0, "1 operands more", OPCODE_UNREACHABLE, CONST_I32),
        INVALID(0, "opcode 0x1b needs i64, found f32", OPCODE_UNREACHABLE, CONST_F32, CONST_I64,
                CONST_I32, OPCODE_SELECT, DROP),
        INVALID(0, "opcode 0x1a needs an operand, found nothing", OPCODE_BLOCK, EMPTY,
                OPCODE_UNREACHABLE, END, DROP),
        INVALID(0, "unknown local 9", OPCODE_UNREACHABLE, OPCODE_LOCAL_GET, 9, DROP),
    };
    CHECK_ALL(bodies);
}

static void memory_is_there_and_alignment_natural(void **state) {
    (void)state;
    const struct body bodies[] = {
        VALID(0, CONST_I32, OPCODE_I32_LOAD, 2, 0xff, 0xff, 0xff, 0xff, 0x0f, DROP),
        VALID(0, CONST_I32, CONST_F64, OPCODE_F64_STORE, 3, 0),
        INVALID(0, "an alignment above the natural one", CONST_I32, OPCODE_I32_LOAD, 3, 0, DROP),
        INVALID(0, "an alignment above the natural one", CONST_I32, OPCODE_I32_LOAD8_U, 1, 0, DROP),
        INVALID(0, "an alignment above the natural one", CONST_I32, CONST_I64, OPCODE_I64_STORE32, 3, 0),
        INVALID(0, "opcode 0x36 needs i32, found f32", CONST_I32, CONST_F32, OPCODE_I32_STORE, 2, 0),
        INVALID(0, "cut off, or a malformed number", CONST_I32, OPCODE_I32_LOAD, 2, 0xff, 0xff, 0xff,
                0xff, 0x1f, DROP),
        VALID(1, OPCODE_MEMORY_SIZE, 0, OPCODE_MEMORY_GROW, 0),
        VALID(0, CONST_I32, CONST_I32, CONST_I32, OPCODE_PREFIX, 10, 0, 0),
        VALID(0, CONST_I32, CONST_I32, CONST_I32, OPCODE_PREFIX, 0x8b, 0x80, 0x00, 0),
        LACKS("multi-memory", OPCODE_MEMORY_SIZE, 1, DROP),
        LACKS("multi-memory", CONST_I32, CONST_I32, CONST_I32, OPCODE_PREFIX, 10, 0, 1),
    };
    CHECK_ALL(bodies);
    const struct body without[] = {
        INVALID(0, "unknown memory 0", CONST_I32, OPCODE_I32_LOAD, 2, 0, DROP),
        INVALID(0, "unknown memory 0", OPCODE_MEMORY_SIZE, 0, DROP),
        INVALID(0, "unknown memory 0", CONST_I32, CONST_I32, CONST_I32, OPCODE_PREFIX, 11, 0),
        INVALID(0, "unknown memory 0", CONST_I32, CONST_I32, CONST_I32, OPCODE_PREFIX, 10, 0, 0),
        INVALID(0, "unknown table 0", CONST_I32, OPCODE_CALL_INDIRECT, 0, 0),
    };
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        wrap(0, without[i].code, without[i].len, false);
        assert_verdict("without", wasm, wasm_len, WM_EINVAL, without[i].cause);
    }
}

static void numbers_keep_their_length(void **state) {
    (void)state;
    const struct body bodies[] = {
        VALID(0, OPCODE_I32_CONST, 0x80, 0x80, 0x80, 0x80, 0x78, DROP),
        VALID(0, OPCODE_I32_CONST, 0xff, 0xff, 0xff, 0xff, 0x07, DROP),
        INVALID(0, "malformed number", OPCODE_I32_CONST, 0xff, 0xff, 0xff, 0xff, 0x0f, DROP),
        INVALID(0, "malformed number", OPCODE_I32_CONST, 0x80, 0x80, 0x80, 0x80, 0x70, DROP),
        INVALID(0, "malformed number", OPCODE_I32_CONST, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, DROP),
        VALID(0, OPCODE_I64_CONST, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f, DROP),
        INVALID(0, "malformed number", OPCODE_I64_CONST, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                0x80, 0x7e, DROP),
        VALID(0, OPCODE_BLOCK, 0x80, 0x80, 0x80, 0x80, 0x00, END),
        INVALID(0, "unknown block type", OPCODE_BLOCK, 0x80, 0x80, 0x80, 0x80, 0x70, END),
        INVALID(0, "malformed number", OPCODE_BLOCK, 0x80, 0x80, 0x80, 0x80, 0x20, END),
        VALID(0, OPCODE_GLOBAL_GET, 0x80, 0x80, 0x80, 0x80, 0x00, DROP),
        INVALID(0, "malformed number", OPCODE_GLOBAL_GET, 0x80, 0x80, 0x80, 0x80, 0x10, DROP),
    };
    CHECK_ALL(bodies);
}

static void what_the_engine_lacks_is_named(void **state) {
    (void)state;
    const struct body bodies[] = {
        LACKS("opcode 0xfd of SIMD", 0xfd, 0),
        LACKS("opcode 0xfe of threads", 0xfe, 0),
        LACKS("opcode 0x12 of tail calls", 0x12, 0),
        LACKS("opcode 0xd0 of reference types", 0xd0, 0x70),
        LACKS("opcode 0x1c of reference types", 0x1c, 1, I32),
        LACKS("opcode 0xfc08 of passive segments", OPCODE_PREFIX, 8, 0, 0),
        LACKS("opcode 0xfc0e of bulk memory for tables", OPCODE_PREFIX, 14, 0, 0),
        LACKS("opcode 0xfc10 of reference types", OPCODE_PREFIX, 16, 0),
        LACKS("opcode 0xfc16 of wide arithmetic", OPCODE_PREFIX, 22),
        LACKS("opcode 0x06 of exceptions", 0x06, EMPTY),
        LACKS("opcode 0xfb of GC", 0xfb, 0),
        INVALID(0, "unknown opcode 0xff", 0xff),
        INVALID(0, "unknown opcode 0xc5", 0xc5),
        INVALID(0, "unknown opcode 0xfcff", OPCODE_PREFIX, 0x8a, 0x02),
    };
    CHECK_ALL(bodies);
}

/* Bodies of the kinds that were published; the numbers are those of wasm3's CVEs and issues. */
static void what_broke_the_engine_is_refused_or_valid(void **state) {
    (void)state;
    const struct body bodies[] = {
        /* 2021-45929, -45946, -45947: blocks whose operands are not there */
        INVALID(0, "needs i32", OPCODE_LOOP, 1, OPCODE_BR, 0, END),
        INVALID(0, "needs f64", CONST_I32, CONST_I32, OPCODE_IF, 4, OPCODE_ELSE, END),
        /* 2022-28966, issue 563: the count of a br_table wraps an address */
        {0, WM_ENOMEM, "4294967280 labels of br_table, but at most 1024",
         BYTES(CONST_I32, OPCODE_BR_TABLE, 0xf0, 0xff, 0xff, 0xff, 0x0f, 0)},
        /* 2022-34529: memory.fill after a type confusion */
        INVALID(0, "needs i32, found f64", CONST_I32, CONST_F64, CONST_I32, OPCODE_PREFIX, 11, 0),
        /* 2022-39974, -44874: select, call_indirect on nothing */
        INVALID(0, "opcode 0x1b needs i32, found nothing", OPCODE_SELECT, DROP),
        INVALID(0, "opcode 0x11 needs i32, found nothing", OPCODE_CALL_INDIRECT, 0, 0),
        /* 2024-34249, -34252: results and locals taken from an empty block */
        INVALID(0, "needs an operand, found nothing", CONST_I32, OPCODE_BLOCK, EMPTY, DROP, DROP, END),
        INVALID(0, "opcode 0x22 needs i64, found nothing", OPCODE_BLOCK, EMPTY, OPCODE_LOCAL_TEE, 0,
                END),
        /* issue 465 is valid: an operand lies under the result that a branch carries */
        VALID(0, OPCODE_BLOCK, F32, CONST_I32, CONST_F32, OPCODE_BR, 0, END, DROP),
    };
    CHECK_ALL(bodies);
}

/* Of the instruction, not of its last byte or of the end of the body. */
static void the_offset_is_that_of_the_instruction(void **state) {
    (void)state;
    char cause[80];
    static const uint8_t code[] = {OPCODE_NOP, OPCODE_NOP, OPCODE_F64_CONST, 0, 0};
    wrap(0, code, sizeof code, true);
    const unsigned at = (unsigned)(wasm_len - 1 - sizeof code + 2);
    snprintf(cause, sizeof cause, "does not validate: function 1, offset 0x%x: cut off", at);
    assert_verdict("cut off", wasm, wasm_len, WM_EINVAL, cause);
    static const uint8_t other[] = {OPCODE_NOP, OPCODE_LOCAL_GET, 0x85, 0x00, DROP};
    wrap(0, other, sizeof other, true);
    snprintf(cause, sizeof cause, "does not validate: function 1, offset 0x%x: unknown local 5", at - 1);
    assert_verdict("index", wasm, wasm_len, WM_EINVAL, cause);
}

static void facts_are_found(void **state) {
    (void)state;
    static const uint8_t code[] = {CONST_I32, OPCODE_BLOCK, EMPTY, CONST_I32,          CONST_I32, DROP,
                                   DROP,      END,          DROP,  OPCODE_MEMORY_SIZE, 0,         DROP};
    wrap(3, code, sizeof code, true);
    assert_int_equal(validate(wasm, wasm_len), WM_OK);
    assert_int_equal(facts.functions, 2);
    assert_int_equal(facts.function_imports, 1);
    assert_int_equal(facts.code_bytes, sizeof code + 6); /* locals and end */
    assert_int_equal(facts.locals_max, 4);
    assert_int_equal(facts.operands_max, 3);
    assert_int_equal(facts.blocks_max, 2);
    assert_true(facts.asks_memory_size);
    assert_false(facts.grows_memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands_have_the_right_types),
        cmocka_unit_test(indices_exist),
        cmocka_unit_test(blocks_take_and_leave_what_they_say),
        cmocka_unit_test(branches_carry_what_their_label_takes),
        cmocka_unit_test(the_stack_is_polymorphic_behind_a_branch),
        cmocka_unit_test(memory_is_there_and_alignment_natural),
        cmocka_unit_test(numbers_keep_their_length),
        cmocka_unit_test(what_the_engine_lacks_is_named),
        cmocka_unit_test(what_broke_the_engine_is_refused_or_valid),
        cmocka_unit_test(the_offset_is_that_of_the_instruction),
        cmocka_unit_test(facts_are_found),
    };
    return cmocka_run_group_tests_name("validate_code", tests, NULL, NULL);
}
