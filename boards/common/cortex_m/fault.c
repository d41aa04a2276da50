#include "fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cortex_m4.h"

/* Start-up leaves .noinit alone; magic and CRC tell a text of ours from what RAM holds at power-on. */
#define FAULT_MAGIC 0x464C5421u /* "FLT!" */
static struct {
    uint32_t magic, crc;
    char text[120];
} record __attribute__((section(".noinit")));

/* The handler brings its own stack: the fault may be that the other one is used up. */
static uint64_t fault_stack[48] __attribute__((used));

extern uint32_t __stack_limit[], __stack_top[];

static uint32_t crc32(const char *bytes, size_t len) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint8_t)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

const char *fault_take(void) {
    bool valid = record.magic == FAULT_MAGIC && record.crc == crc32(record.text, sizeof record.text);
    record.magic = 0; /* shown after one reset, not after every later one */
    return valid ? record.text : NULL;
}

static void add_text(const char *text) {
    size_t used = strlen(record.text);
    while (*text && used < sizeof record.text - 1)
        record.text[used++] = *text++;
}

static void add_hex(const char *name, uint32_t value) {
    char digits[9] = {0};
    for (int i = 0; i < 8; i++)
        digits[i] = "0123456789abcdef"[value >> (28 - 4 * i) & 15];
    add_text(name);
    add_text(digits);
}

static const char *exception_name(uint32_t number) {
    static const char *const names[] = {"reset",     "reset",    "NMI",       "HardFault",
                                        "MemManage", "BusFault", "UsageFault"};
    return number < sizeof names / sizeof names[0] ? names[number] : "unexpected interrupt";
}

/* What the core pushed on entry: r0-r3, r12, lr, pc, xpsr; not there when the push itself failed. */
static bool frame_is_readable(const uint32_t *frame) {
    return frame >= __stack_limit && frame + 8 <= __stack_top;
}

static _Noreturn void fault_report(const uint32_t *frame) __attribute__((used));
static _Noreturn void fault_report(const uint32_t *frame) {
    memset(&record, 0, sizeof record);
    uint32_t number = SCB->ICSR & 0x1FFu;
    add_text(exception_name(number));
    if (number >= 16)
        add_hex(" irq=", number - 16);
    if (frame_is_readable(frame)) {
        add_hex(" pc=", frame[6]);
        add_hex(" lr=", frame[5]);
    } else {
        add_hex(" stack overflow, sp=", (uint32_t)(uintptr_t)frame);
    }
    uint32_t cfsr = SCB->CFSR;
    add_hex(" cfsr=", cfsr);
    if (cfsr & SCB_CFSR_BFARVALID)
        add_hex(" addr=", SCB->BFAR);
    else if (cfsr & SCB_CFSR_MMARVALID)
        add_hex(" addr=", SCB->MMFAR);
    record.crc = crc32(record.text, sizeof record.text);
    record.magic = FAULT_MAGIC;
    system_reset();
}

__attribute__((naked)) void fault_handler(void) {
    __asm__ volatile("mrs r0, msp\n"
                     "ldr r1, =fault_stack + %c0\n"
                     "msr msp, r1\n"
                     "b fault_report\n" ::"i"(sizeof fault_stack));
}
