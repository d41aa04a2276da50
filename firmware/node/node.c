#include "node/node.h"

#include "board_config.h"
#include "config.h"
#include "core/loop.h"
#include "hal.h"
#include "node/clock.h"
#include "node/log.h"
#include "node/resources.h"
#include "node/sensor.h"
#include "node/slot.h"
#include "node/trust.h"
#include "runtime.h"
#include "store/pool.h"
#include "store/store.h"

#define TICK_US 1000000u
#define WATCHDOG_MS 4000u

static _Alignas(8) uint8_t arena[MODULE_ARENA_BYTES] __attribute__((section(".arena")));
static _Alignas(8) uint8_t more_arena[MODULE_ARENA_MORE_BYTES];
static uint8_t boot_id[BOOT_ID_BYTES];
static struct loop_timer tick_timer;

const uint8_t *node_boot_id(void) {
    return boot_id;
}

static void tick(void *arg) {
    (void)arg;
    loop_timer_every(&tick_timer, TICK_US, tick, NULL);
    slots_tick(clock_now_ms());
}

static const char *reset_cause_text(hal_reset_cause cause) {
    static const char *const texts[] = {"unknown", "power", "pin", "software", "watchdog", "fault"};
    return texts[cause];
}

static void say_hello(void) {
    const char *fault = hal_last_fault();
    log_line(LOG_INFO, LOG_NODE, "wasmote %s on %s, reset by %s", WASMOTE_VERSION, BOARD_NAME,
             reset_cause_text(hal_get_reset_cause()));
    if (fault)
        log_line(LOG_ERROR, LOG_NODE, "before the reset: %s", fault);
}

/* Power, a person or the program itself may end any start; what else does may be a module's doing. */
static void start_modules(void) {
    hal_reset_cause cause = hal_get_reset_cause();
    bool is_fault = cause != HAL_RESET_POWER && cause != HAL_RESET_PIN && cause != HAL_RESET_SOFTWARE;
    if (hal_starts_without_modules())
        log_line(LOG_WARNING, LOG_NODE, "asked at the start not to start any module");
    slots_start(is_fault, !hal_starts_without_modules());
}

/* The lower one first; which that is differs between a chip and its emulator. */
static void start_arena(void) {
    bool more_first = MODULE_ARENA_MORE_BYTES && (uintptr_t)more_arena < (uintptr_t)arena;
    runtime_arena_init(more_first ? more_arena : arena, more_first ? sizeof more_arena : sizeof arena);
    if (MODULE_ARENA_MORE_BYTES)
        runtime_arena_add(more_first ? arena : more_arena,
                          more_first ? sizeof arena : sizeof more_arena);
}

void node_start(void) {
    hal_random(boot_id, sizeof boot_id);
    start_arena();
    runtime_set_clock(hal_now_us);
    runtime_set_native_stack(hal_stack_limit());
    log_start();
    if (store_start() != WM_OK)
        log_line(LOG_ERROR, LOG_NODE, "the flash takes no records");
    if (trust_is_damaged())
        log_line(LOG_ERROR, LOG_NODE, TRUST_DAMAGED);
    pool_start();
    resources_start();
    sensors_start(slots_deliver);
    hal_watchdog_start(WATCHDOG_MS);
    say_hello();
    start_modules();
    slipmux_link_start();
    if (BOARD_NET)
        udp_link_start();
    loop_timer_every(&tick_timer, TICK_US, tick, NULL);
}
