/* Valid modules, compiled and run: the input chooses every instruction. Even inputs make wild modules,
 * odd ones those that oracle.py compares. Nothing valid may be refused, and nothing may be left behind.
 */
#include "program/program.h"

#include <string.h>

#include "runtime_bare.h"

#define ARENA_BYTES (1024 * 1024)
#define NATIVE_STACK (64 * 1024)
#define LOOKS_MAX 4 /* at the clock, until the budget of a call is over */

static _Alignas(8) uint8_t arena[ARENA_BYTES];
static uint64_t clock_us;
static struct program program;

static const struct runtime_limits limits = {
    .memory_pages = 3, .stack_bytes = 16384, .budget_us = LOOKS_MAX, .sample_bytes = 64};

static uint64_t fake_clock(void) {
    return clock_us++;
}

static const char *host(void *context, const uint64_t *args, uint64_t *results) {
    (void)context, (void)args;
    results[0] = 0;
    return NULL;
}

static const struct bare_import imports[] = {
    {.module = "h", .name = "h", .signature = "I(iI)", .call = host}};

static void call(struct runtime_bare *bare, const char *name, const struct bare_values *args) {
    struct bare_values results;
    char why[160] = "";
    const wm_status status =
        runtime_invoke(bare, (const uint8_t *)name, strlen(name), args, &results, why, sizeof why);
    FUZZ_CHECK(status == WM_OK || status == WM_ETRAP || status == WM_EBUDGET);
    FUZZ_CHECK((status == WM_OK) == (why[0] == '\0'));
}

static void call_all(struct runtime_bare *bare) {
    static const struct bare_values none;
    for (uint32_t i = 0; i < program.functions; i++) {
        struct bare_values args = {.count = program.parameters[i]};
        memcpy(args.bits, program.arguments[i], sizeof program.arguments[i]);
        call(bare, "reset", &none);
        call(bare, (char[]){'f', (char)('0' + i), 0}, &args);
    }
    call(bare, "memory_sum", &none);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, data + size};
    struct runtime_bare bare = {.len = 0};
    char why[160] = "";
    program_make(&input, fuzz_u8(&input) & 1 ? PROGRAM_COMPARABLE : PROGRAM_WILD, &program);
    runtime_arena_init(arena, sizeof arena);
    runtime_set_clock(fake_clock);
    runtime_set_native_stack((const uint8_t *)__builtin_frame_address(0) - NATIVE_STACK);
    const wm_status status =
        runtime_load_bare(&bare, program.wasm, program.len, &limits, imports, 1, why, sizeof why);
    if (status != WM_OK) {
        fprintf(stderr, "%s\n", why);
    }
    FUZZ_CHECK(status == WM_OK);
    call_all(&bare);
    runtime_unload(&bare.rt);
    FUZZ_CHECK(runtime_arena_free() == sizeof arena);
    return 0;
}
