/* The content of every section (core specification 5.5, rules of 3.2 and 3.4). */
#include <string.h>

#include "core/utf8.h"
#include "validator.h"

#define FUNCTION_TYPE 0x60u
#define FUNCREF 0x70u
#define LIMITS_SHARED 0x02u
#define LIMITS_64_BIT 0x04u
#define MEMORY_LOG2 32u /* a memory has at most 2^32 bytes */
#define PAGE_LOG2_MAX 16u

/* ---- one entry each --------------------------------------------------------------------------- */

static struct wasm_name check_name(struct validator *v) {
    const struct wasm_name name = wasm_name(&v->in);
    if (!utf8_is_valid((const char *)name.bytes, name.len)) {
        validator_refuse(v, WM_EINVAL, "a name that is not UTF-8");
    }
    return name;
}

static void check_value_types(struct validator *v, uint32_t max, const char *what) {
    const uint32_t count = wasm_u32(&v->in);
    if (!validator_limit(v, count, max, what)) {
        return;
    }
    for (uint32_t left = count; left > 0 && validator_ok(v); left--) {
        (void)validator_value_type(v, wasm_byte(&v->in));
    }
}

static void check_type(struct validator *v) {
    const uint8_t form = wasm_byte(&v->in);
    if (form != FUNCTION_TYPE) {
        const bool is_gc = form == 0x4e || form == 0x4f || form == 0x50 || form == 0x5e || form == 0x5f;
        validator_refuse(v, is_gc ? WM_ENOTSUP : WM_EINVAL,
                         is_gc ? "a type of GC" : "a type that is no function type");
        return;
    }
    if (validator_limit(v, v->types + 1, WASM_TYPES_MAX, " types")) {
        v->scratch->types[v->types] = (uint32_t)(v->in.at - v->wasm);
        check_value_types(v, WASM_PARAMS_MAX, " parameters");
        check_value_types(v, WASM_RESULTS_MAX, " results");
        v->types++;
    }
}

static void add_function(struct validator *v) {
    const uint32_t type = validator_index(v, v->types, "type");
    if (validator_limit(v, v->facts->functions + 1, WASM_FUNCTIONS_MAX, " functions")) {
        v->scratch->functions[v->facts->functions++] = (uint8_t)type;
    }
}

static bool features_of_limits(struct validator *v, uint8_t flags, uint8_t known) {
    if ((flags & ~known) == 0) {
        return true;
    }
    if ((flags & ~(known | LIMITS_SHARED | LIMITS_64_BIT)) != 0) {
        validator_refuse(v, WM_EINVAL, "unknown flags of limits");
    } else {
        validator_refuse(v, WM_ENOTSUP, (flags & LIMITS_SHARED) != 0 ? "threads" : "memory64");
    }
    return false;
}

static void check_range(struct validator *v, uint32_t min, uint32_t max, uint64_t most) {
    if (min > max) {
        validator_refuse(v, WM_EINVAL, "a minimum above the maximum");
    } else if (min > most || max > most) {
        validator_refuse(v, WM_EINVAL, "a memory of more than 4 GiB");
    }
}

static void add_table(struct validator *v) {
    if (wasm_byte(&v->in) != FUNCREF) {
        validator_refuse(v, WM_ENOTSUP, "a table of something else than functions: reference types");
        return;
    }
    const uint8_t flags = wasm_byte(&v->in);
    if (features_of_limits(v, flags, LIMITS_HAS_MAX)) {
        const uint32_t min = wasm_u32(&v->in);
        check_range(v, min, (flags & LIMITS_HAS_MAX) != 0 ? wasm_u32(&v->in) : UINT32_MAX, UINT32_MAX);
    }
    if (v->tables++ > 0) {
        validator_refuse(v, WM_ENOTSUP, "more than one table: reference types");
    }
}

static void add_memory(struct validator *v) {
    const uint8_t flags = wasm_byte(&v->in);
    if (!features_of_limits(v, flags, LIMITS_HAS_MAX | LIMITS_PAGE_SIZE)) {
        return;
    }
    const uint32_t min = wasm_u32(&v->in);
    const uint32_t max = (flags & LIMITS_HAS_MAX) != 0 ? wasm_u32(&v->in) : min;
    const uint32_t log2 = (flags & LIMITS_PAGE_SIZE) != 0 ? wasm_u32(&v->in) : PAGE_LOG2_MAX;
    if (log2 > PAGE_LOG2_MAX) {
        validator_refuse(v, WM_EINVAL, "memory pages of more than 64 KiB");
    } else {
        check_range(v, min, max, 1ull << (MEMORY_LOG2 - log2));
    }
    if (v->memories++ > 0) {
        validator_refuse(v, WM_ENOTSUP, "more than one memory: multi-memory");
    }
}

