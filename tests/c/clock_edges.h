/* Where clocks of other widths end: a lifetime that crosses one of these is as long as any other. */
#ifndef CLOCK_EDGES_H
#define CLOCK_EDGES_H

#include <stddef.h>
#include <stdint.h>

#include "fake_hal.h"

static const uint64_t clock_edges_us[] = {
    UINT64_C(10000000), UINT64_C(1) << 31,
    UINT64_C(1) << 32,  (UINT64_C(1) << 31) * 1000, /* 24.8 days */
    UINT64_C(1) << 40,  (UINT64_C(1) << 32) * 1000, /* 49.7 days */
};

#define CLOCK_EDGES (sizeof clock_edges_us / sizeof clock_edges_us[0])

/* A fresh node's clock shortly before an edge. */
static inline void start_before_edge(size_t edge, uint64_t before_us) {
    fake_jump_us(clock_edges_us[edge] - before_us - hal_now_us());
}

#endif
