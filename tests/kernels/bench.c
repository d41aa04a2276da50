/* Runs every kernel natively and as WebAssembly, and prints a line of JSON for each module and kernel:
 * instructions of the second run, checksums, memory. tools/bench_engine.py reads it.
 *
 * Usage: bench KERNELS     "all", or kernels and modules with commas between them; emulators put other
 * arguments before it */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile_cost.h"
#include "counter.h"
#include "runtime_bare.h"
#include "wasm_reader.h"

#define ARENA_BYTES (256u << 10)
#define NATIVE_STACK (64 * 1024)
#define STACK_BYTES 4096
#define WHY_BYTES 120
#define CODE_SECTION 10 /* core specification 5.5.2 */
#define CALIBRATION_TURNS 10000

struct module {
    const char *name, *class;
    const uint8_t *wasm, *wasm_end;
    void (*initialise)(void);
    uint32_t (*checksum)(void);
};

struct kernel {
    const char *module, *name;
    uint32_t (*run)(void);
};

struct measured {
    uint32_t instructions, checksum;
};

#define MODULE(name, class, file, type)                                                                 \
    extern const uint8_t wasm_##name[], wasm_end_##name[];                                              \
    void name##_initialise(void);                                                                       \
    uint32_t name##_checksum(void);
#define KERNEL(module, name) uint32_t module##_##name(void);
#include "bench.def"
#undef MODULE
#undef KERNEL

