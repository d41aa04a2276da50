/* Sections: every rule of the binary format (section 5.5) and of module validation (section 3.4) once
 * kept and once broken; and that no sample module is read behind its end. */
#include "validate_fixture.h"

#include "runtime_modules.h"

#define HEADER 0, 'a', 's', 'm', 1, 0, 0, 0
#define TYPES SECTION_TYPE, 8, 2, 0x60, 0, 0, 0x60, 1, I32, 0 /* ()->(), (i32)->() */
#define ONE_FUNCTION SECTION_FUNCTION, 2, 1, 0
#define ONE_BODY SECTION_CODE, 4, 1, 2, 0, OPCODE_END
#define ONE_TABLE SECTION_TABLE, 4, 1, 0x70, 0, 2
#define ONE_MEMORY SECTION_MEMORY, 3, 1, 0, 1
#define I32_OF(value) OPCODE_I32_CONST, (value), OPCODE_END

struct module {
    wm_status status;
    const char *cause;
    const uint8_t *wasm;
    size_t len;
};

#define VALID(...)                                                                                      \
    { WM_OK, "", BYTES(HEADER, __VA_ARGS__) }
#define INVALID(cause, ...)                                                                             \
    { WM_EINVAL, (cause), BYTES(HEADER, __VA_ARGS__) }
#define LACKS(cause, ...)                                                                               \
    { WM_ENOTSUP, (cause), BYTES(HEADER, __VA_ARGS__) }

static void check_all(const struct module *modules, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char what[40];
        snprintf(what, sizeof what, "module %u", (unsigned)i);
        assert_verdict(what, modules[i].wasm, modules[i].len, modules[i].status, modules[i].cause);
    }
}

#define CHECK_ALL(modules) check_all(modules, sizeof modules / sizeof modules[0])

static void numbers_are_read(void **state) {
    (void)state;
    struct wasm_reader in = wasm_reader_over(
        BYTES(0x7f, 0x80, 0x80, 0x80, 0x80, 0x78, 0xff, 0x7e, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x80, 0x80,
              0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f, 0x40, 0xff, 0xff, 0xff, 0xff, 0x0f));
    assert_int_equal(wasm_s32(&in), -1);
    assert_int_equal(wasm_s32(&in), INT32_MIN);
    assert_int_equal(wasm_s64(&in), -129);
    assert_int_equal(wasm_u32(&in), UINT32_MAX);
    assert_int_equal(wasm_s64(&in), INT64_MIN);
    assert_int_equal(wasm_s33(&in), -64);
    assert_int_equal(wasm_s33(&in), UINT32_MAX);
    assert_true(wasm_left(&in) == 0 && !in.bad);
    assert_int_equal(wasm_u32(&in), 0);
    assert_true(in.bad);
}

static void the_header_comes_first(void **state) {
    (void)state;
    assert_verdict("header", BYTES(HEADER), WM_OK, "");
    assert_verdict("short", BYTES(0, 'a', 's', 'm', 1, 0, 0), WM_EINVAL, "no Wasm module of version 1");
    assert_verdict("magic", BYTES(0, 'a', 's', 'n', 1, 0, 0, 0), WM_EINVAL, "no Wasm module");
    assert_verdict("version", BYTES(0, 'a', 's', 'm', 2, 0, 0, 0), WM_EINVAL, "no Wasm module");
    assert_verdict("nothing", (const uint8_t *)"", 0, WM_EINVAL, "no Wasm module");
}

