/* The node's log: a ring behind /log, echoed as slipmux diagnostics. */
#ifndef WASMOTE_LOG_H
#define WASMOTE_LOG_H

#include <stddef.h>

#include "node/record_ring.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

#define LOG_NODE (-1) /* "slot" of lines that no module wrote */

void log_start(void);
void log_text(enum log_level level, int slot, const char *text, size_t len);
void log_line(enum log_level level, int slot, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

const struct record_ring *log_ring(void);

#endif
