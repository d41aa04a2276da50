/* The board's sensors as generated from board.toml: what the HAL shows, and which driver reads it. */
#ifndef WASMOTE_BOARD_SENSOR_H
#define WASMOTE_BOARD_SENSOR_H

#include "hal.h"

#define BOARD_SENSOR_INPUTS 8

/* A driver NAME is two functions, for `count` channels. NAME_take reads them, from `inputs` where
 * board.toml has any, whose meaning is the driver's; it is HAL_RAMCODE, and waits as hal_sensor_take()
 * may. NAME_values makes a value for each channel of what the other noted. WM_OK, or WM_EIO when the
 * hardware did not answer. */
typedef wm_status board_sensor_take(const uint8_t *inputs, size_t count, hal_raw *raw);
typedef wm_status board_sensor_values(const hal_raw *raw, size_t count, float *values);

struct board_sensor {
    board_sensor_take *take;
    uint8_t inputs[BOARD_SENSOR_INPUTS];
    uint8_t count;
};

extern struct board_sensor board_sensors[]; /* not const: needed while flash cannot be read */
extern const struct hal_sensor board_sensor_infos[];
extern board_sensor_values *const board_sensor_conversions[];
extern const size_t board_sensor_count;

#endif
