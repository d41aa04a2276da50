/* Memory protection for all of the address space, bottom to top: entries must not overlap on this chip
 * (TRM section 1.7). Each reaches from the one before to its own end, and is locked until the next
 * reset. */
#include "common/riscv/riscv.h"
#include "esp32c3.h"
#include "parts.h"

enum { PMP_READ = 1, PMP_WRITE = 2, PMP_EXECUTE = 4, PMP_TO = 1 << 3, PMP_LOCK = 1 << 7 };
enum {
    NONE = PMP_LOCK | PMP_TO,
    R = NONE | PMP_READ,
    RW = R | PMP_WRITE,
    RX = R | PMP_EXECUTE,
};

extern uint8_t __sram_start[], __iram_limit[];

#define FOUR(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/* The other view of iram lies between the flash window and sram: not to be written. */
void memory_protect(void) {
    csr_write(pmpaddr0, FLASH_WINDOW >> 2);
    csr_write(pmpaddr1, (FLASH_WINDOW + FLASH_WINDOW_BYTES) >> 2);
    csr_write(pmpaddr2, (uint32_t)__sram_start >> 2);
    csr_write(pmpaddr3, 0x3FCE0000u >> 2); /* the end of internal SRAM; its top is the ROM's */
    csr_write(pmpcfg0, FOUR(NONE, R, NONE, RW));
    csr_write(pmpaddr4, 0x40000000u >> 2); /* constants of the ROM */
    csr_write(pmpaddr5, 0x40060000u >> 2); /* its code */
    csr_write(pmpaddr6, 0x40380000u >> 2);
    csr_write(pmpaddr7, (uint32_t)__iram_limit >> 2);
    csr_write(pmpcfg1, FOUR(R, RX, NONE, RX));
    csr_write(pmpaddr8, 0x42000000u >> 2);
    csr_write(pmpaddr9, (0x42000000u + FLASH_WINDOW_BYTES) >> 2);
    csr_write(pmpaddr10, 0x60000000u >> 2);
    csr_write(pmpaddr11, 0x600D1000u >> 2); /* peripherals */
    csr_write(pmpcfg2, FOUR(NONE, RX, NONE, RW));
    csr_write(pmpaddr12, UINT32_MAX >> 2);
    csr_write(pmpcfg3, FOUR(NONE, 0, 0, 0));
}
