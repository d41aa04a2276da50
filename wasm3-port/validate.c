/* The order of sections, and how a refusal is worded. */
#include "validate.h"

#include <string.h>

#include "validator.h"

_Static_assert(WASM_TYPES_MAX <= 256, "struct validate_scratch keeps a type index in a byte");
_Static_assert(WASM_OPERANDS_MAX <= UINT16_MAX, "struct validate_block keeps a height in 16 bits");

/* ---- refusals ------------------------------------------------------------------------------- */

static void add_hex(struct text *text, uint32_t number) {
    char digits[] = "0x00000000";
    char *at = digits + sizeof digits - 1;
    do {
        *--at = "0123456789abcdef"[number & 0x0f];
        number >>= 4;
    } while (number > 0);
    at -= 2;
    at[0] = '0';
    at[1] = 'x';
    text_add(text, at);
}

static void add_place(const struct validator *v, struct text *text) {
    static const char sections[SECTION_COUNT][sizeof "data count"] = {
        "custom", "type",  "import",  "function", "table", "memory",    "global",
        "export", "start", "element", "code",     "data",  "data count"};
    if (v->in_body) {
        text_add(text, "function ");
        text_add_number(text, v->function);
    } else if (v->section < SECTION_COUNT) {
        text_add(text, sections[v->section]);
        text_add(text, " section");
    } else {
        text_add(text, "module");
    }
    text_add(text, ", offset ");
    add_hex(text, (uint32_t)(v->item - v->wasm));
    text_add(text, ": ");
}

struct text *validator_refuse(struct validator *v, wm_status status, const char *cause) {
    if (v->status != WM_OK) {
        return &v->unheard;
    }
    if (v->in.bad) { /* what was read is not there, so that nothing else can be said of it */
        status = WM_EINVAL;
        cause = "cut off, or a malformed number";
    }
    v->status = status;
    text_add(v->why, status == WM_EINVAL   ? "does not validate: "
                     : status == WM_ENOMEM ? "is beyond a limit: "
                                           : "needs what the engine lacks: ");
    add_place(v, v->why);
    text_add(v->why, cause);
    return v->in.bad ? &v->unheard : v->why;
}

bool validator_limit(struct validator *v, uint32_t number, uint32_t max, const char *what) {
    if (number <= max) {
        return true;
    }
    struct text *why = validator_refuse(v, WM_ENOMEM, "");
    text_add_number(why, number);
    text_add(why, what);
    text_add(why, ", but at most ");
    text_add_number(why, max);
    return false;
}

void validator_add_name(struct text *text, uint32_t code) {
    char name[INSTRUCTION_NAME_MAX];
    text_add(text, instruction_name(code, name));
}

void validator_refuse_code(struct validator *v, uint32_t code) {
    static const char references[] = "reference types", tail_calls[] = "tail calls",
                      exceptions[] = "exceptions", bulk[] = "passive segments",
                      tables[] = "bulk memory for tables";
    static const struct {
        uint16_t first, last;
        const char *name;
    } features[] = {{0x06, 0x0a, exceptions},
                    {0x12, 0x13, tail_calls},
                    {0x14, 0x15, references},
                    {0x18, 0x19, exceptions},
                    {0x1c, 0x1c, references},
                    {0x1f, 0x1f, exceptions},
                    {0x25, 0x26, references},
                    {0xd0, 0xd6, references},
                    {0xfb, 0xfb, "GC"},
                    {0xfd, 0xfd, "SIMD"},
                    {0xfe, 0xfe, "threads"},
                    {0xfc08, 0xfc09, bulk},
                    {0xfc0c, 0xfc0e, tables},
                    {0xfc0f, 0xfc11, references},
                    {0xfc12, 0xfc12, "memory control"},
                    {0xfc13, 0xfc16, "wide arithmetic"}};
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++) {
        if (code >= features[i].first && code <= features[i].last) {
            struct text *why = validator_refuse(v, WM_ENOTSUP, "");
            validator_add_name(why, code);
            text_add(why, " of ");
            text_add(why, features[i].name);
            return;
        }
    }
    validator_add_name(validator_refuse(v, WM_EINVAL, "unknown "), code);
}

/* ---- what sections and bodies share ----------------------------------------------------------- */

uint32_t validator_index(struct validator *v, uint32_t count, const char *what) {
    const uint32_t index = wasm_u32(&v->in);
    if (index >= count) {
        struct text *why = validator_refuse(v, WM_EINVAL, "unknown ");
        text_add(why, what);
        text_add(why, " ");
        text_add_number(why, index);
    }
    return index < count && validator_ok(v) ? index : 0;
}