static void sections_have_their_order_and_size(void **state) {
    (void)state;
    const struct module modules[] = {
        VALID(TYPES, ONE_FUNCTION, ONE_BODY),
        VALID(SECTION_CUSTOM, 2, 1, 'x', TYPES, SECTION_CUSTOM, 3, 1, 'x', 9, SECTION_CUSTOM, 1, 0),
        INVALID("module, offset 0x12: sections out of order", TYPES, TYPES),
        INVALID("sections out of order", ONE_MEMORY, ONE_TABLE),
        VALID(SECTION_DATA_COUNT, 1, 0, SECTION_CODE, 1, 0, SECTION_DATA, 1, 0),
        INVALID("sections out of order", SECTION_CODE, 1, 0, SECTION_DATA_COUNT, 1, 0),
        INVALID("unknown section", 14, 1, 0),
        LACKS("tag section of exceptions", 13, 1, 0),
        INVALID("custom section, offset 0x8: cut off", SECTION_CUSTOM, 0),
        INVALID("a name that is not UTF-8", SECTION_CUSTOM, 2, 1, 0x80),
        INVALID("module, offset 0x8: cut off", SECTION_TYPE, 2, 0),
        INVALID("cut off", SECTION_TYPE, 0xff, 0xff, 0xff, 0xff, 0x0f, 0),
        INVALID("malformed number", SECTION_TYPE, 0x81, 0x80, 0x80, 0x80, 0x10, 0),
        VALID(SECTION_TYPE, 0x81, 0x80, 0x80, 0x80, 0x00, 0),
        INVALID("type section, offset 0x8: bytes left over", SECTION_TYPE, 2, 0, 0),
        INVALID("cut off", SECTION_TYPE, 2, 1, 0x60),
        INVALID("functions without a body", TYPES, ONE_FUNCTION),
        INVALID("functions without a body", TYPES, ONE_FUNCTION, SECTION_CODE, 1, 0),
        INVALID("a body without a function", TYPES, ONE_BODY),
        INVALID("fewer or more data segments", SECTION_DATA_COUNT, 1, 1),
        INVALID("fewer or more data segments", ONE_MEMORY, SECTION_DATA_COUNT, 1, 0, SECTION_DATA, 6, 1,
                0, I32_OF(0), 0),
    };
    CHECK_ALL(modules);
}

static void types_and_imports_are_known(void **state) {
    (void)state;
    const struct module modules[] = {
        INVALID("a type that is no function type", SECTION_TYPE, 4, 1, 0x61, 0, 0),
        LACKS("a type of GC", SECTION_TYPE, 3, 1, 0x5f, 0),
        INVALID("unknown value type", SECTION_TYPE, 5, 1, 0x60, 1, 0x7a, 0),
        LACKS("v128 of SIMD", SECTION_TYPE, 5, 1, 0x60, 1, 0x7b, 0),
        LACKS("reference types", SECTION_TYPE, 5, 1, 0x60, 0, 1, 0x6f),
        INVALID("unknown type 2", TYPES, SECTION_FUNCTION, 2, 1, 2),
        VALID(TYPES, SECTION_IMPORT, 5, 1, 0, 0, 0, 1),
        INVALID("unknown type 2", TYPES, SECTION_IMPORT, 5, 1, 0, 0, 0, 2),
        INVALID("a name that is not UTF-8", SECTION_IMPORT, 7, 1, 1, 0xff, 0, 2, 0, 1),
        INVALID("unknown kind of import", SECTION_IMPORT, 5, 1, 0, 0, 5, 1),
        LACKS("a tag of exceptions", SECTION_IMPORT, 6, 1, 0, 0, 4, 0, 0),
        VALID(SECTION_IMPORT, 6, 1, 0, 0, KIND_MEMORY, 0, 1),
        VALID(SECTION_IMPORT, 7, 1, 0, 0, KIND_TABLE, 0x70, 0, 1),
        VALID(SECTION_IMPORT, 6, 1, 0, 0, KIND_GLOBAL, F64, 1),
        LACKS("multi-memory", SECTION_IMPORT, 6, 1, 0, 0, KIND_MEMORY, 0, 1, ONE_MEMORY),
        LACKS("more than one table", SECTION_IMPORT, 7, 1, 0, 0, KIND_TABLE, 0x70, 0, 1, ONE_TABLE),
    };
    CHECK_ALL(modules);
}

