/* The board's sensors as generated from board.toml: what the HAL shows, and which driver reads it. */
#ifndef WASMOTE_BOARD_SENSOR_H
#define WASMOTE_BOARD_SENSOR_H

#include "hal.h"

/* One driver function: fills a value for each of `count` inputs (board.toml `inputs`, whose meaning
 * is the driver's; without them count is the number of channels and inputs is NULL).
 * WM_OK, or WM_EIO when the hardware did not answer. */
typedef wm_status board_sensor_driver(const uint8_t *inputs, size_t count, float *values);

struct board_sensor {
    struct hal_sensor info;
    board_sensor_driver *read;
    const uint8_t *inputs;
};

extern const struct board_sensor board_sensors[];
extern const size_t board_sensor_count;

#endif
