/* The node's clock: monotonic time since start, plus the offset that PUT /time has set. */
#ifndef WASMOTE_CLOCK_H
#define WASMOTE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

int64_t clock_now_ms(void);
void clock_set_ms(int64_t now_ms);
bool clock_is_set(void);

#endif