static void limits_are_in_range(void **state) {
    (void)state;
    const struct module modules[] = {
        VALID(SECTION_MEMORY, 4, 1, 1, 1, 1),
        VALID(SECTION_MEMORY, 5, 1, 0, 0x80, 0x80, 0x04),
        VALID(SECTION_MEMORY, 4, 1, 8, 1, 14),
        VALID(SECTION_MEMORY, 6, 1, 8, 0x80, 0x80, 0x10, 14),
        INVALID("more than 4 GiB", SECTION_MEMORY, 6, 1, 8, 0x81, 0x80, 0x10, 14),
        INVALID("more than 4 GiB", SECTION_MEMORY, 5, 1, 0, 0x81, 0x80, 0x04),
        INVALID("more than 4 GiB", SECTION_MEMORY, 6, 1, 1, 0, 0x81, 0x80, 0x04),
        INVALID("a minimum above the maximum", SECTION_MEMORY, 4, 1, 1, 2, 1),
        INVALID("pages of more than 64 KiB", SECTION_MEMORY, 4, 1, 8, 1, 17),
        INVALID("unknown flags", SECTION_MEMORY, 3, 1, 0x10, 1),
        LACKS("threads", SECTION_MEMORY, 4, 1, 3, 1, 1),
        LACKS("memory64", SECTION_MEMORY, 3, 1, 4, 1),
        LACKS("multi-memory", SECTION_MEMORY, 5, 2, 0, 1, 0, 1),
        VALID(SECTION_TABLE, 5, 1, 0x70, 1, 0, 0),
        INVALID("a minimum above the maximum", SECTION_TABLE, 5, 1, 0x70, 1, 2, 1),
        INVALID("unknown flags", SECTION_TABLE, 4, 1, 0x70, 8, 2),
        LACKS("reference types", SECTION_TABLE, 4, 1, 0x6f, 0, 2),
        LACKS("more than one table", SECTION_TABLE, 7, 2, 0x70, 0, 2, 0x70, 0, 2),
    };
    CHECK_ALL(modules);
}

#define IMPORT_GLOBAL(mutability) SECTION_IMPORT, 6, 1, 0, 0, KIND_GLOBAL, I32, (mutability)

static void globals_begin_with_a_constant(void **state) {
    (void)state;
    const struct module modules[] = {
        VALID(SECTION_GLOBAL, 6, 1, I32, 0, I32_OF(5)),
        VALID(SECTION_GLOBAL, 9, 1, F32, 1, OPCODE_F32_CONST, 1, 2, 3, 4, OPCODE_END),
        VALID(IMPORT_GLOBAL(0), SECTION_GLOBAL, 6, 1, I32, 0, OPCODE_GLOBAL_GET, 0, OPCODE_END),
        INVALID("a mutable global", IMPORT_GLOBAL(1), SECTION_GLOBAL, 6, 1, I32, 0, OPCODE_GLOBAL_GET, 0,
                OPCODE_END),
        INVALID("unknown imported global 0", SECTION_GLOBAL, 6, 1, I32, 0, OPCODE_GLOBAL_GET, 0,
                OPCODE_END),
        INVALID("unknown mutability", SECTION_GLOBAL, 6, 1, I32, 2, I32_OF(5)),
        INVALID("a constant of another type", SECTION_GLOBAL, 6, 1, I64, 0, I32_OF(5)),
        INVALID("not one constant", SECTION_GLOBAL, 4, 1, I32, 0, OPCODE_END),
        INVALID("not one constant", SECTION_GLOBAL, 7, 1, I32, 0, OPCODE_I32_CONST, 1, OPCODE_NOP,
                OPCODE_END),
        INVALID("cut off", SECTION_GLOBAL, 5, 1, I32, 0, OPCODE_I32_CONST, 1),
        LACKS("extended constant expressions", SECTION_GLOBAL, 9, 1, I32, 0, OPCODE_I32_CONST, 1,
              OPCODE_I32_CONST, 1, OPCODE_I32_ADD, OPCODE_END),
        LACKS("opcode 0xd0 of reference types", SECTION_GLOBAL, 6, 1, I32, 0, 0xd0, 0x70, OPCODE_END),
    };
    CHECK_ALL(modules);
}

