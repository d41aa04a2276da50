/* Runs modules as a file of records asks, and writes a file of answers: tests/spec/target.py makes the
 * one and judges the other. The same program for every core.
 *
 * Usage: target RECORDS ANSWERS       (the last two arguments; emulators put others before them)
 *
 * A record is a letter and what stands in the comment of its function; numbers are little endian. An
 * answer is: a status (0, or the wm_status negated), a count of values and the values, 8 bytes each, a
 * length and a sentence. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "runtime_bare.h"

#define RECORDS_MAX (1u << 20)
#define ARENA_BYTES (2u << 20) /* the largest memory of the suite is 1 MiB */
#define NATIVE_STACK (128 * 1024)
#define SLOTS 32
#define IMPORTS_MAX 24
#define CLOCK_STEP_US 1 /* a look at the clock: the budget is looks, the same on every core */
#define WHY_BYTES 120

/* An import: a function of spectest that takes and forgets, or one of a module in another slot. */
struct source {
    struct runtime_bare *from; /* NULL = spectest */
    const uint8_t *name;
    size_t name_len, args;
    bool returns;
};

static _Alignas(8) uint8_t arena[ARENA_BYTES];
static uint8_t records[RECORDS_MAX];
static const uint8_t *at, *end;
static FILE *answers;
static struct slot {
    struct runtime_bare bare;
    struct bare_import imports[IMPORTS_MAX];
    struct source sources[IMPORTS_MAX];
} slots[SLOTS];

static const struct runtime_limits limits = {
    .memory_pages = 64, .stack_bytes = 32768, .budget_us = 1000000, .sample_bytes = 64};

static uint64_t clock_us(void) {
    static uint64_t now;
    return now += CLOCK_STEP_US;
}

/* ---- records ------------------------------------------------------------------------------ */

static _Noreturn void give_up(const char *why) {
    fprintf(stderr, "target: %s\n", why);
    exit(2);
}

static const uint8_t *take(size_t len) {
    if (len > (size_t)(end - at)) {
        give_up("a record is cut off");
    }
    at += len;
    return at - len;
}

static size_t take_number(size_t bytes) {
    const uint8_t *number = take(bytes);
    return bytes == 1 ? number[0] : bytes == 2 ? get_le16(number) : get_le32(number);
}

static const char *take_text(void) {
    const char *text = (const char *)at;
    while (*take(1) != '\0') {
    }
    return text;
}

static struct slot *take_slot(void) {
    const size_t index = take_number(1);
    if (index >= SLOTS) {
        give_up("there is no such slot");
    }
    return &slots[index];
}

/* ---- answers ------------------------------------------------------------------------------ */

static void answer(wm_status status, const struct bare_values *values, const char *why) {
    const size_t len = strlen(why);
    fputc(-status, answers);
    fputc((int)values->count, answers);
    for (uint32_t i = 0; i < values->count; i++) {
        uint8_t bytes[8];
        put_le32(bytes, (uint32_t)values->bits[i]);
        put_le32(bytes + 4, (uint32_t)(values->bits[i] >> 32));
        fwrite(bytes, 1, sizeof bytes, answers);
    }
    fputc((int)len, answers);
    fwrite(why, 1, len, answers);
}

/* ---- imports ------------------------------------------------------------------------------ */

static const char *call_source(void *context, const uint64_t *args, uint64_t *results) {
    const struct source *source = context;
    struct bare_values given = {.count = (uint32_t)source->args}, taken;
    if (source->from == NULL) {
        return NULL;
    }
    memcpy(given.bits, args, source->args * sizeof *args);
    if (runtime_invoke(source->from, source->name, source->name_len, &given, &taken, NULL, 0) != WM_OK) {
        return source->from->trap != NULL ? source->from->trap : "import that cannot be called";
    }
    results[0] = source->returns ? taken.bits[0] : 0;
    return NULL;
}

