/* How many banks may be erased for uploads. A manifest that was signed can be sent again by anybody who
 * has heard it, and flash wears out: on a node with keys MODULE_ERASES_MAX uploads may take a bank of
 * their own in a row, and then one every MODULE_ERASE_EVERY_S, until a release starts that is not
 * the one that started last. In development mode, where everybody makes bundles, there is no such bound.
 */
#ifndef WASMOTE_ERASES_H
#define WASMOTE_ERASES_H

#include <stdbool.h>
#include <stddef.h>

#include "node/manifest.h"

/* False, with a sentence in why: not now. */
bool erases_may_spend(char *why, size_t why_cap);
void erases_spend(void);

/* A module takes over. */
void erases_came_to_something(const struct manifest *manifest);

/* After a boot. */
void erases_start(void);

#endif