static void add_global(struct validator *v) {
    const enum value_type type = validator_value_type(v, wasm_byte(&v->in));
    const uint8_t mutability = wasm_byte(&v->in);
    if (mutability > 1) {
        validator_refuse(v, WM_EINVAL, "unknown mutability");
    }
    if (validator_limit(v, v->globals + 1, WASM_GLOBALS_MAX, " globals")) {
        v->scratch->globals[v->globals++] = (uint8_t)(type | (mutability == 1 ? GLOBAL_MUTABLE : 0));
    }
}

static enum value_type constant_global(struct validator *v) {
    const uint32_t index = validator_index(v, v->global_imports, "imported global");
    const uint8_t global = v->scratch->globals[index];
    if (validator_ok(v) && (global & GLOBAL_MUTABLE) != 0) {
        validator_refuse(v, WM_EINVAL, "a constant expression with a mutable global");
    }
    return (enum value_type)(global & GLOBAL_TYPE);
}

/* Its one instruction; the type that it leaves. */
static enum value_type constant(struct validator *v) {
    const uint8_t code = wasm_byte(&v->in);
    switch (code) {
    case OPCODE_I32_CONST:
        (void)wasm_s32(&v->in);
        return VALUE_I32;
    case OPCODE_I64_CONST:
        (void)wasm_s64(&v->in);
        return VALUE_I64;
    case OPCODE_F32_CONST:
        wasm_skip(&v->in, 4);
        return VALUE_F32;
    case OPCODE_F64_CONST:
        wasm_skip(&v->in, 8);
        return VALUE_F64;
    case OPCODE_GLOBAL_GET:
        return constant_global(v);
    default:
        if (instruction_find(code) == NULL) {
            validator_refuse_code(v, code);
        }
        validator_refuse(v, WM_EINVAL, "an expression that is not one constant");
        return VALUE_NONE;
    }
}

/* Section 3.3.10. */
static void check_constant(struct validator *v, enum value_type wanted) {
    const enum value_type type = constant(v);
    const uint8_t next = wasm_byte(&v->in);
    if (next == OPCODE_GLOBAL_GET || (next >= OPCODE_I32_CONST && next <= OPCODE_F64_CONST)) {
        validator_refuse(v, WM_ENOTSUP, "extended constant expressions");
    } else if (next != OPCODE_END) {
        validator_refuse(v, WM_EINVAL, "an expression that is not one constant");
    } else if (type != wanted) {
        validator_refuse(v, WM_EINVAL, "a constant of another type");
    }
}

/* ---- sections: what each does with one entry -------------------------------------------------- */

static void check_import(struct validator *v) {
    (void)check_name(v);
    (void)check_name(v);
    switch (wasm_byte(&v->in)) {
    case KIND_FUNCTION:
        add_function(v);
        v->facts->function_imports = v->facts->functions;
        break;
    case KIND_TABLE:
        add_table(v);
        break;
    case KIND_MEMORY:
        add_memory(v);
        break;
    case KIND_GLOBAL:
        add_global(v);
        v->global_imports = v->globals;
        break;
    case 4:
        validator_refuse(v, WM_ENOTSUP, "a tag of exceptions");
        break;
    default:
        validator_refuse(v, WM_EINVAL, "unknown kind of import");
    }
}

static void check_global(struct validator *v) {
    add_global(v);
    if (validator_ok(v)) {
        check_constant(v, (enum value_type)(v->scratch->globals[v->globals - 1] & GLOBAL_TYPE));
    }
}

static void check_export(struct validator *v) {
    static const char kinds[][9] = {"function", "table", "memory", "global"};
    const uint32_t counts[] = {v->facts->functions, v->tables, v->memories, v->globals};
    (void)check_name(v);
    const uint8_t kind = wasm_byte(&v->in);
    if (kind <= KIND_GLOBAL) {
        (void)validator_index(v, counts[kind], kinds[kind]);
    } else {
        (void)validator_refuse(v, WM_EINVAL, "unknown kind of export");
    }
}

static void check_start(struct validator *v) {
    const uint32_t function = validator_index(v, v->facts->functions, "function");
    if (validator_ok(v)) {
        const struct signature type = validator_type(v, v->scratch->functions[function]);
        if (type.params.count + type.results.count > 0) {
            validator_refuse(v, WM_EINVAL, "a start function with parameters or results");
        }
    }
}

