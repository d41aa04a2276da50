/* The parts of hal.h that are the core's. */
#include "cortex_m.h"
#include "hal.h"

void hal_reset(void) {
    system_reset();
}

HAL_RAMCODE uint32_t hal_irq_lock(void) {
    return irq_save();
}

HAL_RAMCODE void hal_irq_unlock(uint32_t state) {
    irq_restore(state);
}
