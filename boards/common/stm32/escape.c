/* The line that board.toml names for the boot escape (RM0090 chapter 8). The UART takes its pin later.
 */
#include "board_config.h"
#include "common/bare/chip.h"
#include "common/bare/escape.h"
#include "gpio.h"

static bool is_active(void) {
    return (GPIO(BOARD_ESCAPE_PORT)->IDR >> BOARD_ESCAPE_PIN & 1u) == BOARD_ESCAPE_ACTIVE;
}

bool chip_escape(void) {
    gpio_input(BOARD_ESCAPE_PORT, BOARD_ESCAPE_PIN, BOARD_ESCAPE_ACTIVE ? GPIO_PULL_DOWN : GPIO_PULL_UP);
    return BOARD_ESCAPE_IS_BREAK ? escape_break(is_active) : escape_button(is_active);
}
