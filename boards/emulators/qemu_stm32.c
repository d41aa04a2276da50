/* The one file by which an image for QEMU's STM32F405 or STM32F205 (machines netduinoplus2 and
 * netduino2, QEMU 7.2) differs from the shipped one: it stands in for chip.c and flash.c of
 * boards/families/stm32f4 and for escape.c of boards/common/stm32.
 * What QEMU lacks, and what this does instead:
 *
 *   unique id      reading it faults               from the command line (semihosting): id=HEX
 *   reset cause    RCC_CSR reads 0                 noted in RAM that a warm reset keeps
 *   boot escape    no GPIO                         from the command line: without-modules=1
 *   loader         no ROM                          loader=1: who runs QEMU is it, from QEMU's end on
 *   watchdog       IWDG never bites                SysTick's interrupt resets, by time that the board
 *                                                  lives through, not the machine's (qemu_watchdog.h);
 *                                                  unlike the real one not while interrupts are locked
 *   clock          clock=US on the command line starts it there, after each reset
 *   entropy        RNG never has a word            seed=HEX from the command line, and a count of resets
 *   clock rates    RCC is not there                what QEMU's model runs at, whatever RCC says
 *   ADC            never finishes (no EOC)         codes that stand for 25 Cel and a slow ramp
 *   calibration    reading it faults               typical values of the datasheet
 *   flash          registers are not there         a file (qemu_flash.h), with the datasheet's times; an
 *                                                  erase keeps the core in flash_wait.c all the while */
#include "board_config.h"
#include "chip.h"
#include "common/cortex_m/cortex_m.h"
#include "common/cortex_m/start.h"
#include "flash_times.h"
#include "flash_wait.h"
#include "qemu.h"
#include "qemu_watchdog.h"
#include "series.h"
#include "stm32f4.h"
#include "usart.h"

#define FLASH_WORD_US 16u /* DS8626 table 41, typical, 32 bits at a time */
#include "qemu_flash.h"

#define QEMU_CORE_HZ BOARD_CORE_HZ /* what the machine's CPU clock is fixed to, too */
#define QEMU_TIMER_HZ 1000000000u  /* its timers count nanoseconds */

size_t chip_unique_id(uint8_t *out, size_t cap) {
    return qemu_unique_id(out, cap);
}

/* The clock is where it should be once its 32 bits have run over so often: each time it is looked at, it
 * sees that. */
static void turn_clock_to(uint64_t us) {
    for (uint32_t runs = (uint32_t)(us >> 32); runs > 0; runs--) {
        TIM2->CNT = UINT32_MAX / 2;
        hal_now_us();
        TIM2->CNT = 0;
        hal_now_us();
    }
    TIM2->CNT = (uint32_t)us;
}

/* Once, when time runs and nothing goes by it yet. */
hal_reset_cause chip_reset_cause(void) {
    turn_clock_to(qemu_clock_us());
    return qemu_reset_cause();
}

bool chip_entropy(uint32_t *word, uint32_t max_us) {
    (void)max_us;
    *word = qemu_entropy();
    return true;
}

bool chip_escape(void) {
    return qemu_escape();
}

bool chip_has_loader(void) {
    return BOARD_LOADER_HEARS_LINK && qemu_has_loader();
}

void chip_choose_loader(void) {
    qemu_start_loader();
}

void before_start(void) {
}

/* ---- watchdog --------------------------------------------------------------------------------- */

/* SysTick stops when it has interrupted, and its handler arms it again. */
void chip_tick(void) {
    watchdog_look();
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
    return (struct chip_calibration){.vrefint = 1502, .at_30 = 943, .at_110 = 1191, .volts = 3.3f};
}

/* 25 Cel is 16 codes below 30 Cel; other inputs rise by one code every 16 ms. */
wm_status chip_adc_convert(uint8_t channel, uint16_t *code) {
    struct chip_calibration cal = chip_calibration();
    if (channel == SERIES_ADC_VREFINT)
        *code = cal.vrefint;
    else if (channel == SERIES_ADC_TEMPERATURE)
        *code = (uint16_t)(cal.at_30 - 16);
    else
        *code = (uint16_t)((hal_now_us() >> 14) & 0xFFFu);
    return WM_OK;
}

/* ---- flash ------------------------------------------------------------------------------------ */

void chip_flash_begin(uint32_t control) {
    (void)control;
}

/* QEMU takes two minutes for the 10^7 looks of a second at the clock, when it counts instructions: it
 * sleeps in between, until a byte comes or the alarm is due. */
bool chip_flash_is_busy(void) {
    if (hal_now_us() >= flash_ready_us)
        return false;
    nvic_forget(IRQ_LINK);
    SCB->ICSR = SCB_ICSR_PENDSTCLR;
    hal_idle(flash_ready_us);
    return true;
}

/* The chip stands still, but for what waits in RAM. */
static void flash_erasing(void) {
    flash_wait_for(0);
}
