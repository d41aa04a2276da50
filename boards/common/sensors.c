#include "common/board_sensor.h"

size_t hal_sensor_count(void) {
    return board_sensor_count;
}

const struct hal_sensor *hal_sensor_info(size_t index) {
    return &board_sensors[index].info;
}

wm_status hal_sensor_read(size_t index, float *values) {
    const struct board_sensor *sensor = &board_sensors[index];
    return sensor->read(sensor->inputs, sensor->info.channels, values);
}
