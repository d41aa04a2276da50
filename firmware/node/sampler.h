/* Takes the readings of the board's sensors on time: from the HAL's alarm, whatever the loop is doing,
 * and on STM32 while flash is erased too. They wait here, with their times, until the loop has time for
 * them. */
#ifndef WASMOTE_SAMPLER_H
#define WASMOTE_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal.h"

struct sample {
    uint64_t time_us; /* hal_now_us() when it was taken */
    hal_raw raw;
    uint8_t sensor;
};

/* Takes readings of a sensor (an index of the HAL) every period_ms, in a fixed rhythm; the first after
 * one period at the latest. EVENT_SAMPLE is posted for each. Thread. */
void sampler_pace(size_t sensor, uint32_t period_ms);

/* The oldest that waits; false when none does. Thread. */
bool sampler_next(struct sample *out);
bool sampler_has_next(void);

/* Readings that wait now, and the most that ever did: of SAMPLER_QUEUE. Thread. */
uint32_t sampler_waiting(void);
uint32_t sampler_most_waiting(void);

/* Readings of all sensors that come in so long a time, at their present rhythms. Thread. */
uint32_t sampler_readings_in(uint32_t ms);

/* Readings that the rhythm asked for and that there are none of: the converter did not answer, the queue
 * was full (SAMPLER_QUEUE), or interrupts were locked for longer than a period. Thread. */
uint32_t sampler_lost(size_t sensor);

#endif