enum value_type validator_value_type(struct validator *v, uint8_t byte) {
    const uint8_t type = 0x80u - byte;
    if (type >= VALUE_I32 && type <= VALUE_F64) {
        return (enum value_type)type;
    }
    if (byte == 0x7b) {
        validator_refuse(v, WM_ENOTSUP, "the value type v128 of SIMD");
    } else if (byte >= 0x63 && byte <= 0x74) {
        validator_refuse(v, WM_ENOTSUP, "a value type of reference types");
    } else {
        validator_refuse(v, WM_EINVAL, "unknown value type");
    }
    return VALUE_NONE;
}

static struct value_types value_types(struct wasm_reader *in) {
    const uint32_t count = wasm_u32(in);
    const struct value_types types = {in->at, count};
    wasm_skip(in, count);
    return types;
}

struct signature validator_type(const struct validator *v, uint32_t index) {
    const uint32_t at = v->scratch->types[index];
    struct wasm_reader in = wasm_reader_over(v->wasm + at, v->len - at);
    struct signature type;
    type.params = value_types(&in);
    type.results = value_types(&in);
    return type;
}

/* ---- the module ----------------------------------------------------------------------------- */

/* Where a section stands in the order of section 5.5.2; DataCount comes before Code. */
static unsigned rank(uint8_t id) {
    return id == SECTION_DATA_COUNT ? 2 * SECTION_ELEMENT + 1 : 2u * id;
}

static bool is_in_order(struct validator *v, uint8_t id, unsigned *last) {
    if (id == 13) {
        validator_refuse(v, WM_ENOTSUP, "the tag section of exceptions");
    } else if (id >= SECTION_COUNT) {
        validator_refuse(v, WM_EINVAL, "unknown section");
    } else if (id != SECTION_CUSTOM && rank(id) <= *last) {
        validator_refuse(v, WM_EINVAL, "sections out of order");
    } else if (id != SECTION_CUSTOM) {
        *last = rank(id);
    }
    return v->status == WM_OK;
}

void validator_finish(struct validator *v) {
    if (v->in.bad || wasm_left(&v->in) > 0) {
        validator_refuse(v, WM_EINVAL, "bytes left over at its end");
    }
}

static void check_sections(struct validator *v) {
    unsigned last = 0;
    struct wasm_reader module =
        wasm_reader_over(v->wasm + WASM_HEADER_BYTES, v->len - WASM_HEADER_BYTES);
    while (v->status == WM_OK && wasm_left(&module) > 0) {
        v->section = SECTION_COUNT;
        v->item = module.at;
        const uint8_t id = wasm_byte(&module);
        const uint32_t len = wasm_u32(&module);
        v->in = wasm_part(&module, len);
        v->in.bad |= module.bad;
        if (is_in_order(v, id, &last) && !v->in.bad) {
            v->section = id;
            validate_section(v);
        }
        validator_finish(v);
    }
}

static void check_counts(struct validator *v) {
    v->section = SECTION_COUNT;
    v->item = v->wasm + v->len;
    if (v->bodies != v->facts->functions - v->facts->function_imports) {
        validator_refuse(v, WM_EINVAL, "functions without a body");
    } else if (v->announces_data && v->announced_data != v->data) {
        validator_refuse(v, WM_EINVAL, "fewer or more data segments than the data count says");
    }
}

wm_status validate_module(const uint8_t *wasm, size_t len, struct validate_scratch *scratch,
                          struct validate_facts *facts, struct text *why) {
    static const uint8_t header[WASM_HEADER_BYTES] = {0x00, 'a', 's', 'm', 0x01, 0x00, 0x00, 0x00};
    struct validator *v = &scratch->state;
    memset(v, 0, sizeof *v);
    v->wasm = v->item = wasm;
    v->len = len;
    v->scratch = scratch;
    v->facts = facts;
    v->why = why;
    v->section = SECTION_COUNT;
    *facts = (struct validate_facts){.functions = 0};
    if (len < sizeof header || memcmp(wasm, header, sizeof header) != 0) {
        validator_refuse(v, WM_EINVAL, "it is no Wasm module of version 1");
        return v->status;
    }
    check_sections(v);
    if (v->status == WM_OK) {
        check_counts(v);
    }
    return v->status;
}