static void exports_exist_and_have_names_of_their_own(void **state) {
    (void)state;
    const struct module modules[] = {
        VALID(ONE_MEMORY, SECTION_EXPORT, 8, 2, 0, KIND_MEMORY, 0, 1, 'm', KIND_MEMORY, 0),
        INVALID("two exports of the same name", ONE_MEMORY, SECTION_EXPORT, 9, 2, 1, 'm', KIND_MEMORY, 0,
                1, 'm', KIND_MEMORY, 0),
        INVALID("unknown function 0", SECTION_EXPORT, 5, 1, 1, 'm', KIND_FUNCTION, 0),
        INVALID("unknown table 0", SECTION_EXPORT, 5, 1, 1, 'm', KIND_TABLE, 0),
        INVALID("unknown memory 1", ONE_MEMORY, SECTION_EXPORT, 5, 1, 1, 'm', KIND_MEMORY, 1),
        INVALID("unknown global 0", SECTION_EXPORT, 5, 1, 1, 'm', KIND_GLOBAL, 0),
        INVALID("unknown kind of export", SECTION_EXPORT, 5, 1, 1, 'm', 4, 0),
        INVALID("a name that is not UTF-8", ONE_MEMORY, SECTION_EXPORT, 5, 1, 1, 0xc0, KIND_MEMORY, 0),
    };
    CHECK_ALL(modules);
}

static void start_and_segments_fit(void **state) {
    (void)state;
    const struct module modules[] = {
        VALID(TYPES, ONE_FUNCTION, SECTION_START, 1, 0, ONE_BODY),
        INVALID("unknown function 1", TYPES, ONE_FUNCTION, SECTION_START, 1, 1, ONE_BODY),
        INVALID("parameters or results", TYPES, SECTION_FUNCTION, 2, 1, 1, SECTION_START, 1, 0,
                ONE_BODY),
        VALID(TYPES, ONE_FUNCTION, ONE_TABLE, SECTION_ELEMENT, 8, 1, 0, I32_OF(9), 2, 0, 0, ONE_BODY),
        INVALID("unknown function 1", TYPES, ONE_FUNCTION, ONE_TABLE, SECTION_ELEMENT, 7, 1, 0,
                I32_OF(0), 1, 1, ONE_BODY),
        INVALID("unknown table 0", SECTION_ELEMENT, 6, 1, 0, I32_OF(0), 0),
        INVALID("a constant of another type", ONE_TABLE, SECTION_ELEMENT, 6, 1, 0, OPCODE_I64_CONST, 0,
                OPCODE_END, 0),
        LACKS("passive segments", ONE_TABLE, SECTION_ELEMENT, 4, 1, 1, 0, 0),
        LACKS("active segment with an explicit index of a table", ONE_TABLE, SECTION_ELEMENT, 8, 1, 2, 0,
              I32_OF(0), 0, 0),
        LACKS("a declarative segment", ONE_TABLE, SECTION_ELEMENT, 4, 1, 3, 0, 0),
        LACKS("a segment of expressions", ONE_TABLE, SECTION_ELEMENT, 6, 1, 4, I32_OF(0), 0),
        INVALID("an unknown kind of segment", ONE_TABLE, SECTION_ELEMENT, 4, 1, 8, 0, 0),
        VALID(ONE_MEMORY, SECTION_DATA_COUNT, 1, 1, SECTION_DATA, 8, 1, 0, I32_OF(0), 2, 'a', 'b'),
        INVALID("unknown memory 0", SECTION_DATA, 6, 1, 0, I32_OF(0), 0),
        INVALID("data section, offset 0x1f: unknown memory 0", TYPES, ONE_FUNCTION, ONE_BODY,
                SECTION_DATA, 6, 1, 0, I32_OF(0), 0),
        INVALID("cut off", ONE_MEMORY, SECTION_DATA, 8, 1, 0, I32_OF(0), 3, 'a', 'b'),
        LACKS("passive segments", ONE_MEMORY, SECTION_DATA, 3, 1, 1, 0),
        LACKS("active segment with an explicit index of a memory", ONE_MEMORY, SECTION_DATA, 7, 1, 2, 0,
              I32_OF(0), 0),
        INVALID("an unknown kind of segment", ONE_MEMORY, SECTION_DATA, 3, 1, 3, 0),
    };
    CHECK_ALL(modules);
}

