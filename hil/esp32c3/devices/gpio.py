"""The GPIO pins as inputs (TRM chapter 5): all are high but those that are pulled low from outside."""

from __future__ import annotations

from hil.esp32c3.bus import Registers

IN, STRAP = 0x3C, 0x38
BOOT_PIN = 9
ALL_HIGH = (1 << 22) - 1


class Gpio(Registers):
    """The button BOOT pulls pin 9 low."""

    def __init__(self, *, is_boot_pressed: bool) -> None:
        super().__init__({IN: ALL_HIGH})
        if is_boot_pressed:
            self.press_boot()

    def press_boot(self) -> None:
        """Hold it from now on."""
        self.values[IN] = ALL_HIGH & ~(1 << BOOT_PIN)
