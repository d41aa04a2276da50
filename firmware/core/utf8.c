#include "core/utf8.h"

#include <stdint.h>

static bool continues(uint8_t byte) {
    return (byte & 0xc0) == 0x80;
}

/* How many bytes the first one announces; 0 for those that begin no character (section 3). */
static size_t announced(uint8_t first) {
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if ((first & 0xf0) == 0xe0)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* Overlong forms, surrogates and what is beyond U+10FFFF show in the second byte (section 4). */
static bool second_is_legal(uint8_t first, uint8_t second) {
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second < 0xa0;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second < 0x90;
    default:
        return true;
    }
}

size_t utf8_character(const char *text, size_t len) {
    const uint8_t *at = (const uint8_t *)text;
    size_t size = len ? announced(at[0]) : 0;
    if (size > len)
        return 0;
    for (size_t i = 1; i < size; i++)
        if (!continues(at[i]))
            return 0;
    return size < 2 || second_is_legal(at[0], at[1]) ? size : 0;
}

bool utf8_is_valid(const char *text, size_t len) {
    while (len) {
        size_t size = utf8_character(text, len);
        if (!size)
            return false;
        text += size;
        len -= size;
    }
    return true;
}
