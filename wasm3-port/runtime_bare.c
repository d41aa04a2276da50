#include "runtime_bare.h"

#include <string.h>

#include "engine.h"
#include "engine_compat.h"
#include "host_call.h"
#include "runtime_build.h"

#define VALUES_MAX (sizeof((struct bare_values *)0)->bits / sizeof(uint64_t))

/* ---- loading ------------------------------------------------------------------------------ */

static bool offers(const void *context, struct wasm_name module, struct wasm_name name) {
    const struct runtime_bare *bare = context;
    for (size_t i = 0; i < bare->import_count; i++) {
        if (wasm_name_is(module, bare->imports[i].module) && wasm_name_is(name, bare->imports[i].name)) {
            return true;
        }
    }
    return false;
}

/* The engine keeps results before arguments, on its operand stack. */
static const void *call_import(IM3Runtime engine, IM3ImportContext context, uint64_t *stack,
                               void *memory) {
    const struct bare_import *import = context->userdata;
    (void)engine, (void)memory;
    uint64_t results[1] = {0};
    const size_t result_count = import->signature[0] != 'v';
    const char *trap = import->call(import->context, stack + result_count, results);
    memcpy(stack, results, result_count * sizeof *stack);
    return trap;
}

static wm_status link_imports(struct runtime *rt, const void *context, struct text *why) {
    const struct runtime_bare *bare = context;
    for (size_t i = 0; i < bare->import_count; i++) {
        const struct bare_import *import = &bare->imports[i];
        const M3Result result = m3_LinkRawFunctionEx(rt->module, import->module, import->name,
                                                     import->signature, call_import, import);
        if (result != m3Err_none && result != m3Err_functionLookupFailed) {
            text_add(why, "imports ");
            text_add(why, import->name);
            text_add(why, ": ");
            text_add(why, result);
            return WM_EINVAL;
        }
    }
    return WM_OK;
}

wm_status runtime_load_bare(struct runtime_bare *bare, const uint8_t *wasm, size_t len,
                            const struct runtime_limits *limits, const struct bare_import *imports,
                            size_t import_count, char *why, size_t why_cap) {
    struct text text = text_in(why, why_cap);
    const struct runtime_surroundings around = {.module = {.offers = offers, .context = bare},
                                                .link = link_imports};
    *bare = (struct runtime_bare){.rt = {.budget_us = limits->budget_us},
                                  .wasm = wasm,
                                  .len = len,
                                  .imports = imports,
                                  .import_count = import_count};
    const wm_status status = runtime_build(&bare->rt, wasm, len, limits, &around, &text);
    if (status != WM_OK) {
        runtime_unload(&bare->rt);
    }
    return status;
}

/* ---- exports by name ---------------------------------------------------------------------- */

static struct wasm_reader export_section(const struct runtime_bare *bare) {
    struct wasm_reader in =
        wasm_reader_over(bare->wasm + WASM_HEADER_BYTES, bare->len - WASM_HEADER_BYTES);
    while (wasm_left(&in) > 0) {
        const uint8_t id = wasm_byte(&in);
        const struct wasm_reader section = wasm_part(&in, wasm_u32(&in));
        if (id == SECTION_EXPORT) {
            return section;
        }
    }
    return in;
}

static bool find_export(const struct runtime_bare *bare, const uint8_t *name, size_t len, uint8_t kind,
                        uint32_t *index) {
    if (bare->rt.module == NULL) {
        return false;
    }
    struct wasm_reader in = export_section(bare);
    for (uint32_t left = wasm_u32(&in); left > 0; left--) {
        const struct wasm_name entry = wasm_name(&in);
        const uint8_t entry_kind = wasm_byte(&in);
        *index = wasm_u32(&in);
        if (entry_kind == kind && entry.len == len && memcmp(entry.bytes, name, len) == 0) {
            return true;
        }
    }
    return false;
}

wm_status runtime_get_global(struct runtime_bare *bare, const uint8_t *name, size_t name_len,
                             uint64_t *bits) {
    uint32_t index;
    if (!find_export(bare, name, name_len, KIND_GLOBAL, &index)) {
        return WM_ENOENT;
    }
    *bits = engine_global(bare->rt.module, index);
    return WM_OK;
}

/* ---- running ------------------------------------------------------------------------------ */

static wm_status report(struct runtime_bare *bare, const char *trap, struct text *why) {
    bare->trap = trap;
    if (trap == m3Err_none) {
        return WM_OK;
    }
    text_add(why, trap);
    return trap == trap_time_budget ? WM_EBUDGET : WM_ETRAP;
}

wm_status runtime_bare_start(struct runtime_bare *bare, char *why, size_t why_cap) {
    struct text text = text_in(why, why_cap);
    IM3Function start = engine_start_function(bare->rt.module);
    engine_start_budget(bare->rt.budget_us);
    return start != NULL ? report(bare, engine_call(start, NULL, NULL), &text) : WM_OK;
}

wm_status runtime_invoke(struct runtime_bare *bare, const uint8_t *name, size_t name_len,
                         const struct bare_values *args, struct bare_values *results, char *why,
                         size_t why_cap) {
    struct text text = text_in(why, why_cap);
    uint32_t index;
    if (!find_export(bare, name, name_len, KIND_FUNCTION, &index)) {
        text_add(&text, "exports no such function");
        return WM_ENOENT;
    }
    IM3Function function = engine_function(bare->rt.module, index);
    if (m3_GetArgCount(function) != args->count || args->count > VALUES_MAX ||
        m3_GetRetCount(function) > VALUES_MAX) {
        text_add(&text, "takes or returns another number of values");
        return WM_EINVAL;
    }
    *results = (struct bare_values){.count = m3_GetRetCount(function)};
    engine_start_budget(bare->rt.budget_us);
    return report(bare, engine_call(function, args->bits, results->bits), &text);
}
