#include "module_check.h"

#include "config/limits.h"
#include "host_call.h"
#include "wasm_reader.h"

#define PAGE_LOG2 14u

struct check {
    const struct module_surroundings *around;
    struct module_facts *facts;
    struct text *why;
    uint32_t memory_limit, memories;
    bool exports_memory;
};

static wm_status refuse(struct check *check, wm_status status, const char *sentence) {
    text_add(check->why, sentence);
    return status;
}

static wm_status check_imports(struct check *check, struct wasm_reader *in) {
    static const char *const kinds[] = {"", "the table ", "the memory ", "the global "};
    for (uint32_t left = wasm_u32(in); left > 0; left--) {
        const struct wasm_name module = wasm_name(in), field = wasm_name(in);
        const uint8_t kind = wasm_byte(in);
        if (kind != KIND_FUNCTION || !check->around->offers(check->around->context, module, field)) {
            text_add(check->why, "imports ");
            text_add(check->why, kinds[kind]);
            text_add_foreign(check->why, module.bytes, module.len);
            text_add(check->why, ".");
            text_add_foreign(check->why, field.bytes, field.len);
            return refuse(check, WM_ENOENT, ", which this node does not offer");
        }
        (void)wasm_u32(in); /* type index: the engine compares it when it links */
        check->facts->function_imports++;
    }
    return WM_OK;
}

static wm_status check_table(struct check *check, struct wasm_reader *in) {
    if (wasm_u32(in) > 0) {
        wasm_skip(in, 2); /* element type, flags */
        check->facts->table_size = wasm_u32(in);
    }
    if (check->facts->table_size > WASM_TABLE_MAX) {
        text_add(check->why, "has a table of ");
        text_add_number(check->why, check->facts->table_size);
        text_add(check->why, " entries, but may have ");
        text_add_number(check->why, WASM_TABLE_MAX);
        return WM_ENOMEM;
    }
    return WM_OK;
}

static wm_status check_memory_size(struct check *check) {
    if (check->facts->memory_pages <= check->memory_limit) {
        return WM_OK;
    }
    text_add(check->why, "needs ");
    text_add_number(check->why, check->facts->memory_pages);
    text_add(check->why, " pages of 16 KiB of linear memory, but may have ");
    text_add_number(check->why, check->memory_limit);
    return WM_ENOMEM;
}

static wm_status check_memory(struct check *check, struct wasm_reader *in) {
    check->memories = wasm_u32(in);
    if (check->memories == 0) {
        return WM_OK;
    }
    const uint8_t flags = wasm_byte(in);
    check->facts->memory_pages = wasm_u32(in);
    if ((flags & LIMITS_HAS_MAX) != 0) {
        (void)wasm_u32(in);
    }
    if ((flags & LIMITS_PAGE_SIZE) == 0) {
        return refuse(check, WM_ENOTSUP, "is built for 64 KiB pages; rebuild it with wasmote build");
    }
    if (wasm_u32(in) != PAGE_LOG2) {
        return refuse(check, WM_ENOTSUP, "has memory pages of a size other than 16 KiB");
    }
    return check_memory_size(check);
}

static void note_export(struct check *check, struct wasm_name name, uint8_t kind, uint32_t index) {
    if (kind == KIND_MEMORY && wasm_name_is(name, "memory")) {
        check->exports_memory = true;
    }
    for (size_t i = 0; i < HOST_EXPORT_COUNT && kind == KIND_FUNCTION; i++) {
        if (wasm_name_is(name, host_exports[i].name)) {
            check->facts->exports[i] = index;
        }
    }
}

static wm_status check_exports(struct check *check, struct wasm_reader *in) {
    for (uint32_t left = check->around->guest_abi ? wasm_u32(in) : 0; left > 0; left--) {
        const struct wasm_name name = wasm_name(in);
        const uint8_t kind = wasm_byte(in);
        note_export(check, name, kind, wasm_u32(in));
    }
    return WM_OK;
}

static wm_status check_elements(struct check *check, struct wasm_reader *in) {
    for (uint32_t left = wasm_u32(in); left > 0; left--) {
        (void)wasm_u32(in); /* flags: none */
        const uint32_t offset = (uint32_t)wasm_constant(in);
        const uint32_t count = wasm_u32(in);
        if ((uint64_t)offset + count > check->facts->table_size) {
            return refuse(check, WM_EINVAL, "has an element segment that lies outside the table");
        }
        for (uint32_t i = 0; i < count; i++) {
            (void)wasm_u32(in);
        }
    }
    return WM_OK;
}

static wm_status check_data(struct check *check, struct wasm_reader *in) {
    const uint64_t memory = (uint64_t)check->facts->memory_pages << PAGE_LOG2;
    for (uint32_t left = wasm_u32(in); left > 0; left--) {
        (void)wasm_u32(in); /* flags: none */
        const uint32_t offset = (uint32_t)wasm_constant(in);
        const uint32_t size = wasm_u32(in);
        if ((uint64_t)offset + size > memory) {
            return refuse(check, WM_EINVAL, "has a data segment that lies outside the memory");
        }
        wasm_skip(in, size);
    }
    return WM_OK;
}

static wm_status check_section(struct check *check, uint8_t id, struct wasm_reader *in) {
    switch (id) {
    case SECTION_IMPORT:
        return check_imports(check, in);
    case SECTION_TABLE:
        return check_table(check, in);
    case SECTION_MEMORY:
        return check_memory(check, in);
    case SECTION_EXPORT:
        return check_exports(check, in);
    case SECTION_ELEMENT:
        return check_elements(check, in);
    case SECTION_DATA:
        return check_data(check, in);
    default:
        return WM_OK;
    }
}

static wm_status check_sections(struct check *check, struct wasm_reader *in) {
    wm_status status = WM_OK;
    while (status == WM_OK && wasm_left(in) > 0) {
        const uint8_t id = wasm_byte(in);
        struct wasm_reader section = wasm_part(in, wasm_u32(in));
        status = check_section(check, id, &section);
    }
    return status;
}

static wm_status check_required(struct check *check) {
    if (check->memories == 0 || !check->exports_memory) {
        return refuse(check, WM_EINVAL, "does not export its memory as \"memory\"");
    }
    for (size_t i = 0; i < HOST_EXPORT_COUNT; i++) {
        if (host_exports[i].required && check->facts->exports[i] == MODULE_NO_FUNCTION) {
            text_add(check->why, "does not export ");
            return refuse(check, WM_EINVAL, host_exports[i].name);
        }
    }
    return WM_OK;
}

wm_status module_check(const uint8_t *wasm, size_t len, uint32_t memory_limit,
                       const struct module_surroundings *around, struct module_facts *facts,
                       struct text *why) {
    struct check check = {.around = around, .facts = facts, .why = why, .memory_limit = memory_limit};
    *facts = (struct module_facts){.memory_pages = 0};
    for (size_t i = 0; i < HOST_EXPORT_COUNT; i++) {
        facts->exports[i] = MODULE_NO_FUNCTION;
    }
    struct wasm_reader in = wasm_reader_over(wasm + WASM_HEADER_BYTES, len - WASM_HEADER_BYTES);
    const wm_status status = check_sections(&check, &in);
    return status == WM_OK && around->guest_abi ? check_required(&check) : status;
}
