/* From the bytes of a module to something that can run, and back to nothing. */
#include <string.h>

#include "engine.h"
#include "engine_compat.h"
#include "host_call.h"
#include "module_check.h"
#include "runtime_build.h"
#include "runtime_call.h"
#include "text.h"
#include "validate.h"

_Static_assert(HOST_API_VERSION == RUNTIME_ABI_VERSION,
               "host_api.toml and runtime.h disagree on the ABI");

static wm_status refuse_for_memory(struct text *why) {
    text_add(why, "needs a block of ");
    text_add_number(why, engine_arena.refused);
    text_add(why, " bytes more, but the largest free block of the module arena has ");
    text_add_number(why, arena_largest(&engine_arena));
    text_add(why, " bytes");
    return WM_ENOMEM;
}

/* Turns what wasm3 says into a status and a sentence. */
static wm_status refuse(struct text *why, const char *doing, M3Result result) {
    if (result == m3Err_mallocFailed || result == m3Err_mallocFailedCodePage) {
        return refuse_for_memory(why);
    }
    text_add(why, doing);
    text_add(why, result);
    return WM_EINVAL;
}

static wm_status open_engine(struct runtime *rt, uint32_t stack_bytes, struct text *why) {
    rt->environment = m3_NewEnvironment();
    if (rt->environment != NULL) {
        rt->engine = m3_NewRuntime(rt->environment, stack_bytes, rt);
    }
    return rt->engine != NULL ? WM_OK : refuse_for_memory(why);
}

static wm_status parse(struct runtime *rt, const uint8_t *wasm, size_t len,
                       const struct runtime_limits *limits, struct text *why) {
    IM3Module module = NULL;
    M3Result result = m3_ParseModule(rt->environment, &module, wasm, (uint32_t)len);
    if (result != m3Err_none) {
        return refuse(why, "does not parse: ", result);
    }
    engine_trim_memory(rt->engine, limits->memory_bytes);
    result = m3_LoadModule(rt->engine, module);
    if (result != m3Err_none) {
        m3_FreeModule(module); /* the engine owns it only once it is loaded */
        return refuse(why, "cannot be set up: ", result);
    }
    engine_limit_memory(rt->engine, limits->memory_bytes == 0 ? limits->memory_pages : 0);
    rt->module = module;
    return WM_OK;
}

static wm_status refuse_import(const struct host_import *import, M3Result result, struct text *why) {
    if (result == m3Err_mallocFailedCodePage || result == m3Err_mallocFailed) {
        return refuse_for_memory(why);
    }
    text_add(why, "imports " HOST_API_MODULE ".");
    text_add(why, import->name);
    text_add(why, " with other parameters or results than ");
    text_add(why, import->signature);
    return WM_EINVAL;
}

static bool offers(const void *context, struct wasm_name module, struct wasm_name name) {
    (void)context;
    for (size_t i = 0; i < host_import_count; i++) {
        if (wasm_name_is(module, HOST_API_MODULE) && wasm_name_is(name, host_imports[i].name)) {
            return true;
        }
    }
    return false;
}

static wm_status link_imports(struct runtime *rt, const void *context, struct text *why) {
    (void)context;
    for (size_t i = 0; i < host_import_count; i++) {
        const struct host_import *import = &host_imports[i];
        const M3Result result = m3_LinkRawFunctionEx(rt->module, HOST_API_MODULE, import->name,
                                                     import->signature, import->call, rt);
        if (result == m3Err_functionLookupFailed) {
            continue; /* the module does not import it */
        }
        if (result != m3Err_none) {
            return refuse_import(import, result, why);
        }
        if (!host_grants(rt->host, i)) {
            text_add(why, "imports " HOST_API_MODULE ".");
            text_add(why, import->name);
            text_add(why, ", which needs a capability that its manifest does not name");
            return WM_EPERM;
        }
    }
    return WM_OK;
}

static wm_status compile(struct runtime *rt, const struct validate_facts *facts, struct text *why) {
    switch (engine_compile(rt->module, facts)) {
    case MACHINE_NO_MEMORY:
        return refuse_for_memory(why);
    case MACHINE_FRAME_TOO_LARGE:
        text_add(why, "has a function whose locals and operands take more than 64 KiB");
        return WM_ENOMEM;
    default:
        return WM_OK;
    }
}

static char type_letter(M3ValueType type) {
    static const char letters[] = "viIfF";
    return type < c_m3Type_unknown ? letters[type] : '?';
}

/* signature: as in host_exports[], one letter a type: "v(iI)". */
static bool has_signature(IM3Function function, const char *signature) {
    const uint32_t args = m3_GetArgCount(function), results = m3_GetRetCount(function);
    if (results > 1 || strlen(signature) != args + 3) {
        return false;
    }
    const M3ValueType result = results == 1 ? m3_GetRetType(function, 0) : c_m3Type_none;
    bool same = type_letter(result) == signature[0];
    for (uint32_t i = 0; i < args; i++) {
        same = same && type_letter(m3_GetArgType(function, i)) == signature[2 + i];
    }
    return same;
}

