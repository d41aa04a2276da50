/* The one file by which an image for QEMU's STM32F405 (machine netduinoplus2, QEMU 7.2) differs from
 * the shipped one: it stands in for boards/families/stm32f4/chip.c. What QEMU lacks, and what this
 * does instead:
 *
 *   unique id      reading it faults               from the command line (semihosting): id=HEX
 *   reset cause    RCC_CSR reads 0                 noted in RAM that a warm reset keeps
 *   watchdog       IWDG never bites                SysTick's interrupt resets; unlike the real one it
 *                                                  cannot while interrupts are locked, nor in hal_idle()
 *   entropy        RNG never has a word            seed=HEX from the command line, and a count of resets
 *   clock rates    RCC is not there                what QEMU's model runs at, whatever RCC says
 *   ADC            never finishes (no EOC)         codes that stand for 25 Cel and a slow ramp
 *   calibration    reading it faults               typical values of the datasheet
 *
 * Semihosting must be on: -semihosting-config
 * enable=on,target=native,arg=wasmote,arg=id=...,arg=seed=... */
#include <stdlib.h>
#include <string.h>

#include "chip.h"
#include "common/cortex_m/cortex_m4.h"
#include "stm32f4.h"

#define QEMU_CORE_HZ 168000000u   /* the machine's fixed CPU clock */
#define QEMU_TIMER_HZ 1000000000u /* its timers count nanoseconds */

/* ---- command line: Arm semihosting, SYS_GET_CMDLINE ------------------------------------------ */

#define SYS_GET_CMDLINE 0x15

static char command_line[160];

static int semihosting(int operation, void *block) {
    register int r0 __asm__("r0") = operation;
    register void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

/* The text after "key=", up to the next blank; "" when it is not there. */
static const char *argument(const char *key) {
    struct {
        char *text;
        uint32_t cap;
    } block = {command_line, sizeof command_line};
    if (command_line[0] == 0 && semihosting(SYS_GET_CMDLINE, &block) != 0)
        return "";
    const char *found = strstr(command_line, key);
    return found ? found + strlen(key) : "";
}

static unsigned hex_digit(char c) {
    return c >= 'a' ? (unsigned)(c - 'a' + 10) : (unsigned)(c - '0');
}

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

size_t chip_unique_id(uint8_t *out, size_t cap) {
    const char *hex = argument(" id=");
    size_t len = 0;
    for (; len < cap && is_hex(hex[0]) && is_hex(hex[1]); hex += 2)
        out[len++] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
    return len;
}

/* ---- reset cause ------------------------------------------------------------------------------ */

#define WARM_MAGIC 0x51454D55u
static struct {
    uint32_t magic;
    uint32_t resets;
    hal_reset_cause next; /* what the reset that comes will have been */
} warm __attribute__((section(".noinit")));

hal_reset_cause chip_reset_cause(void) {
    if (warm.magic != WARM_MAGIC) {
        warm.magic = WARM_MAGIC;
        warm.resets = 0;
        warm.next = HAL_RESET_POWER;
    }
    hal_reset_cause cause = warm.next;
    warm.next = HAL_RESET_SOFTWARE;
    warm.resets++;
    return cause;
}

/* ---- entropy ---------------------------------------------------------------------------------- */

bool chip_entropy(uint32_t *word, uint32_t max_us) {
    (void)max_us;
    static uint32_t calls;
    uint32_t hash = 2166136261u; /* FNV-1a over the seed, the number of resets and of calls */
    for (const char *seed = argument(" seed="); is_hex(*seed); seed++)
        hash = (hash ^ (uint8_t)*seed) * 16777619u;
    hash = (hash ^ warm.resets) * 16777619u;
    *word = (hash ^ calls++) * 16777619u;
    return true;
}

/* ---- watchdog --------------------------------------------------------------------------------- */

/* SysTick is free from the feed at the start of a loop turn until hal_idle() arms it for its own
 * purpose, and that is where a hang would be. (The alarms of QEMU 7.2's TIM2-5 come late by the time
 * since QEMU's start.) */
#define PERIOD_MS 50u
static uint32_t timeout_periods;
static volatile uint32_t periods_left;

void systick_handler(void);

void systick_handler(void) {
    if (periods_left == 0 || --periods_left > 0)
        return;
    warm.next = HAL_RESET_WATCHDOG;
    system_reset();
}

void chip_watchdog_start(uint32_t timeout_ms) {
    timeout_periods = timeout_ms / PERIOD_MS + 1;
    chip_watchdog_feed();
}

void chip_watchdog_feed(void) {
    periods_left = timeout_periods;
    SYSTICK->RVR = QEMU_CORE_HZ / 8 / 1000 * PERIOD_MS;
    SYSTICK->CVR = 0;
    SYSTICK->CSR = SYSTICK_ENABLE | SYSTICK_TICKINT;
}

/* ---- clocks ----------------------------------------------------------------------------------- */

uint32_t chip_core_hz(void) {
    return QEMU_CORE_HZ;
}

uint32_t chip_timer_hz(void) {
    return QEMU_TIMER_HZ;
}

/* ---- ADC -------------------------------------------------------------------------------------- */

struct chip_calibration chip_calibration(void) {
    return (struct chip_calibration){.vrefint = 1502, .at_30 = 943, .at_110 = 1191};
}

/* 25 Cel is 16 codes below 30 Cel; other inputs rise by one code every 16 ms. */
wm_status chip_adc_convert(uint8_t channel, uint16_t *code) {
    struct chip_calibration cal = chip_calibration();
    if (channel == ADC_VREFINT)
        *code = cal.vrefint;
    else if (channel == ADC_TEMPERATURE)
        *code = (uint16_t)(cal.at_30 - 16);
    else
        *code = (uint16_t)((hal_now_us() >> 14) & 0xFFFu);
    return WM_OK;
}
