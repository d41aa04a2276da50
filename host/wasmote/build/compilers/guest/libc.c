/* What the compiler calls for large copies and comparisons, linked into every module and dropped by
 * the linker where unused. Bulk memory instructions are off: an engine's loop over bytes would be
 * quicker, but its time could not be cut off in the middle. */
#include <stdint.h>

#include "string.h"

/* Without this the compiler would turn each loop into a call of the function that it is. */
#define NO_BUILTIN __attribute__((no_builtin("memcpy", "memmove", "memset", "memcmp", "strlen")))

/* One 32-bit access at any address: Wasm allows every alignment. */
typedef uint32_t __attribute__((aligned(1), may_alias)) word;

NO_BUILTIN static void copy_up(uint8_t *to, const uint8_t *from, size_t count) {
    for (; count >= sizeof(word); count -= sizeof(word)) {
        *(word *)to = *(const word *)from;
        to += sizeof(word);
        from += sizeof(word);
    }
    while (count-- > 0) {
        *to++ = *from++;
    }
}

NO_BUILTIN static void copy_down(uint8_t *to, const uint8_t *from, size_t count) {
    while (count-- > 0) {
        to[count] = from[count];
    }
}

NO_BUILTIN void *memcpy(void *restrict to, const void *restrict from, size_t count) {
    copy_up(to, from, count);
    return to;
}

NO_BUILTIN void *memmove(void *to, const void *from, size_t count) {
    if ((uintptr_t)to <= (uintptr_t)from) {
        copy_up(to, from, count);
    } else {
        copy_down(to, from, count);
    }
    return to;
}

NO_BUILTIN void *memset(void *to, int value, size_t count) {
    uint8_t *at = to;
    word pattern = 0x01010101u * (uint8_t)value;
    for (; count >= sizeof(word); count -= sizeof(word)) {
        *(word *)at = pattern;
        at += sizeof(word);
    }
    while (count-- > 0) {
        *at++ = (uint8_t)value;
    }
    return to;
}

NO_BUILTIN int memcmp(const void *left, const void *right, size_t count) {
    const uint8_t *a = left;
    const uint8_t *b = right;
    for (size_t i = 0; i < count; i++) {
        if (a[i] != b[i]) {
            return a[i] - b[i];
        }
    }
    return 0;
}

NO_BUILTIN size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    return length;
}
