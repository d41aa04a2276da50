#include "node/sampler.h"

#include <stdatomic.h>

#include "config.h"
#include "core/loop.h"

_Static_assert((SAMPLER_QUEUE & (SAMPLER_QUEUE - 1)) == 0, "the length of the queue is a power of two");

/* 16 bytes each: the queue is what takes the RAM. */
struct entry {
    uint32_t time_low;
    uint16_t time_high; /* the lower 48 bits of a time, which are the same again after 8.9 years */
    uint8_t sensor;
    hal_raw raw;
};
_Static_assert(sizeof(struct entry) == 16, "config.h says what an entry takes");

struct rhythm {
    uint64_t due_us; /* HAL_NEVER: no readings */
    uint32_t period_us;
    uint32_t lost;
};

static struct rhythm rhythms[SENSORS_MAX];
static struct entry queue[SAMPLER_QUEUE];
static volatile uint32_t head, tail; /* run freely; the alarm writes head, the thread tail */
static volatile uint32_t most;       /* that waited at once; the alarm's */
static size_t sensors;               /* that ever had a rhythm */

/* ---- the alarm's ------------------------------------------------------------------------ */

HAL_RAMCODE static size_t most_due(void) {
    size_t first = 0;
    for (size_t i = 1; i < sensors; i++)
        if (rhythms[i].due_us < rhythms[first].due_us)
            first = i;
    return first;
}

HAL_RAMCODE static bool put(size_t sensor, uint64_t now) {
    struct entry *entry = &queue[head & (SAMPLER_QUEUE - 1)];
    if (head - tail == SAMPLER_QUEUE || hal_sensor_take(sensor, &entry->raw) != WM_OK)
        return false;
    entry->time_low = (uint32_t)now;
    entry->time_high = (uint16_t)(now >> 32);
    entry->sensor = (uint8_t)sensor;
    atomic_signal_fence(memory_order_release);
    head = head + 1;
    if (head - tail > most)
        most = head - tail;
    return true;
}

HAL_RAMCODE static void take(void);

HAL_RAMCODE static void wait_for_next(void) {
    hal_alarm_at(rhythms[most_due()].due_us, take);
}

/* One sensor, and back: others that are due as well get an alarm of their own, so that whoever waits for
 * an erase looks after the UART in between. */
HAL_RAMCODE static void take(void) {
    size_t sensor = most_due();
    struct rhythm *rhythm = &rhythms[sensor];
    uint64_t now = hal_now_us();
    if (rhythm->due_us <= now) {
        rhythm->lost += !put(sensor, now);
        for (rhythm->due_us += rhythm->period_us; rhythm->due_us <= now;
             rhythm->due_us += rhythm->period_us)
            rhythm->lost++;
        loop_post(EVENT_SAMPLE);
    }
    wait_for_next();
}

/* ---- the loop's ------------------------------------------------------------------------- */

static void set_period(struct rhythm *rhythm, uint32_t period_us) {
    uint64_t latest = hal_now_us() + period_us;
    bool has_rhythm = rhythm->period_us > 0;
    rhythm->period_us = period_us;
    if (!has_rhythm || rhythm->due_us > latest)
        rhythm->due_us = latest;
}

void sampler_pace(size_t sensor, uint32_t period_ms) {
    uint32_t state = hal_irq_lock();
    for (; sensors <= sensor; sensors++)
        rhythms[sensors].due_us = HAL_NEVER;
    set_period(&rhythms[sensor], period_ms * 1000u);
    wait_for_next();
    hal_irq_unlock(state);
}

bool sampler_has_next(void) {
    return sampler_waiting() > 0;
}

/* No reading waits for 8.9 years: it is the newest time that is past and ends in these bits. */
static uint64_t time_of(const struct entry *entry) {
    uint64_t low = (uint64_t)entry->time_high << 32 | entry->time_low;
    uint64_t now = hal_now_us();
    return now - ((now - low) & ((UINT64_C(1) << 48) - 1));
}

bool sampler_next(struct sample *out) {
    const struct entry *entry = &queue[tail & (SAMPLER_QUEUE - 1)];
    if (!sampler_has_next())
        return false;
    atomic_signal_fence(memory_order_acquire);
    *out = (struct sample){.time_us = time_of(entry), .raw = entry->raw, .sensor = entry->sensor};
    atomic_signal_fence(memory_order_release); /* copied before the alarm may write there again */
    tail = tail + 1;
    return true;
}

uint32_t sampler_waiting(void) {
    return head - tail;
}

uint32_t sampler_most_waiting(void) {
    return most;
}

uint32_t sampler_readings_in(uint32_t ms) {
    uint64_t readings = 0;
    for (size_t sensor = 0; sensor < sensors; sensor++)
        if (rhythms[sensor].period_us)
            readings +=
                (ms * UINT64_C(1000) + rhythms[sensor].period_us - 1) / rhythms[sensor].period_us;
    return readings < UINT32_MAX ? (uint32_t)readings : UINT32_MAX;
}

uint32_t sampler_lost(size_t sensor) {
    return rhythms[sensor].lost;
}
