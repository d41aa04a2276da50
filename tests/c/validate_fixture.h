/* Runs the validator over a module in a copy of exactly its size, so that the address sanitizer sees a
 * read behind it. */
#ifndef VALIDATE_FIXTURE_H
#define VALIDATE_FIXTURE_H

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "instruction.h"
#include "validate.h"
#include "wasm_reader.h"

/* Short names, so that a body reads like a text. */
#define I32 0x7f
#define I64 0x7e
#define F32 0x7d
#define F64 0x7c
#define EMPTY 0x40
#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static char why[160];
static struct validate_facts facts;

static inline wm_status validate(const uint8_t *wasm, size_t len) {
    static struct validate_scratch scratch;
    struct text text = text_in(why, sizeof why);
    uint8_t *copy = test_malloc(len > 0 ? len : 1);
    memcpy(copy, wasm, len);
    memset(&scratch, 0xa5, sizeof scratch); /* nothing may hang on what lay there */
    const wm_status status = validate_module(copy + (len == 0), len, &scratch, &facts, &text);
    test_free(copy);
    return status;
}

static inline void assert_verdict(const char *what, const uint8_t *wasm, size_t len, wm_status status,
                                  const char *cause) {
    const wm_status said = validate(wasm, len);
    if (said != status || strstr(why, cause) == NULL || (status == WM_OK) != (why[0] == '\0')) {
        fail_msg("%s: %d \"%s\", not %d \"%s\"", what, said, why, status, cause);
    }
}

#endif
