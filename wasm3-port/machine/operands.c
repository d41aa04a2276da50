/* The operand stack: where each operand is, and how it gets elsewhere. */
#include "compile.h"
#include "handlers.h"

enum register_kind register_of(uint8_t type) {
    return type == VALUE_F32 ? REGISTER_FLOAT : REGISTER_INTEGER;
}

void use_slots(struct compiler *c, unsigned end) {
    if (end > c->frame_slots) {
        c->frame_slots = end;
    }
}

unsigned next_home(const struct compiler *c) {
    if (c->count == 0) {
        return c->operands_start;
    }
    const struct value *top = &c->values[c->count - 1];
    return top->home + slots_of(top->type);
}

/* ---- push and pop ------------------------------------------------------------------------------- */

static struct value *push(struct compiler *c, uint8_t type, enum place place) {
    const unsigned home = next_home(c);
    struct value *value = &c->values[c->count++];
    use_slots(c, home + slots_of(type));
    value->type = type;
    value->place = (uint8_t)place;
    value->home = (uint16_t)home;
    return value;
}

struct value *push_home(struct compiler *c, uint8_t type) {
    struct value *value = push(c, type, IN_SLOT);
    value->slot = value->home;
    return value;
}

void push_homes(struct compiler *c, const uint8_t *types, uint32_t count) {
    unsigned home = next_home(c);
    struct value *value = &c->values[c->count];
    if (c->settled == c->count) {
        c->settled += count;
    }
    c->count += count;
    for (uint32_t i = 0; i < count; i++, value++) {
        value->type = types[i];
        value->place = IN_SLOT;
        value->slot = value->home = (uint16_t)home;
        home += slots_of(types[i]);
    }
    use_slots(c, home);
}

void push_slot(struct compiler *c, uint8_t type, unsigned to) {
    push(c, type, IN_SLOT)->slot = (uint16_t)to;
}

void push_register(struct compiler *c, uint8_t type) {
    c->held[register_of(type)] = c->count;
    c->makers[register_of(type)].end = 0;
    push(c, type, IN_REGISTER);
}

void push_constant(struct compiler *c, uint8_t type, uint32_t low, uint32_t high) {
    struct value *value = push(c, type, CONSTANT);
    value->low = low;
    value->high = high;
}

struct value pop_value(struct compiler *c) {
    const struct value value = c->values[--c->count];
    if (value.place == IN_REGISTER) {
        c->held[register_of(value.type)] = NOT_HELD;
    }
    if (c->settled > c->count) {
        c->settled = c->count;
    }
    return value;
}

void drop_to(struct compiler *c, uint32_t height) {
    if (c->count <= height) {
        return;
    }
    c->count = height;
    if (c->settled > height) {
        c->settled = height;
    }
    for (enum register_kind reg = 0; reg < REGISTERS; reg++) {
        if (c->held[reg] != NOT_HELD && c->held[reg] >= height) {
            c->held[reg] = NOT_HELD;
        }
    }
}

/* ---- to a slot ---------------------------------------------------------------------------------- */

static void set_constant(struct compiler *c, const struct value *value, unsigned to) {
    if (slots_of(value->type) == 2) {
        emit_operation(c, OP_set64);
        emit(c, value->low);
        emit(c, value->high);
    } else {
        emit_operation(c, OP_set);
        emit(c, value->low);
    }
    emit_slot(c, to);
}

/* The operation that has just put the value into its register puts it into the slot instead. */
static void store_register(struct compiler *c, const struct value *value, unsigned to) {
    const enum register_kind reg = register_of(value->type);
    const struct last last = c->last;
    if ((last.kind == LAST_IN_REGISTER || last.kind == LAST_COMPARE) && last.reg == reg) {
        patch_cell(c, last.at, (cell)machine_handlers[last.operation + RESULT_SLOT]);
        c->last = (struct last){.kind = LAST_IN_SLOT, .slot = (uint16_t)to, .at = c->at};
    } else if (to == value->home && redirect_home(c, value)) {
        return;
    } else {
        emit_operation(c, reg == REGISTER_FLOAT ? OP_set_f : OP_set_r);
    }
    emit_slot(c, to);
}

static void copy_slot(struct compiler *c, const struct value *value, unsigned to) {
    if (c->last.kind == LAST_IN_SLOT && c->last.slot == value->slot &&
        value->slot >= c->operands_start) {
        patch_cell(c, c->last.at, to * sizeof(uint32_t)); /* nobody else knows the slot */
        c->last.slot = (uint16_t)to;
        return;
    }
    emit_operation(c, slots_of(value->type) == 2 ? OP_copy64 : OP_copy);
    emit_slot(c, value->slot);
    emit_slot(c, to);
}

/* One that has been popped holds none any more. */
static void release_register(struct compiler *c, const struct value *value) {
    uint32_t *held = &c->held[register_of(value->type)];
    if (*held != NOT_HELD && &c->values[*held] == value) {
        *held = NOT_HELD;
    }
}

void settle_in(struct compiler *c, struct value *value, unsigned to) {
    if (value->place == CONSTANT) {
        set_constant(c, value, to);
    } else if (value->place == IN_REGISTER) {
        store_register(c, value, to);
        release_register(c, value);
    } else if (value->slot != to) {
        copy_slot(c, value, to);
    }
    value->place = IN_SLOT;
    value->slot = (uint16_t)to;
    use_slots(c, to + slots_of(value->type));
}

void settle_home(struct compiler *c, struct value *value) {
    settle_in(c, value, value->home);
}

void settle_in_any_slot(struct compiler *c, struct value *value) {
    if (value->place != IN_SLOT) {
        settle_home(c, value);
    }
}

void settle_constant(struct compiler *c, struct value *value) {
    if (value->place == CONSTANT) {
        settle_home(c, value);
    }
}

void settle_registers(struct compiler *c) {
    for (enum register_kind reg = 0; reg < REGISTERS; reg++) {
        if (c->held[reg] != NOT_HELD) {
            settle_home(c, &c->values[c->held[reg]]);
        }
    }
}

static void settle_next(struct compiler *c) {
    struct value *value = &c->values[c->settled++];
    if (value->place != CONSTANT) {
        settle_home(c, value);
    }
}

void settle_all(struct compiler *c) {
    while (c->settled < c->count) {
        settle_next(c);
    }
}

void settle_oldest(struct compiler *c) {
    if (c->count - c->settled >= UNSETTLED_MAX) {
        settle_next(c);
    }
}

static bool is_at_home(const struct value *value) {
    return value->place == IN_SLOT && value->slot == value->home;
}

void settle_top(struct compiler *c, uint32_t count) {
    for (uint32_t i = c->count - count; i < c->count; i++) {
        if (!is_at_home(&c->values[i])) {
            settle_home(c, &c->values[i]);
        }
    }
}

void settle_readers(struct compiler *c, const struct local *local) {
    const unsigned end = local->slot + slots_of(local->type);
    for (uint32_t i = c->settled; i < c->count; i++) {
        struct value *value = &c->values[i];
        if (value->place == IN_SLOT && value->slot >= local->slot && value->slot < end) {
            settle_home(c, value);
        }
    }
}
