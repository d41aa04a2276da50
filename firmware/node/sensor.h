/* The sensors of the node: the board's own, read in a fixed rhythm (node/sampler.h), and those that a
 * module declares and that are fed from outside (injected). A reading is one time and one value a
 * channel.
 */
#ifndef WASMOTE_SENSOR_H
#define WASMOTE_SENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "node/manifest.h"

#define SENSOR_TEXTS_CAP 96 /* encoded channel names, or units, of one sensor */

struct sensor {
    bool used;
    bool injected;
    char name[NAME_CAP];
    uint32_t channels;
    uint8_t channel[SENSOR_TEXTS_CAP]; /* CBOR array of texts */
    size_t channel_len;
    uint8_t unit[SENSOR_TEXTS_CAP];
    size_t unit_len;
    float value[SENSOR_CHANNELS_MAX];
    int64_t time_ms;
    bool has_reading;
    uint32_t readings;
};

typedef void sensor_listener(int sensor, int64_t time_ms, const float *values, size_t channels);

/* Finds the board's sensors and starts to read them; `listener` hears every reading. */
void sensors_start(sensor_listener *listener);

/* 0..SENSORS_MAX-1; NULL where there is none. */
struct sensor *sensor_at(int index);

/* Its index, or WM_ENOENT. */
int sensor_find(const char *name);

/* Could this node offer the input? WM_ENOENT / WM_EINVAL / WM_ENOMEM with a reason. */
wm_status sensor_check(const struct manifest_input *input, char *why, size_t why_cap);

/* The sensor of an input, created when it is to be injected. Its index, or as sensor_check(). */
int sensor_bind(const struct manifest_input *input, char *why, size_t why_cap);

/* How often a board sensor is read. The rhythm stays where it was the same before. Nothing to an
 * injected one. */
void sensor_pace(int index, uint32_t period_ms);

/* An injected sensor nobody listens to any more. */
void sensor_remove(int index);

/* Forgets the newest reading of an injected sensor, so that its times may begin anew. */
void sensor_begin_anew(int index);

/* Takes a reading in and hands it on. WM_EAGAIN: not later than the newest one; nothing done. */
wm_status sensor_publish(int index, int64_t time_ms, const float *values);

/* Reads a board sensor now, so that a GET is not a period old. */
wm_status sensor_refresh(int index);

/* Readings of a board sensor that were due and that there are none of (sampler_lost()). */
uint32_t sensor_lost(int index);

/* Readings of the board's sensors that come, at most, while a sector is erased: what of them is more
 * than SAMPLER_QUEUE would be lost. */
uint32_t sensors_readings_in_erase(void);

/* Says in the log when these rates have become too high for the queue. */
void sensors_check_rates(void);

#endif
