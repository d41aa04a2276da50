/* Bytes of a hexadecimal text, for vectors as they are published. */
#ifndef HEX_H
#define HEX_H

#include "cmocka_all.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Returns how many bytes the text stands for. Fails the test when they do not fit. */
static inline size_t from_hex(const char *text, uint8_t *out, size_t cap) {
    size_t len = strlen(text) / 2;
    assert_true(len <= cap);
    for (size_t i = 0; i < len; i++) {
        const char pair[3] = {text[2 * i], text[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return len;
}

#endif
