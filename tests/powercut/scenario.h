/* What a node does with its store from the first module to the last, and what must be true of it after a
 * cut of power at any point. */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#define NO_MODULE (-1)

/* What may be found: what was acknowledged, or what was being done when power failed. */
struct expectation {
    struct {
        int active[2]; /* modules by number, NO_MODULE; both the same when nothing is under way */
        int candidate[2];
        int stopped[2];
        uint32_t tried;   /* modules that were on probation, as bits */
        int on_probation; /* what a confirmation makes the active one */
    } slot[2];
    uint32_t counter[2][2]; /* each: acknowledged, attempted */
    int key[2];
    uint32_t boots; /* acknowledged */
};
extern struct expectation expected;

/* A flash with a history: a module runs in slot 0, and the records fill their sector but for `room`. */
void scenario_prepare(uint32_t room);

/* Install, activate, confirm, roll back, stop, start, remove; counters; a key. */
void scenario_life(void);
/* Only one module after another, for pairs of cuts. */
void scenario_swap(void);

/* Boots, looks at everything, boots again and wants to see the same. NULL, or what is wrong. Power may
 * fail in it. */
const char *scenario_recover(void);
/* After a recovery another module must find its way in. */
const char *scenario_go_on(void);

#endif
