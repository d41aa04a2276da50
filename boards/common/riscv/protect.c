#include "protect.h"

#include "riscv.h"

enum { PMP_READ = 1, PMP_WRITE = 2, PMP_EXECUTE = 4, PMP_TO = 1 << 3, PMP_LOCK = 1 << 7 };

extern uint8_t __flash_start[], __sram_start[], __sram_end[];

/* Each entry reaches from the address of the one before to its own. */
void protect_memory(uint32_t end) {
    csr_write(pmpaddr0, (uint32_t)__flash_start >> 2);
    csr_write(pmpaddr1, (uint32_t)__sram_start >> 2);
    csr_write(pmpaddr2, (uint32_t)__sram_end >> 2);
    csr_write(pmpaddr3, end >> 2);
    uint32_t flash = PMP_LOCK | PMP_TO | PMP_READ | PMP_EXECUTE;
    uint32_t sram = PMP_LOCK | PMP_TO | PMP_READ | PMP_WRITE;
    uint32_t nothing = PMP_LOCK | PMP_TO;
    csr_write(pmpcfg0, flash << 8 | sram << 16 | nothing << 24);
}
