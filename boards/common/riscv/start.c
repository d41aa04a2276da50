/* The way from reset to main(). The first instruction of an image; the symbols are the linker script's.
 *
 * Interrupts are locked by mstatus alone: an ESP32-C3 has no mie, and takes a write to it as an illegal
 * instruction. tp: picolibc's errno is thread-local. gp: short addresses for small variables. */
__asm__(".pushsection .start, \"ax\", @progbits\n"
        ".global _start\n"
        "_start:\n"
        "csrci mstatus, 8\n"
        ".option push\n"
        ".option norelax\n"
        "la gp, __global_pointer$\n"
        ".option pop\n"
        "la tp, __tls_start\n"
        "la sp, __stack_top\n"
        "la t0, __vectors\n"
        "ori t0, t0, 1\n" /* vectored: an interrupt goes to __vectors + 4 * its number, a fault to the
                             first */
        "csrw mtvec, t0\n"
        "call memory_start\n"
        "call main\n"
        "call hal_reset\n" /* main() does not return */
        ".popsection\n");

/* Aligned to 256 bytes and vectored, as the core of an ESP32-C3 has it and nothing else. */
__asm__(".pushsection .vectors, \"ax\", @progbits\n"
        ".balign 256\n"
        ".global __vectors\n"
        "__vectors:\n"
        ".option push\n"
        ".option norvc\n"
        "j fault_entry\n"
        ".rept 31\n"
        "j interrupt_entry\n"
        ".endr\n"
        ".option pop\n"
        ".popsection\n");
