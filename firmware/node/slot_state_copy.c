/* Copies of declared states, to go back to. They live in the arena, and give way to modules. */
#include <string.h>

#include "node/slot_table.h"

static bool has_room(struct state_copy *copy, size_t len) {
    if (copy->bytes && copy->len != len)
        state_copy_drop(copy);
    if (!copy->bytes)
        copy->bytes = runtime_keep(NULL, len);
    copy->len = len;
    return copy->bytes != NULL;
}

bool state_copy_take(struct state_copy *copy, struct instance *instance) {
    struct legacy legacy;
    instance_leave(instance, &legacy);
    copy->filled = legacy.state && has_room(copy, legacy.len);
    if (!copy->filled)
        return false;
    memcpy(copy->bytes, legacy.state, legacy.len);
    memcpy(copy->schema, legacy.schema, sizeof copy->schema);
    return true;
}

struct legacy state_copy_legacy(const struct state_copy *copy) {
    struct legacy legacy = {.state = copy->filled ? copy->bytes : NULL, .len = copy->len};
    memcpy(legacy.schema, copy->schema, sizeof legacy.schema);
    return legacy;
}

void state_copy_drop(struct state_copy *copy) {
    runtime_drop(copy->bytes);
    copy->bytes = NULL;
    copy->filled = false;
}

static bool give_up(struct state_copy *copy, const struct state_copy *kept) {
    if (!copy->bytes || copy == kept)
        return false;
    state_copy_drop(copy);
    return true;
}

bool slots_give_up_copies(const struct state_copy *kept) {
    bool some = false;
    for (int index = 0; index < MODULE_SLOTS; index++) {
        some |= give_up(&slot_at(index)->before, kept);
        some |= give_up(&slot_at(index)->left, kept);
    }
    return some;
}
