#include "module_check.h"

#include "host_call.h"
#include "wasm_reader.h"

enum {
    SECTION_CUSTOM,
    SECTION_TYPE,
    SECTION_IMPORT,
    SECTION_FUNCTION,
    SECTION_TABLE,
    SECTION_MEMORY,
    SECTION_GLOBAL,
    SECTION_EXPORT,
    SECTION_START,
    SECTION_ELEMENT,
    SECTION_CODE,
    SECTION_DATA,
    SECTION_DATA_COUNT,
    SECTION_COUNT
};
enum { KIND_FUNCTION, KIND_TABLE, KIND_MEMORY, KIND_GLOBAL };

#define LIMITS_HAS_MAX 0x01u
#define LIMITS_PAGE_SIZE 0x08u /* custom-page-sizes proposal: log2 of the page size follows */
#define PAGE_LOG2 14u
#define FUNCREF 0x70u

struct check {
    const struct module_surroundings *around;
    struct module_facts *facts;
    struct text *why;
    uint32_t memory_limit, memories, table_size;
    bool exports_memory;
};

static wm_status refuse(struct check *check, wm_status status, const char *sentence) {
    text_add(check->why, sentence);
    return status;
}

static wm_status check_imports(struct check *check, struct wasm_reader *in) {
    static const char *const kinds[] = {"", "the table ", "the memory ", "the global "};
    for (uint32_t left = wasm_u32(in); left > 0 && !in->bad; left--) {
        const struct wasm_name module = wasm_name(in), field = wasm_name(in);
        const uint8_t kind = wasm_byte(in);
        if (in->bad || kind > KIND_GLOBAL) {
            return refuse(check, WM_EINVAL, "does not parse: malformed import section");
        }
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
    const uint32_t count = wasm_u32(in);
    if (count > 1) {
        return refuse(check, WM_ENOTSUP, "has more than one table");
    }
    if (count == 1 && wasm_byte(in) != FUNCREF) {
        return refuse(check, WM_ENOTSUP, "has a table of something else than functions");
    }
    if (count == 1) {
        const uint8_t flags = wasm_byte(in);
        check->table_size = wasm_u32(in);
        if ((flags & LIMITS_HAS_MAX) != 0) {
            (void)wasm_u32(in);
        }
    }
    if (check->table_size > MODULE_TABLE_MAX) {
        text_add(check->why, "has a table of ");
        text_add_number(check->why, check->table_size);
        text_add(check->why, " entries, but may have ");
        text_add_number(check->why, MODULE_TABLE_MAX);
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
    if (check->memories != 1) {
        return refuse(check, WM_ENOTSUP, "does not have exactly one memory");
    }
    const uint8_t flags = wasm_byte(in);
    check->facts->memory_pages = wasm_u32(in);
    if ((flags & ~(LIMITS_HAS_MAX | LIMITS_PAGE_SIZE)) != 0) {
        return refuse(check, WM_ENOTSUP, "has a shared or 64-bit memory");
    }
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

static wm_status check_globals(struct check *check, struct wasm_reader *in) {
    for (uint32_t left = wasm_u32(in); left > 0 && !in->bad; left--) {
        const uint8_t type = wasm_byte(in);
        (void)wasm_byte(in); /* mutability */
        (void)wasm_constant(in, type);
    }
    return in->bad ? refuse(check, WM_EINVAL, "does not parse: a global's initial value is no constant")
                   : WM_OK;
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
    for (uint32_t left = wasm_u32(in); left > 0 && !in->bad; left--) {
        const struct wasm_name name = wasm_name(in);
        const uint8_t kind = wasm_byte(in);
        const uint32_t index = wasm_u32(in);
        if (check->around->guest_abi) {
            note_export(check, name, kind, index);
        }
    }
    return WM_OK;
}

static wm_status check_elements(struct check *check, struct wasm_reader *in) {
    for (uint32_t left = wasm_u32(in); left > 0 && !in->bad; left--) {
        if (wasm_u32(in) != 0) {
            return refuse(check, WM_ENOTSUP, "has a passive or declared element segment");
        }
        const uint32_t offset = wasm_constant(in, WASM_I32);
        const uint32_t count = wasm_u32(in);
        if ((uint64_t)offset + count > check->table_size) {
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
    for (uint32_t left = wasm_u32(in); left > 0 && !in->bad; left--) {
        if (wasm_u32(in) != 0) {
            return refuse(check, WM_ENOTSUP, "has a passive data segment");
        }
        const uint32_t offset = wasm_constant(in, WASM_I32);
        const uint32_t size = wasm_u32(in);
        if ((uint64_t)offset + size > memory) {
            return refuse(check, WM_EINVAL, "has a data segment that lies outside the memory");
        }
        wasm_skip(in, size);
    }
    return WM_OK;
}

static wm_status check_section(struct check *check, uint8_t id, struct wasm_reader *in) {
    typedef wm_status (*section_check)(struct check *, struct wasm_reader *);
    static const section_check checks[SECTION_COUNT] = {
        [SECTION_IMPORT] = check_imports, [SECTION_TABLE] = check_table,
        [SECTION_MEMORY] = check_memory,  [SECTION_GLOBAL] = check_globals,
        [SECTION_EXPORT] = check_exports, [SECTION_ELEMENT] = check_elements,
        [SECTION_DATA] = check_data,
    };
    if (checks[id] == NULL) {
        return WM_OK;
    }
    const wm_status status = checks[id](check, in);
    if (status == WM_OK && (in->bad || wasm_left(in) > 0)) {
        text_add(check->why, "does not parse: section ");
        text_add_number(check->why, id);
        return refuse(check, WM_EINVAL, " is malformed");
    }
    return status;
}

/* Where a section stands in the order of section 5.5.2; DataCount comes before Code. */
static unsigned rank(uint8_t id) {
    return id == SECTION_DATA_COUNT ? 2 * SECTION_ELEMENT + 1 : 2u * id;
}

static wm_status check_sections(struct check *check, struct wasm_reader *in) {
    unsigned last = 0;
    while (wasm_left(in) > 0) {
        const uint8_t id = wasm_byte(in);
        const uint32_t len = wasm_u32(in);
        struct wasm_reader section = wasm_part(in, len);
        if (in->bad) {
            return refuse(check, WM_EINVAL, "does not parse: it is cut off");
        }
        if (id >= SECTION_COUNT || (id != SECTION_CUSTOM && rank(id) <= last)) {
            return refuse(check, WM_EINVAL, "does not parse: unknown section, or sections out of order");
        }
        last = id == SECTION_CUSTOM ? last : rank(id);
        const wm_status status = check_section(check, id, &section);
        if (status != WM_OK) {
            return status;
        }
    }
    return WM_OK;
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
    static const uint8_t header[8] = {0x00, 'a', 's', 'm', 0x01, 0x00, 0x00, 0x00};
    struct check check = {.around = around, .facts = facts, .why = why, .memory_limit = memory_limit};
    *facts = (struct module_facts){.memory_pages = 0};
    for (size_t i = 0; i < HOST_EXPORT_COUNT; i++) {
        facts->exports[i] = MODULE_NO_FUNCTION;
    }
    if (len < sizeof header || memcmp(wasm, header, sizeof header) != 0) {
        return refuse(&check, WM_EINVAL, "does not parse: it is no Wasm module of version 1");
    }
    struct wasm_reader in = wasm_reader_over(wasm + sizeof header, len - sizeof header);
    const wm_status status = check_sections(&check, &in);
    return status == WM_OK && around->guest_abi ? check_required(&check) : status;
}
