/* What a run works on: the state that both implementations change. */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "handlers.h"

#define SLOTS 96u  /* of a frame; the first half is of random operands */
#define STACK 512u /* slots */
#define MEMORY 64u /* bytes of linear memory */

enum { FRAME_SLOT = SLOTS, LINK_SLOT = FRAME_SLOT + 4 }; /* of a callee */

struct run {
    slot stack[STACK];
    uint8_t memory[MEMORY];
    struct machine machine;
    trap_text trap;
    uint32_t refuels, refuels_max; /* so many, then a trap */
};

extern struct run now;

#endif
