#include "text.h"

#define FOREIGN_MAX 40

struct text text_in(char *to, size_t cap) {
    if (cap > 0) {
        to[0] = '\0';
    }
    return (struct text){.to = to, .cap = cap};
}

static void add(struct text *text, char c) {
    if (text->len + 1 < text->cap) {
        text->to[text->len++] = c;
        text->to[text->len] = '\0';
    }
}

void text_add(struct text *text, const char *words) {
    while (*words != '\0') {
        add(text, *words++);
    }
}

void text_add_number(struct text *text, uint32_t number) {
    char digits[10]; /* 2^32 - 1 has ten */
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0) {
        add(text, digits[--count]);
    }
}

void text_add_foreign(struct text *text, const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len && i < FOREIGN_MAX; i++) {
        add(text, bytes[i] >= ' ' && bytes[i] <= '~' ? (char)bytes[i] : '?');
    }
}
