/* Builds one sentence in a caller's buffer: cut at the end, always terminated, no printf. */
#ifndef WASMOTE_TEXT_H
#define WASMOTE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
    char *to;
    size_t cap, len;
};

/* cap = 0 is allowed; everything is dropped then. */
struct text text_in(char *to, size_t cap);

void text_add(struct text *text, const char *words);
void text_add_number(struct text *text, uint32_t number);

/* Bytes that somebody else chose: at most 40 of them, anything but printable ASCII as '?'. */
void text_add_foreign(struct text *text, const uint8_t *bytes, size_t len);

#endif