/* module\0 name\0 signature\0 slot, or 0xff for spectest; length (2) and name of its export. */
static void take_import(struct bare_import *import, struct source *source) {
    *import = (struct bare_import){.call = call_source, .context = source};
    import->module = take_text();
    import->name = take_text();
    import->signature = take_text();
    const size_t from = take_number(1);
    source->from = from < SLOTS ? &slots[from].bare : NULL;
    source->name_len = take_number(2);
    source->name = take(source->name_len);
    source->args = strlen(import->signature) - 3;
    source->returns = import->signature[0] != 'v';
}

/* ---- what a record asks ------------------------------------------------------------------- */

/* 'L' slot, number of imports, imports, length (4), module. The start function runs. */
static void load(void) {
    static const struct bare_values none;
    struct slot *slot = take_slot();
    char why[WHY_BYTES] = "";
    runtime_unload(&slot->bare.rt);
    const size_t imports = take_number(1);
    for (size_t i = 0; i < imports; i++) {
        if (i == IMPORTS_MAX) {
            give_up("more imports than IMPORTS_MAX");
        }
        take_import(&slot->imports[i], &slot->sources[i]);
    }
    const size_t len = take_number(4);
    const uint8_t *wasm = take(len);
    wm_status status =
        runtime_load_bare(&slot->bare, wasm, len, &limits, slot->imports, imports, why, sizeof why);
    if (status == WM_OK) {
        status = runtime_bare_start(&slot->bare, why, sizeof why);
    }
    answer(status, &none, why);
    fflush(answers); /* should the next record end us, this one's answer is known */
}

/* 'I' slot, length (2), name, number of arguments, arguments of 8 bytes. */
static void invoke(void) {
    struct bare_values args, results = {.count = 0};
    char why[WHY_BYTES] = "";
    struct slot *slot = take_slot();
    const size_t name_len = take_number(2);
    const uint8_t *name = take(name_len);
    args.count = (uint32_t)take_number(1);
    if (args.count > sizeof args.bits / sizeof args.bits[0]) {
        give_up("too many arguments");
    }
    for (uint32_t i = 0; i < args.count; i++) {
        const uint32_t low = (uint32_t)take_number(4), high = (uint32_t)take_number(4);
        args.bits[i] = (uint64_t)high << 32 | low;
    }
    const wm_status status =
        runtime_invoke(&slot->bare, name, name_len, &args, &results, why, sizeof why);
    answer(status, &results, why);
}

/* 'G' slot, length (2), name. */
static void get_global(void) {
    struct bare_values value = {.count = 1};
    struct slot *slot = take_slot();
    const size_t name_len = take_number(2);
    const wm_status status = runtime_get_global(&slot->bare, take(name_len), name_len, value.bits);
    answer(status, &value, "");
}

/* 'E': unloads all. The answer's value is how many bytes of the arena were not given back. */
static void end_of_script(void) {
    struct bare_values drift = {.count = 1};
    for (size_t i = 0; i < SLOTS; i++) {
        runtime_unload(&slots[i].bare.rt);
    }
    drift.bits[0] = ARENA_BYTES - runtime_arena_free();
    answer(WM_OK, &drift, "");
    fflush(answers);
}

static void run_records(void) {
    while (at < end) {
        switch (*take(1)) {
        case 'L':
            load();
            break;
        case 'I':
            invoke();
            break;
        case 'G':
            get_global();
            break;
        case 'E':
            end_of_script();
            break;
        default:
            give_up("unknown record");
        }
    }
}

int main(int argc, char **argv) {
    FILE *file = argc >= 3 ? fopen(argv[argc - 2], "rb") : NULL;
    answers = argc >= 3 ? fopen(argv[argc - 1], "wb") : NULL;
    if (file == NULL || answers == NULL) {
        give_up("expected a file of records and a file for the answers");
    }
    const size_t len = fread(records, 1, sizeof records, file);
    if (len == sizeof records) {
        give_up("more than RECORDS_MAX");
    }
    at = records;
    end = records + len;
    runtime_arena_init(arena, sizeof arena);
    runtime_set_clock(clock_us);
    runtime_set_native_stack((const uint8_t *)__builtin_frame_address(0) - NATIVE_STACK);
    run_records();
    return fclose(answers) == 0 ? 0 : 1;
}
