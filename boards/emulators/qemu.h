/* What the emulator files share, whatever the core: the command line, and with it identity and entropy;
 * the reset's cause. Semihosting must be on: -semihosting-config
 * enable=on,target=native,arg=wasmote,arg=id=HEX,arg=seed=HEX */
#ifndef WASMOTE_EMULATORS_QEMU_H
#define WASMOTE_EMULATORS_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "hal.h"

/* ---- command line: Semihosting for AArch32 and AArch64, section 6.6, which RISC-V took over ----- */

#define SYS_GET_CMDLINE 0x15
#define SYS_EXIT 0x18

/* RISC-V: these three and uncompressed, in one page, or the ebreak is an ordinary one (RISC-V
 * Semihosting, section 2). */
static inline int qemu_semihosting(int operation, void *block) {
#ifdef __riscv
    register int result __asm__("a0") = operation;
    register void *a1 __asm__("a1") = block;
    __asm__ volatile(".balign 16\n"
                     ".option push\n"
                     ".option norvc\n"
                     "slli zero, zero, 0x1f\n"
                     "ebreak\n"
                     "srai zero, zero, 7\n"
                     ".option pop\n"
                     : "+r"(result)
                     : "r"(a1)
                     : "memory");
#else
    register int result __asm__("r0") = operation;
    register void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : "+r"(result) : "r"(r1) : "memory");
#endif
    return result;
}

/* The text after "key=", up to the next blank; "" when it is not there. */
static inline const char *qemu_argument(const char *key) {
    static char command_line[320];
    struct {
        char *text;
        uint32_t cap;
    } block = {command_line, sizeof command_line};
    if (command_line[0] == 0 && qemu_semihosting(SYS_GET_CMDLINE, &block) != 0)
        return "";
    const char *found = strstr(command_line, key);
    return found ? found + strlen(key) : "";
}

static inline bool qemu_escape(void) {
    return *qemu_argument(" without-modules=") == '1';
}

/* Whether whoever runs QEMU takes the place of the chip's ROM. */
static inline bool qemu_has_loader(void) {
    return *qemu_argument(" loader=") == '1';
}

/* The end of QEMU, with status 0, starts it: ADP_Stopped_ApplicationExit, section 6.5. */
static inline void qemu_start_loader(void) {
    qemu_semihosting(SYS_EXIT, (void *)0x20026);
}

/* Where the clock starts, in microseconds: what a board shows after years cannot be waited for. */
static inline uint64_t qemu_clock_us(void) {
    uint64_t us = 0;
    for (const char *digit = qemu_argument(" clock="); *digit >= '0' && *digit <= '9'; digit++)
        us = us * 10 + (uint64_t)(*digit - '0');
    return us;
}

static inline unsigned qemu_hex_digit(char c) {
    return c >= 'a' ? (unsigned)(c - 'a' + 10) : (unsigned)(c - '0');
}

static inline bool qemu_is_hex(char c) {
    return (c >= 'a' && c <= 'f') || (c >= '0' && c <= '9');
}

static inline size_t qemu_unique_id(uint8_t *out, size_t cap) {
    const char *hex = qemu_argument(" id=");
    size_t len = 0;
    for (; len < cap && qemu_is_hex(hex[0]) && qemu_is_hex(hex[1]); hex += 2)
        out[len++] = (uint8_t)(qemu_hex_digit(hex[0]) << 4 | qemu_hex_digit(hex[1]));
    return len;
}

/* ---- reset cause: noted in RAM that a warm reset keeps, and a restart of QEMU does not ----------- */

#define QEMU_WARM_MAGIC 0x51454D55u
static struct {
    uint32_t magic;
    uint32_t resets;
    hal_reset_cause next; /* what the reset that comes will have been */
} qemu_warm __attribute__((section(".noinit")));

static inline hal_reset_cause qemu_reset_cause(void) {
    if (qemu_warm.magic != QEMU_WARM_MAGIC) {
        qemu_warm.magic = QEMU_WARM_MAGIC;
        qemu_warm.resets = 0;
        qemu_warm.next = HAL_RESET_POWER;
    }
    hal_reset_cause cause = qemu_warm.next;
    qemu_warm.next = HAL_RESET_SOFTWARE;
    qemu_warm.resets++;
    return cause;
}

static inline void qemu_next_reset(hal_reset_cause cause) {
    qemu_warm.next = cause;
}

/* ---- entropy: FNV-1a over the seed, the number of resets and of calls ----------------------------- */

static inline uint32_t qemu_entropy(void) {
    static uint32_t calls;
    uint32_t hash = 2166136261u;
    for (const char *seed = qemu_argument(" seed="); qemu_is_hex(*seed); seed++)
        hash = (hash ^ (uint8_t)*seed) * 16777619u;
    hash = (hash ^ qemu_warm.resets) * 16777619u;
    return (hash ^ calls++) * 16777619u;
}

#endif
