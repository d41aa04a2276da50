#include "hal.h"
#include "riscv.h"

uint32_t hal_irq_lock(void) {
    return irq_save();
}

void hal_irq_unlock(uint32_t state) {
    irq_restore(state);
}
