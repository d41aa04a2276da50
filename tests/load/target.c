/* Loads modules as a node does, and says of each what that took: instructions and bytes of the
 * arena. Counts are right in QEMU with -icount shift=0 only. tests/load/load_time.py runs it.
 *
 * Usage: target MODULES ANSWERS       (the last two arguments; emulators put others before them)
 *
 * A module is a length of 4 bytes, little endian, and its bytes. An answer is a line: status (0, or the
 * wm_status), instructions, bytes held of the arena, bytes predicted, result of the first event in
 * hexadecimal, and why it was refused. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../kernels/counter.h"
#include "core/bytes.h"
#include "runtime.h"

#define MODULE_MAX (1u << 17)
/* More than a board has: less is refused before it has cost its time. */
#define ARENA_BYTES (512u << 10)
#define NATIVE_STACK (64 * 1024)
#define WHY_BYTES 160

static _Alignas(8) uint8_t arena[ARENA_BYTES];
static uint8_t module[MODULE_MAX];

static const struct runtime_limits limits = {
    .memory_pages = 1, .stack_bytes = 32768, .budget_us = 1000000, .sample_bytes = 64};

static uint64_t clock_us(void) {
    static uint64_t now;
    return now++; /* the budget is looks at the clock */
}

static _Noreturn void give_up(const char *why) {
    fprintf(stderr, "target: %s\n", why);
    exit(2);
}

/* The state's address is the module's to say: here, what it has computed. */
static unsigned long computed(struct runtime *rt, char *why) {
    uint32_t size = 0;
    return runtime_state_size(rt, &size, why, WHY_BYTES) == WM_OK ? size : 0;
}

static void measure(const uint8_t *wasm, size_t len, FILE *answers) {
    static const struct host_api host;
    static struct runtime rt;
    char why[WHY_BYTES] = "";
    struct runtime_usage usage = {.arena_bytes = 0};
    const uint32_t start = counter_ticks();
    const wm_status status = runtime_load(&rt, wasm, len, &limits, &host, NULL, why, sizeof why);
    const uint32_t instructions = counter_since(start);
    runtime_usage(&rt, &usage);
    const unsigned long result = status == WM_OK ? computed(&rt, why) : 0;
    fprintf(answers, "%d %" PRIu32 " %" PRIu32 " %" PRIu32 " %lx %s\n", -(int)status, instructions,
            usage.arena_bytes, usage.predicted_bytes, result, why);
    runtime_unload(&rt);
    if (runtime_arena_free() != ARENA_BYTES) {
        give_up("bytes of the arena were kept");
    }
}

/* Its length; 0 at the end of the file. */
static size_t take_module(FILE *file) {
    uint8_t head[4];
    if (fread(head, 1, sizeof head, file) != sizeof head) {
        return 0;
    }
    const size_t len = get_le32(head);
    if (len > sizeof module || fread(module, 1, len, file) != len) {
        give_up("a module that is too large or cut off");
    }
    return len;
}

int main(int argc, char **argv) {
    FILE *file = argc >= 3 ? fopen(argv[argc - 2], "rb") : NULL;
    FILE *answers = argc >= 3 ? fopen(argv[argc - 1], "w") : NULL;
    if (file == NULL || answers == NULL) {
        give_up("expected a file of modules and a file for the answers");
    }
    runtime_arena_init(arena, sizeof arena);
    runtime_set_clock(clock_us);
    runtime_set_native_stack((const uint8_t *)__builtin_frame_address(0) - NATIVE_STACK);
    counter_start();
    for (size_t len; (len = take_module(file)) > 0;) {
        measure(module, len, answers);
    }
    return fclose(answers) == 0 ? 0 : 1;
}
