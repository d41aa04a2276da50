/* The validator: a module, or, since most damaged modules die in their sections, code for a function of
 * a good one. */
#include "fuzz.h"

#include <string.h>

#include "validate.h"

#define CODE_MAX 2048

static struct validate_scratch scratch;
static uint8_t wasm[CODE_MAX + 256];
static size_t wasm_len;

struct verdict {
    wm_status status;
    char why[160];
    struct validate_facts facts;
};

/* ---- a module around code --------------------------------------------------------------------- */

/* clang-format off */
static const uint8_t front[] = {
    0, 'a', 's', 'm', 1, 0, 0, 0,
    /* type: 0 ()->(), 1 (i32)->i32, 2 (i32 f64)->(i64 f32), 3 (i64 f32)->(i32 f64) */
    1, 23, 4, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7c, 2, 0x7e, 0x7d,
    0x60, 2, 0x7e, 0x7d, 2, 0x7f, 0x7c,
    /* import: 0 of type 1; function: 1 of the type that the input says */
    2, 7, 1, 1, 'm', 1, 'f', 0, 1, 3, 2, 1};
static const uint8_t middle[] = {
    /* table: 4 funcref; memory: one page; global: (mut i32) 7, i64 7 */
    4, 4, 1, 0x70, 0, 4, 5, 3, 1, 0, 1, 6, 11, 2, 0x7f, 1, 0x41, 7, 0x0b, 0x7e, 0, 0x42, 7, 0x0b};
/* clang-format on */

static void put(const void *bytes, size_t len) {
    memcpy(wasm + wasm_len, bytes, len);
    wasm_len += len;
}

static void put_size(size_t size) {
    const uint8_t leb[2] = {(uint8_t)(size | 0x80), (uint8_t)(size >> 7)};
    put(leb, sizeof leb);
}

static void wrap(uint8_t type, const uint8_t *code, size_t len) {
    static const uint8_t locals[] = {2, 1, 0x7e, 1, 0x7d}, end = 0x0b, section = 10, count = 1;
    const size_t body = sizeof locals + len + sizeof end;
    wasm_len = 0;
    put(front, sizeof front);
    put(&type, 1);
    put(middle, sizeof middle);
    put(&section, 1);
    put_size(sizeof count + 2 + body);
    put(&count, 1);
    put_size(body);
    put(locals, sizeof locals);
    put(code, len);
    put(&end, 1);
}

/* ---- what must hold --------------------------------------------------------------------------- */

/* `before` is what lies in the working storage. */
static struct verdict judge(const uint8_t *module, size_t len, int before) {
    struct verdict verdict;
    memset(&verdict, 0, sizeof verdict);
    struct text why = text_in(verdict.why, sizeof verdict.why);
    memset(&scratch, before, sizeof scratch);
    verdict.status = validate_module(module, len, &scratch, &verdict.facts, &why);
    return verdict;
}

static void check_facts(const struct validate_facts *facts, size_t len) {
    FUZZ_CHECK(facts->function_imports <= facts->functions && facts->functions <= WASM_FUNCTIONS_MAX);
    FUZZ_CHECK(facts->code_bytes <= len);
    FUZZ_CHECK(facts->locals_max <= WASM_LOCALS_MAX && facts->operands_max <= WASM_OPERANDS_MAX);
    FUZZ_CHECK(facts->blocks_max <= WASM_BLOCKS_MAX);
}

static void check(const uint8_t *module, size_t len) {
    const struct verdict first = judge(module, len, 0), again = judge(module, len, 0xa5);
    FUZZ_CHECK(first.status == again.status && strcmp(first.why, again.why) == 0);
    FUZZ_CHECK((first.status == WM_OK) == (first.why[0] == '\0'));
    FUZZ_CHECK(first.status == WM_OK || first.status == WM_EINVAL || first.status == WM_ENOMEM ||
               first.status == WM_ENOTSUP);
    check_facts(&first.facts, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || data[0] == front[0]) {
        check(data, size);
        wrap(0, wasm, 0);
        FUZZ_CHECK(judge(wasm, wasm_len, 0).status ==
                   WM_OK); /* else the other kind of input is wasted */
    } else if (size <= CODE_MAX) {
        wrap(data[0] & 3, data + 1, size - 1);
        check(wasm, wasm_len);
        if (judge(wasm, wasm_len, 0).status == WM_OK) { /* a valid body, but not without its end */
            FUZZ_CHECK(judge(wasm, wasm_len - 1, 0).status == WM_EINVAL);
        }
    }
    return 0;
}
