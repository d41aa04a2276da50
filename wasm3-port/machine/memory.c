#include "memory.h"

#include "instruction.h"
#include "m3.h"
#include "traps.h"

/* ---- size --------------------------------------------------------------------------------------- */

trap_text machine_memory_size(slot *frame, const cell *at, struct machine *machine) {
    frame_put(frame, at[0], machine->runtime->memory.numPages);
    return NULL;
}

/* The cells marked hold base + offset; the one behind each, the highest address in bounds. */
void machine_set_memory(struct machine *machine, uint8_t *memory, uint32_t bytes) {
    for (uint32_t i = 0; i < machine->marks; i++) {
        const uint32_t *marks = (const uint32_t *)(void *)(machine->code + machine->code_cells);
        cell *address = &machine->code[marks[i]];
        address[0] += (cell)memory - (cell)machine->memory;
        address[1] += bytes - machine->memory_bytes;
    }
    machine->memory = memory;
    machine->memory_bytes = bytes;
}

static bool grow(struct machine *machine, uint32_t pages) {
    M3Memory *memory = &machine->runtime->memory;
    if (pages == 0) {
        return true;
    }
    if (pages > memory->maxPages || memory->numPages > memory->maxPages - pages ||
        ResizeMemory(machine->runtime, memory->numPages + pages) != m3Err_none) {
        return false;
    }
    machine_set_memory(machine, (uint8_t *)(memory->mallocated + 1),
                       (uint32_t)memory->mallocated->length);
    return true;
}

trap_text machine_memory_grow(slot *frame, const cell *at, struct machine *machine) {
    const uint32_t before = machine->runtime->memory.numPages;
    machine->fuel = 0; /* it may have moved all of the memory: look at the clock soon */
    frame_put(frame, at[1], grow(machine, frame_get(frame, at[0])) ? before : UINT32_MAX);
    return NULL;
}

/* ---- many bytes --------------------------------------------------------------------------------- */

static bool is_inside(const struct machine *machine, uint32_t address, uint32_t count) {
    return (uint64_t)address + count <= machine->memory_bytes;
}

static uint32_t part_of(uint32_t count) {
    return count < MACHINE_BULK ? count : MACHINE_BULK;
}

/* Part by part, each between two units of fuel: from the end, where the front of the source would be
 * overwritten before it is read. When the time is up in between, the parts done stay. */
trap_text machine_memory_copy(slot *frame, const cell *at, struct machine *machine) {
    const uint32_t to = frame_get(frame, at[0]), from = frame_get(frame, at[1]);
    const uint32_t count = frame_get(frame, at[2]);
    if (!is_inside(machine, to, count) || !is_inside(machine, from, count)) {
        return m3Err_trapOutOfBoundsMemoryAccess;
    }
    trap_text trap = burn_unit(machine);
    for (uint32_t left = count; left > 0 && trap == NULL;) {
        const uint32_t part = part_of(left), start = to > from ? left - part : count - left;
        memmove(machine->memory + to + start, machine->memory + from + start, part);
        left -= part;
        trap = burn_unit(machine);
    }
    return trap;
}

trap_text machine_memory_fill(slot *frame, const cell *at, struct machine *machine) {
    const uint32_t to = frame_get(frame, at[0]), count = frame_get(frame, at[2]);
    if (!is_inside(machine, to, count)) {
        return m3Err_trapOutOfBoundsMemoryAccess;
    }
    const int byte = (int)(frame_get(frame, at[1]) & 0xff);
    trap_text trap = burn_unit(machine);
    for (uint32_t left = count; left > 0 && trap == NULL;) {
        const uint32_t part = part_of(left);
        memset(machine->memory + to + (count - left), byte, part);
        left -= part;
        trap = burn_unit(machine);
    }
    return trap;
}

/* ---- one value, checked at run time ------------------------------------------------------------- */

static unsigned bytes_of(uint32_t opcode) {
    return 1u << instruction_find(opcode)->access_log2;
}

static bool sign_extends(uint32_t opcode) {
    return opcode == OPCODE_I32_LOAD8_S || opcode == OPCODE_I32_LOAD16_S ||
           opcode == OPCODE_I64_LOAD8_S || opcode == OPCODE_I64_LOAD16_S ||
           opcode == OPCODE_I64_LOAD32_S;
}

static uint8_t *find(const struct machine *machine, uint32_t address, cell offset, unsigned bytes) {
    const uint64_t start = (uint64_t)address + (uint32_t)offset;
    return start + bytes <= machine->memory_bytes ? machine->memory + start : NULL;
}

trap_text machine_load_checked(slot *frame, const cell *at, struct machine *machine) {
    const uint32_t opcode = (uint32_t)at[2];
    const unsigned bytes = bytes_of(opcode);
    const uint8_t *from = find(machine, frame_get(frame, at[0]), at[1], bytes);
    if (from == NULL) {
        return m3Err_trapOutOfBoundsMemoryAccess;
    }
    uint64_t value = 0;
    memcpy(&value, from, bytes);
    if (sign_extends(opcode)) {
        const unsigned beyond = 64 - 8 * bytes;
        value = (uint64_t)((int64_t)(value << beyond) >> beyond);
    }
    const enum value_type type = instruction_result(instruction_find(opcode));
    if (type == VALUE_I64 || type == VALUE_F64) {
        frame_put64(frame, at[3], value);
    } else {
        frame_put(frame, at[3], (uint32_t)value);
    }
    return NULL;
}

trap_text machine_store_checked(slot *frame, const cell *at, struct machine *machine) {
    const unsigned bytes = bytes_of((uint32_t)at[3]);
    uint8_t *to = find(machine, frame_get(frame, at[0]), at[2], bytes);
    if (to == NULL) {
        return m3Err_trapOutOfBoundsMemoryAccess;
    }
    memcpy(to, frame_slot(frame, at[1]), bytes); /* little-endian, the low slot first */
    return NULL;
}

trap_text machine_select64(slot *frame, const cell *at, struct machine *machine) {
    (void)machine;
    frame_put64(frame, at[3], frame_get64(frame, at[frame_get(frame, at[0]) != 0 ? 1 : 2]));
    return NULL;
}
