/* What handlers and the C functions that they call see of a frame and of the code. Cells that name a
 * slot hold its distance from the frame's start in bytes. */
#ifndef WASMOTE_MACHINE_FRAME_H
#define WASMOTE_MACHINE_FRAME_H

#include <stdbool.h>
#include <string.h>

#include "machine.h"

/* A frame: parameters or results, whichever take more slots; the link; the other locals; operands. */
struct __attribute__((packed, aligned(4))) frame_link {
    const cell *pc; /* where the caller goes on */
    slot *frame;    /* the caller's */
};
#define LINK_SLOTS (sizeof(struct frame_link) / sizeof(slot))

/* Operations that are not worth a handler: at: the operation's cells. NULL or a trap. */
typedef trap_text (*slow_operation)(slot *frame, const cell *at, struct machine *machine);

typedef uint64_t (*unary64_function)(uint64_t a);
typedef uint64_t (*binary64_function)(uint64_t a, uint64_t b);
typedef uint32_t (*compare64_function)(uint64_t a, uint64_t b);

static inline slot *frame_slot(slot *frame, cell at) {
    return (slot *)((char *)frame + at);
}

static inline uint32_t frame_get(slot *frame, cell at) {
    return *frame_slot(frame, at);
}

static inline void frame_put(slot *frame, cell at, uint32_t value) {
    *frame_slot(frame, at) = value;
}

/* Slots are aligned to 4 bytes. */
static inline uint64_t frame_get64(slot *frame, cell at) {
    uint64_t value;
    memcpy(&value, __builtin_assume_aligned(frame_slot(frame, at), 4), sizeof value);
    return value;
}

static inline void frame_put64(slot *frame, cell at, uint64_t value) {
    memcpy(__builtin_assume_aligned(frame_slot(frame, at), 4), &value, sizeof value);
}

/* A unit of fuel less. NULL, or the trap when the time is up. */
static inline trap_text burn_unit(struct machine *machine) {
    return --machine->fuel < 0 ? machine_refuel(machine) : NULL;
}

static inline float f32_from(uint32_t bits) {
    return ((union {
               uint32_t from;
               float to;
           }){.from = bits})
        .to;
}

static inline uint32_t f32_bits(float value) {
    return ((union {
               float from;
               uint32_t to;
           }){.from = value})
        .to;
}

static inline double f64_from(uint64_t bits) {
    return ((union {
               uint64_t from;
               double to;
           }){.from = bits})
        .to;
}

static inline uint64_t f64_bits(double value) {
    return ((union {
               double from;
               uint64_t to;
           }){.from = value})
        .to;
}

/* Loads and stores at any address. Cores that do so in hardware are spared a byte at a time. */
#if defined(__ARM_FEATURE_UNALIGNED) || defined(__x86_64__) || defined(__aarch64__)
#define MACHINE_HARDWARE_UNALIGNED 0 /* the compiler knows */
#elif defined(__riscv)
#define MACHINE_HARDWARE_UNALIGNED 1 /* GCC 12 assumes the contrary for any RISC-V */
#else
#define MACHINE_HARDWARE_UNALIGNED 0
#endif

static inline uint32_t load_u32(const void *at) {
    uint32_t value;
    if (MACHINE_HARDWARE_UNALIGNED) {
        return *(const volatile uint32_t *)at;
    }
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint16_t load_u16(const void *at) {
    uint16_t value;
    if (MACHINE_HARDWARE_UNALIGNED) {
        return *(const volatile uint16_t *)at;
    }
    memcpy(&value, at, sizeof value);
    return value;
}

static inline void store_u32(void *at, uint32_t value) {
    if (MACHINE_HARDWARE_UNALIGNED) {
        *(volatile uint32_t *)at = value;
    } else {
        memcpy(at, &value, sizeof value);
    }
}

static inline void store_u16(void *at, uint32_t value) {
    const uint16_t half = (uint16_t)value;
    if (MACHINE_HARDWARE_UNALIGNED) {
        *(volatile uint16_t *)at = half;
    } else {
        memcpy(at, &half, sizeof half);
    }
}

#endif
