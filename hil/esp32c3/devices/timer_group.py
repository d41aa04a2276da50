"""The watchdog of a timer group (TRM chapter 12); the ROM leaves that of group 0 running."""

from __future__ import annotations

from hil.esp32c3.bus import Registers
from hil.esp32c3.clock import Clock

CONFIG0, HOLD, FEED, PROTECT = 0x48, 0x50, 0x60, 0x64
ENABLE, FLASH_BOOT, KEY = 1 << 31, 1 << 14, 0x50D8_3AA1
BOOT_S = 26_000_000 / 40_000_000  # the reset value of HOLD, while the crystal is the bus clock


class TimerGroup(Registers):
    """Stopping it is all that our firmware does with it."""

    def __init__(self, clock: Clock, *, is_running: bool) -> None:
        super().__init__({CONFIG0: ENABLE | FLASH_BOOT if is_running else 0, PROTECT: KEY})
        self._bites_at = clock.now() + BOOT_S

    def write(self, offset: int, value: int) -> None:
        """Set a register, unless it is locked."""
        if offset == PROTECT or self.read(PROTECT) == KEY:
            super().write(offset, value)

    def stop(self) -> None:
        """Do what the ROM does for its loader."""
        self.values[CONFIG0] = 0

    def deadline(self) -> float | None:
        """When it will bite, in seconds of the clock."""
        return self._bites_at if self.read(CONFIG0) & (ENABLE | FLASH_BOOT) else None