/* Says of a segment which kind it is, WebAssembly 2.0 sections 5.5.12 and 5.5.14: bit 0 is set where it
 * is not active, then bit 1 tells declarative ones, else those that name their index; bit 2,
 * expressions. */
static void refuse_segment(struct validator *v, uint32_t flags, uint32_t kinds, const char *index_of) {
    if (flags >= kinds) {
        validator_refuse(v, WM_EINVAL, "an unknown kind of segment");
    } else if ((flags & 3u) == 3) {
        validator_refuse(v, WM_ENOTSUP, "a declarative segment of reference types");
    } else if (flags & 1u) {
        validator_refuse(v, WM_ENOTSUP, "a segment that is not active: passive segments");
    } else if (flags & 2u) {
        text_add(validator_refuse(v, WM_ENOTSUP, "an active segment with an explicit index of a "),
                 index_of);
    } else {
        validator_refuse(v, WM_ENOTSUP, "a segment of expressions, of reference types");
    }
}

static void check_element(struct validator *v) {
    const uint32_t flags = wasm_u32(&v->in);
    if (flags != 0) {
        refuse_segment(v, flags, 8, "table");
        return;
    }
    if (v->tables == 0) {
        validator_refuse(v, WM_EINVAL, "unknown table 0");
    }
    check_constant(v, VALUE_I32);
    for (uint32_t left = wasm_u32(&v->in); left > 0 && validator_ok(v); left--) {
        (void)validator_index(v, v->facts->functions, "function");
    }
}

static void check_data(struct validator *v) {
    const uint32_t flags = wasm_u32(&v->in);
    if (flags != 0) {
        refuse_segment(v, flags, 3, "memory");
        return;
    }
    if (v->memories == 0) {
        validator_refuse(v, WM_EINVAL, "unknown memory 0");
    }
    check_constant(v, VALUE_I32);
    wasm_skip(&v->in, wasm_u32(&v->in));
    v->data++;
}

static void check_body(struct validator *v) {
    const uint32_t len = wasm_u32(&v->in);
    struct wasm_reader after = v->in, body = wasm_part(&after, len);
    if (after.bad) {
        v->in = after;
        return;
    }
    v->function = v->facts->function_imports + v->bodies;
    v->in_body = true;
    if (v->function >= v->facts->functions) {
        validator_refuse(v, WM_EINVAL, "a body without a function");
    } else if (validator_limit(v, len, WASM_BODY_MAX, " bytes of code")) {
        v->in = body;
        validate_body(v);
    }
    v->in_body = false;
    v->in = after;
    v->bodies++;
    v->facts->code_bytes += len;
}

/* ---- dispatch --------------------------------------------------------------------------------- */

static void each(struct validator *v, void (*check)(struct validator *)) {
    for (uint32_t left = wasm_u32(&v->in); left > 0 && validator_ok(v); left--) {
        v->item = v->in.at;
        check(v);
    }
}

static void check_exports(struct validator *v) {
    const uint32_t count = wasm_u32(&v->in);
    (void)validator_limit(v, count, WASM_EXPORTS_MAX, " exports");
    for (uint32_t i = 0; i < count && validator_ok(v); i++) {
        v->item = v->in.at;
        v->scratch->exports[i] = (uint32_t)(v->item - v->wasm);
        check_export(v);
    }
    if (validator_ok(v)) {
        validate_names_differ(v, count);
    }
}

void validate_section(struct validator *v) {
    static void (*const entry[SECTION_COUNT])(struct validator *) = {
        [SECTION_TYPE] = check_type,       [SECTION_IMPORT] = check_import,
        [SECTION_FUNCTION] = add_function, [SECTION_TABLE] = add_table,
        [SECTION_MEMORY] = add_memory,     [SECTION_GLOBAL] = check_global,
        [SECTION_ELEMENT] = check_element, [SECTION_CODE] = check_body,
        [SECTION_DATA] = check_data,
    };
    switch (v->section) {
    case SECTION_CUSTOM:
        (void)check_name(v);
        wasm_skip(&v->in, wasm_left(&v->in));
        break;
    case SECTION_EXPORT:
        check_exports(v);
        break;
    case SECTION_START:
        check_start(v);
        break;
    case SECTION_DATA_COUNT:
        v->announces_data = true;
        v->announced_data = wasm_u32(&v->in);
        break;
    default:
        each(v, entry[v->section]);
    }
}