/* Global initialisers are compiled like bodies (CVE-2021-38592: many constants in one). */
static void a_long_initializer_is_refused(void **state) {
    (void)state;
    uint8_t wasm[256] = {HEADER, SECTION_GLOBAL, 0x80 | 84, 1, 1, I64, 0};
    const size_t front = 14;
    for (size_t i = 0; i < 104; i++) {
        wasm[front + 2 * i] = OPCODE_I64_CONST;
    }
    wasm[front + 208] = OPCODE_END;
    assert_verdict("initializer", wasm, front + 209, WM_ENOTSUP, "extended constant expressions");
}

/* ---- sample modules --------------------------------------------------------------------------- */

#define SAMPLE(name)                                                                                    \
    { #name, wasm_##name, sizeof wasm_##name }

static const struct sample {
    const char *name;
    const uint8_t *wasm;
    size_t len;
} samples[] = {
    SAMPLE(calls),      SAMPLE(echo),           SAMPLE(fp_block_result), SAMPLE(host_calls),
    SAMPLE(life),       SAMPLE(many_arguments), SAMPLE(memory),          SAMPLE(spin),
    SAMPLE(start),      SAMPLE(traps),          SAMPLE(unflagged),       SAMPLE(import_memory),
    SAMPLE(big_memory), SAMPLE(data_outside),   SAMPLE(no_memory),       SAMPLE(wrong_import_type),
};

/* Where the module's sections end: what is cut off there may be a module too. */
static bool is_section_end(const uint8_t *wasm, size_t len, size_t at) {
    struct wasm_reader in = wasm_reader_over(wasm + WASM_HEADER_BYTES, len - WASM_HEADER_BYTES);
    while (in.at < wasm + at) {
        (void)wasm_byte(&in);
        (void)wasm_part(&in, wasm_u32(&in));
    }
    return in.at == wasm + at;
}

static void samples_are_valid_and_their_prefixes_are_not(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const struct sample *sample = &samples[i];
        assert_verdict(sample->name, sample->wasm, sample->len, WM_OK, "");
        for (size_t len = 0; len < sample->len; len++) {
            const wm_status status = validate(sample->wasm, len);
            assert_true(status == WM_EINVAL || is_section_end(sample->wasm, sample->len, len));
        }
    }
}

/* Every byte with each of its bits turned over: any verdict, but nothing read or written elsewhere. */
static void damaged_samples_do_no_harm(void **state) {
    (void)state;
    unsigned refused = 0, bits = 0;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        uint8_t wasm[4096];
        assert_in_range(samples[i].len, 1, sizeof wasm);
        memcpy(wasm, samples[i].wasm, samples[i].len);
        for (size_t bit = 0; bit < 8 * samples[i].len; bit++, bits++) {
            wasm[bit / 8] ^= (uint8_t)(1u << bit % 8);
            refused += validate(wasm, samples[i].len) != WM_OK;
            wasm[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    assert_in_range(refused, bits / 2, bits);
}

static void valid_modules_beyond_a_limit_are_told_so(void **state) {
    (void)state;
    assert_verdict("V4", wasm_many_results, sizeof wasm_many_results, WM_ENOMEM,
                   "400 results, but at most 16");
    assert_verdict("V5", wasm_deep_nesting, sizeof wasm_deep_nesting, WM_ENOMEM,
                   "129 nested blocks, but at most 128");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read),
        cmocka_unit_test(the_header_comes_first),
        cmocka_unit_test(sections_have_their_order_and_size),
        cmocka_unit_test(types_and_imports_are_known),
        cmocka_unit_test(limits_are_in_range),
        cmocka_unit_test(globals_begin_with_a_constant),
        cmocka_unit_test(exports_exist_and_have_names_of_their_own),
        cmocka_unit_test(start_and_segments_fit),
        cmocka_unit_test(a_long_initializer_is_refused),
        cmocka_unit_test(samples_are_valid_and_their_prefixes_are_not),
        cmocka_unit_test(damaged_samples_do_no_harm),
        cmocka_unit_test(valid_modules_beyond_a_limit_are_told_so),
    };
    return cmocka_run_group_tests_name("validate", tests, NULL, NULL);
}
