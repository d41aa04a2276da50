/* What a module lives through, over flash with banks to spare. */
#ifndef LIFE_FIXTURE_H
#define LIFE_FIXTURE_H

#include "slot_fixture.h"

static inline int setup(void **state) {
    static const struct geometry geometry = {
        "an STM32F405's, smaller",
        {16 * KIB, 16 * KIB},
        16 * KIB,
        {32 * KIB, 32 * KIB, 32 * KIB, 32 * KIB, 32 * KIB, 32 * KIB}};
    (void)state;
    return setup_on(&geometry);
}

static inline struct release second(void) {
    struct release v2 = v1;
    v2.version = "2";
    v2.sequence = 2;
    return v2;
}

/* Traps at its first sample. */
static inline struct release bad_second(void) {
    struct release v2 = second();
    v2.parameter[0] = "sample";
    v2.value[0] = 1;
    return v2;
}

static inline void run_confirmed(int index, const struct release *release) {
    run(index, release);
    ASSERT_OK(slot_confirm(index, why, sizeof why));
}

static inline void swap_to(int index, const struct release *release) {
    ASSERT_OK(install(index, release));
    ASSERT_OK(swap(index));
}

static inline void assert_runs(int index, const char *version) {
    assert_int_equal(slot_at(index)->state, SLOT_RUNNING);
    assert_string_equal(slot_at(index)->active->manifest.version, version);
}

static inline void assert_failed(int index, enum store_cause cause, const uint8_t *digest) {
    assert_int_equal(store_slot(index)->cause, cause);
    assert_memory_equal(store_slot(index)->failed, digest, STORE_NAME_BYTES);
}

static inline uint32_t numbers_given(int index) {
    return stream_find(index, "out")->ring.next;
}

#endif
