#include "escape.h"

#include "hal.h"

static bool stays_active(bool (*is_active)(void), uint32_t span_us) {
    for (uint64_t end = hal_now_us() + span_us; hal_now_us() < end;)
        if (!is_active())
            return false;
    return true;
}

bool escape_button(bool (*is_active)(void)) {
    return stays_active(is_active, ESCAPE_HOLD_US);
}

bool escape_break(bool (*is_active)(void)) {
    return escape_button(is_active) && !stays_active(is_active, ESCAPE_BREAK_END_US);
}
