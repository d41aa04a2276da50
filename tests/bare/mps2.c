/* Start-up for QEMU's mps2-an386 (Cortex-M4 with FPU) and mps2-an385 (Cortex-M3), both with 4 MiB of RAM
 * at 0 and 4 MiB at 0x20000000, for programs that need more than a board has.
 * Files, output and the command line come through Arm semihosting; a fault ends the run with 1. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern uint8_t stack_top[], bss_start[], bss_end[];
extern void initialise_monitor_handles(void); /* newlib's rdimon */
extern void __libc_init_array(void);          /* newlib */
int main(int argc, char **argv);

#define CPACR (*(volatile uint32_t *)0xe000ed88) /* Armv7-M Architecture Reference Manual, B3.2.20 */
#define CPACR_FPU (0xfu << 20)
#define SYS_GET_CMDLINE 0x15 /* Semihosting for AArch32 and AArch64, section 6.6 */
#define ARGS_MAX 4

/* newlib calls these before and after main; there is nothing to do. */
void _init(void);
void _init(void) {
}

void _fini(void);
void _fini(void) {
}

static intptr_t semihosting(uint32_t operation, void *block) {
    register uint32_t r0 __asm__("r0") = operation;
    register void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (intptr_t)r0;
}

static int split_command_line(char *text, char **args) {
    int count = 0;
    for (char *word = strtok(text, " "); word != NULL && count < ARGS_MAX; word = strtok(NULL, " ")) {
        args[count++] = word;
    }
    return count;
}

static void reset(void) {
    static char text[512];
    static char *args[ARGS_MAX];
    struct {
        char *text;
        size_t len;
    } block = {text, sizeof text};
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    CPACR |= CPACR_FPU; /* without an FPU these bits are not there */
    initialise_monitor_handles();
    __libc_init_array();
    if (semihosting(SYS_GET_CMDLINE, &block) != 0) {
        exit(2);
    }
    exit(main(split_command_line(text, args), args));
}

static void report_fault(const uint32_t *frame) {
    fprintf(stderr, "fault: pc=%08lx lr=%08lx\n", (unsigned long)frame[6], (unsigned long)frame[5]);
    exit(1);
}

/* An undefined behaviour that the compiler's checks found is an undefined instruction: it is here. */
__attribute__((naked)) static void fault(void) {
    __asm__("mrs r0, msp\n b %0" ::"i"(report_fault));
}

__attribute__((section(".vectors"), used)) void (*const vectors[])(void) = {
    (void (*)(void))stack_top, reset, fault, fault, fault, fault, fault};
