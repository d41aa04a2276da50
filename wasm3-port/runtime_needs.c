/* What a module will hold of the arena, computed from its sections before anything is built. */
#include "runtime_build.h"

#include "config/needs.h"
#include "engine.h"
#include "engine_compat.h"
#include "wasm_reader.h"

#define ROUNDED(bytes) ((uint32_t)(bytes) + 2 * NEEDS_BLOCK_BYTES)

#define ASSERT_SIZE(type, on_32_bits, on_64_bits)                                                       \
    _Static_assert(sizeof(type) == (sizeof(void *) == 4 ? (on_32_bits) : (on_64_bits)),                 \
                   "config/needs.h has another size of " #type);
NEEDS_SIZES(ASSERT_SIZE)

static uint32_t of_base(void) {
    const uint32_t simple_types = 5;
    return ROUNDED(sizeof(M3Environment)) + simple_types * ROUNDED(sizeof(M3FuncType)) +
           ROUNDED(sizeof(M3Runtime)) + ROUNDED(sizeof(M3Module)) + ROUNDED(0);
}

static uint32_t of_memory(const struct runtime_limits *limits, const struct module_facts *module) {
    const uint32_t whole = module->memory_pages * RUNTIME_PAGE_BYTES;
    const bool trimmed = limits->memory_bytes != 0 && limits->memory_bytes < whole;
    return (trimmed ? limits->memory_bytes : whole) + ROUNDED(sizeof(M3MemoryHeader));
}

static uint32_t of_code(const struct validate_facts *facts) {
    const uint32_t cells = facts->code_bytes * NEEDS_CODE_NUMERATOR / NEEDS_CODE_DENOMINATOR +
                           (facts->functions - facts->function_imports) * NEEDS_FUNCTION_CELLS;
    return cells * (uint32_t)sizeof(cell) + ROUNDED(0);
}

/* What wasm3 keeps of one section: its entries, and the names in it each in a block of its own. */
static uint32_t of_section(uint8_t id, uint32_t count, uint32_t bytes) {
    switch (id) {
    case SECTION_TYPE:
        return count * (ROUNDED(sizeof(M3FuncType)) + (uint32_t)sizeof(IM3FuncType)) + bytes +
               ROUNDED(0);
    case SECTION_IMPORT:
        return count * (2 * ROUNDED(1) + ROUNDED(6 * sizeof(cell))) + bytes;
    case SECTION_GLOBAL:
        return count * (uint32_t)sizeof(M3Global) + ROUNDED(0);
    case SECTION_TABLE:
        return ROUNDED(0);
    case SECTION_EXPORT:
        return count * ROUNDED(1) + bytes;
    case SECTION_DATA:
        return count * (uint32_t)sizeof(M3DataSegment) + ROUNDED(0);
    default:
        return 0;
    }
}

static uint32_t of_sections(const uint8_t *wasm, size_t len) {
    struct wasm_reader in = wasm_reader_over(wasm + WASM_HEADER_BYTES, len - WASM_HEADER_BYTES);
    uint32_t bytes = 0;
    while (wasm_left(&in) > 0) {
        const uint8_t id = wasm_byte(&in);
        const uint32_t size = wasm_u32(&in);
        struct wasm_reader section = wasm_part(&in, size);
        bytes += id == SECTION_CUSTOM ? 0 : of_section(id, wasm_u32(&section), size);
    }
    return bytes;
}

struct runtime_needs runtime_needs_of(const uint8_t *wasm, size_t len,
                                      const struct runtime_limits *limits,
                                      const struct validate_facts *facts,
                                      const struct module_facts *module) {
    struct runtime_needs needs = {.memory_bytes = of_memory(limits, module),
                                  .stack_bytes = limits->stack_bytes + ROUNDED(4 * sizeof(uint64_t)),
                                  .code_bytes = of_code(facts)};
    needs.other_bytes = of_base() + of_sections(wasm, len) +
                        facts->functions * (uint32_t)sizeof(M3Function) + ROUNDED(0) +
                        module->table_size * (uint32_t)sizeof(IM3Function);
    needs.total_bytes = needs.memory_bytes + needs.stack_bytes + needs.code_bytes + needs.other_bytes;
    return needs;
}
