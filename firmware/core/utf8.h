/* UTF-8 (RFC 3629). What a module or a bundle calls text is checked, since one bad byte in a list
 * would make the whole answer undecodable for every client. */
#ifndef WASMOTE_UTF8_H
#define WASMOTE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length of the character at the start of text, 1..4; 0 when it is malformed or cut off. */
size_t utf8_character(const char *text, size_t len);

bool utf8_is_valid(const char *text, size_t len);

#endif
