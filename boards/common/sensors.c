#include "common/board_sensor.h"

size_t hal_sensor_count(void) {
    return board_sensor_count;
}

const struct hal_sensor *hal_sensor_info(size_t index) {
    return &board_sensor_infos[index];
}

HAL_RAMCODE wm_status hal_sensor_take(size_t index, hal_raw *raw) {
    struct board_sensor *sensor = &board_sensors[index];
    return sensor->take(sensor->inputs, sensor->count, raw);
}

wm_status hal_sensor_values(size_t index, const hal_raw *raw, float *values) {
    return board_sensor_conversions[index](raw, board_sensors[index].count, values);
}