#define MODULE(name, class, file, type)                                                                 \
    {#name, #class, wasm_##name, wasm_end_##name, name##_initialise, name##_checksum},
#define KERNEL(module, name)
static const struct module modules[] = {
#include "bench.def"
};
#undef MODULE
#undef KERNEL

#define MODULE(name, class, file, type)
#define KERNEL(module, name) {#module, #name, module##_##name},
static const struct kernel kernels[] = {
#include "bench.def"
};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static _Alignas(8) uint8_t arena[ARENA_BYTES];
static const char *wanted;

/* A budget is as many looks at the clock: no kernel may come near it. */
static uint64_t clock_us(void) {
    static uint64_t now;
    return now++;
}

static const struct runtime_limits limits = {
    .memory_pages = 1, .stack_bytes = STACK_BYTES, .budget_us = 100000000, .sample_bytes = 64};

static _Noreturn void give_up(const char *what, const char *why) {
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

/* ---- which ---------------------------------------------------------------------------------- */

static bool is_listed(const char *name) {
    const size_t len = strlen(name);
    for (const char *at = wanted; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool is_wanted(const struct kernel *kernel) {
    return is_listed("all") || is_listed(kernel->name) || is_listed(kernel->module);
}

static bool has_wanted(const struct module *module) {
    for (size_t i = 0; i < COUNT_OF(kernels); i++) {
        if (strcmp(kernels[i].module, module->name) == 0 && is_wanted(&kernels[i])) {
            return true;
        }
    }
    return false;
}

/* ---- one kernel ----------------------------------------------------------------------------- */

static uint32_t combine(uint32_t returned, uint32_t checksum) {
    return returned * 31 + checksum;
}

static struct measured run_native(const struct module *module, const struct kernel *kernel) {
    struct measured run = {0};
    for (int turn = 0; turn < 2; turn++) {
        module->initialise();
        const uint32_t start = counter_ticks();
        const uint32_t returned = kernel->run();
        run.instructions = counter_since(start);
        run.checksum = combine(returned, module->checksum());
    }
    return run;
}

static uint32_t invoke(struct runtime_bare *bare, const char *name) {
    static const struct bare_values none;
    struct bare_values results;
    char why[WHY_BYTES];
    const wm_status status =
        runtime_invoke(bare, (const uint8_t *)name, strlen(name), &none, &results, why, sizeof why);
    if (status != WM_OK) {
        give_up(name, why);
    }
    return results.count > 0 ? (uint32_t)results.bits[0] : 0;
}

static struct measured run_wasm(struct runtime_bare *bare, const struct kernel *kernel) {
    struct measured run = {0};
    for (int turn = 0; turn < 2; turn++) {
        invoke(bare, "initialise");
        const uint32_t start = counter_ticks();
        const uint32_t returned = invoke(bare, kernel->name);
        run.instructions = counter_since(start);
        run.checksum = combine(returned, invoke(bare, "checksum"));
    }
    return run;
}

static void measure(const struct module *module, const struct kernel *kernel,
                    struct runtime_bare *bare) {
    const struct measured native = run_native(module, kernel), engine = run_wasm(bare, kernel);
    printf("{\"kernel\": \"%s\", \"module\": \"%s\", \"class\": \"%s\", ", kernel->name, module->name,
           module->class);
    printf("\"native\": %" PRIu32 ", \"engine\": %" PRIu32 ", ", native.instructions,
           engine.instructions);
    printf("\"native_checksum\": %" PRIu32 ", \"engine_checksum\": %" PRIu32 "}\n", native.checksum,
           engine.checksum);
}

/* ---- one module ----------------------------------------------------------------------------- */

static uint32_t code_bytes(const struct module *module) {
    struct wasm_reader in = wasm_reader_over(
        module->wasm + WASM_HEADER_BYTES, (size_t)(module->wasm_end - module->wasm) - WASM_HEADER_BYTES);
    while (wasm_left(&in) > 0) {
        const uint8_t id = wasm_byte(&in);
        const uint32_t size = wasm_u32(&in);
        if (id == CODE_SECTION) {
            return size;
        }
        (void)wasm_part(&in, size);
    }
    return 0;
}

static void load(const struct module *module, struct runtime_bare *bare) {
    char why[WHY_BYTES];
    struct runtime_usage usage;
    const size_t free_before = runtime_arena_free();
    const uint32_t len = (uint32_t)(module->wasm_end - module->wasm), start = counter_ticks();
    compile_instructions = 0;
    if (runtime_load_bare(bare, module->wasm, len, &limits, NULL, 0, why, sizeof why) != WM_OK) {
        give_up(module->name, why);
    }
    const uint32_t instructions = counter_since(start);
    runtime_usage(&bare->rt, &usage);
    printf("{\"module\": \"%s\", \"wasm_bytes\": %" PRIu32 ", \"code_bytes\": %" PRIu32 ", ",
           module->name, len, code_bytes(module));
    printf("\"load\": %" PRIu32 ", \"compile\": %" PRIu32 ", ", instructions, compile_instructions);
    printf("\"measured_bytes\": %" PRIu32 ", \"predicted_bytes\": %" PRIu32 ", ",
           (uint32_t)(free_before - runtime_arena_free()), usage.predicted_bytes);
    printf("\"memory_bytes\": %" PRIu32 ", \"stack_bytes\": %d}\n", usage.memory_bytes, STACK_BYTES);
}

static void bench(const struct module *module) {
    static struct runtime_bare bare;
    const size_t free_before = runtime_arena_free();
    load(module, &bare);
    for (size_t i = 0; i < COUNT_OF(kernels); i++) {
        if (strcmp(kernels[i].module, module->name) == 0 && is_wanted(&kernels[i])) {
            measure(module, &kernels[i], &bare);
        }
    }
    runtime_unload(&bare.rt);
    if (runtime_arena_free() != free_before) {
        give_up(module->name, "unloading did not give all of its memory back");
    }
}

/* ---- all ------------------------------------------------------------------------------------ */

/* A loop of two instructions a turn. */
static void calibrate(void) {
    int turns = CALIBRATION_TURNS;
    const uint32_t start = counter_ticks();
#if defined(__arm__)
    __asm__ volatile("1: subs %0, #1\n bne 1b" : "+r"(turns)::"cc");
#elif defined(__riscv)
    __asm__ volatile("1: addi %0, %0, -1\n bnez %0, 1b" : "+r"(turns));
#endif
    printf("{\"loop\": %d, \"counted\": %" PRIu32 "}\n", 2 * CALIBRATION_TURNS, counter_since(start));
    (void)turns;
}

int main(int argc, char **argv) {
    wanted = argv[argc - 1];
    runtime_arena_init(arena, sizeof arena);
    runtime_set_clock(clock_us);
    runtime_set_native_stack((const uint8_t *)__builtin_frame_address(0) - NATIVE_STACK);
    counter_start();
    calibrate();
    for (size_t i = 0; i < COUNT_OF(modules); i++) {
        if (has_wanted(&modules[i])) {
            bench(&modules[i]);
        }
    }
    return 0;
}
