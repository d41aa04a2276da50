#include "numeric_list.h"

#include "instruction.h"

static const struct {
    uint16_t opcode;
    uint8_t kind;
    void (*function)(void);
} rows[] = {
#define ROW(kind, opcode, name) {OPCODE_##opcode, NUMERIC_##kind, (void (*)(void))machine_##name},
    NUMERIC_ALL(ROW)
#undef ROW
};

bool machine_numeric_find(uint32_t opcode, struct numeric *numeric) {
    size_t first = 0, end = sizeof rows / sizeof rows[0];
    while (first < end) {
        const size_t middle = first + (end - first) / 2;
        if (rows[middle].opcode == opcode) {
            numeric->kind = (enum numeric_kind)rows[middle].kind;
            numeric->function = rows[middle].function;
            return true;
        }
        if (rows[middle].opcode < opcode) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return false;
}