static wm_status find_exports(struct runtime *rt, const struct module_facts *facts, struct text *why) {
    for (size_t i = 0; i < HOST_EXPORT_COUNT; i++) {
        if (facts->exports[i] == MODULE_NO_FUNCTION) {
            continue;
        }
        IM3Function function = engine_function(rt->module, facts->exports[i]);
        if (function == NULL || facts->exports[i] < facts->function_imports ||
            !has_signature(function, host_exports[i].signature)) {
            text_add(why, "exports ");
            text_add(why, host_exports[i].name);
            text_add(why, ", but not as a function of type ");
            text_add(why, host_exports[i].signature);
            return WM_EINVAL;
        }
        rt->exports[i] = function;
    }
    return WM_OK;
}

/* Before anything is built: its working storage goes back to where the module will live. */
static wm_status validate(const uint8_t *wasm, size_t len, struct validate_facts *facts,
                          struct text *why) {
    struct validate_scratch *scratch = arena_alloc(&engine_arena, sizeof *scratch);
    if (scratch == NULL) {
        return refuse_for_memory(why);
    }
    const wm_status status = validate_module(wasm, len, scratch, facts, why);
    arena_release(&engine_arena, scratch);
    return status;
}

/* Refused with all the numbers, before anything is built. */
static wm_status refuse_for_needs(const struct runtime_needs *needs, struct text *why) {
    text_add(why, "needs up to ");
    text_add_number(why, needs->total_bytes);
    text_add(why, " bytes (memory ");
    text_add_number(why, needs->memory_bytes);
    text_add(why, ", stack ");
    text_add_number(why, needs->stack_bytes);
    text_add(why, ", code ");
    text_add_number(why, needs->code_bytes);
    text_add(why, "), but the module arena has ");
    text_add_number(why, (uint32_t)runtime_arena_free());
    text_add(why, " left");
    return WM_ENOMEM;
}

static wm_status predict(struct runtime *rt, const uint8_t *wasm, size_t len,
                         const struct runtime_limits *limits, const struct validate_facts *facts,
                         const struct module_facts *module, struct text *why) {
    const struct runtime_needs needs = runtime_needs_of(wasm, len, limits, facts, module);
    rt->predicted_bytes = needs.total_bytes;
    return needs.total_bytes > runtime_arena_free() ? refuse_for_needs(&needs, why) : WM_OK;
}

static wm_status build(struct runtime *rt, const uint8_t *wasm, size_t len,
                       const struct runtime_limits *limits, const struct runtime_surroundings *around,
                       struct text *why) {
    struct validate_facts needs;
    struct module_facts facts;
    wm_status status = validate(wasm, len, &needs, why);
    if (status == WM_OK) {
        status = module_check(wasm, len, limits->memory_pages, &around->module, &facts, why);
    }
    if (status == WM_OK) {
        status = predict(rt, wasm, len, limits, &needs, &facts, why);
    }
    if (status == WM_OK) {
        status = open_engine(rt, limits->stack_bytes, why);
    }
    if (status == WM_OK) {
        status = parse(rt, wasm, len, limits, why);
    }
    if (status == WM_OK) {
        status = around->link(rt, around->module.context, why);
    }
    if (status == WM_OK) {
        status = compile(rt, &needs, why);
    }
    if (status == WM_OK) {
        status = find_exports(rt, &facts, why);
    }
    return status;
}

wm_status runtime_build(struct runtime *rt, const uint8_t *wasm, size_t len,
                        const struct runtime_limits *limits, const struct runtime_surroundings *around,
                        struct text *why) {
    if (!engine_is_ready()) {
        text_add(why, "cannot be bounded: this firmware has set no arena, clock or native stack");
        return WM_ENOTSUP;
    }
    if (limits->stack_bytes < WASM_STACK_MIN) {
        text_add(why, "asks for an operand stack of less than ");
        text_add_number(why, WASM_STACK_MIN);
        text_add(why, " bytes");
        return WM_EINVAL;
    }
    const uint32_t before = engine_arena.used;
    const wm_status status = build(rt, wasm, len, limits, around, why);
    rt->arena_bytes = engine_arena.used - before;
    return status;
}

wm_status runtime_load(struct runtime *rt, const uint8_t *wasm, size_t len,
                       const struct runtime_limits *limits, const struct host_api *host,
                       void *host_context, char *why, size_t why_cap) {
    static const struct runtime_surroundings around = {.module = {.offers = offers, .guest_abi = true},
                                                       .link = link_imports};
    struct text text = text_in(why, why_cap);
    *rt = (struct runtime){.budget_us = limits->budget_us, .host = host, .host_context = host_context};
    wm_status status = runtime_build(rt, wasm, len, limits, &around, &text);
    if (status == WM_OK) {
        status = runtime_ask_buffer(rt, limits->sample_bytes, &rt->sample_ptr, &text);
        rt->sample_bytes = limits->sample_bytes;
    }
    if (status != WM_OK) {
        const uint32_t predicted_bytes = rt->predicted_bytes;
        runtime_unload(rt);
        rt->predicted_bytes = predicted_bytes; /* the caller may know how to make room */
    }
    return status;
}

void runtime_unload(struct runtime *rt) {
    m3_FreeRuntime(rt->engine); /* with the module; its code pages go to the environment */
    m3_FreeEnvironment(rt->environment);
    *rt = (struct runtime){.budget_us = 0};
}
