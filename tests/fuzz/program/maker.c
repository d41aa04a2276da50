/* Choices in, bytes out. */
#include "maker.h"

struct maker maker;

uint32_t choose(uint32_t below) {
    return fuzz_u8(maker.choices) % below;
}

void put(uint32_t byte) {
    if (maker.out->len < PROGRAM_BYTES) {
        maker.out->wasm[maker.out->len++] = (uint8_t)byte;
    }
}

void put_bytes(const void *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        put(((const uint8_t *)bytes)[i]);
    }
}

void put_unsigned(uint32_t value) {
    for (; value >= 0x80; value >>= 7) {
        put((value & 0x7f) | 0x80);
    }
    put(value);
}

void put_signed(int64_t value) {
    while (value < -64 || value > 63) {
        put((uint32_t)(value & 0x7f) | 0x80);
        value >>= 7;
    }
    put((uint32_t)(value & 0x7f));
}

uint32_t begin_length(void) {
    put_bytes("\0\0\0", 3);
    return maker.out->len;
}

void end_length(uint32_t start) {
    const uint32_t len = maker.out->len - start;
    uint8_t *at = maker.out->wasm + start - 3;
    at[0] = (uint8_t)(len | 0x80);
    at[1] = (uint8_t)(len >> 7 | 0x80);
    at[2] = (uint8_t)(len >> 14 & 0x7f);
}

uint32_t begin_section(uint8_t id) {
    put(id);
    return begin_length();
}
