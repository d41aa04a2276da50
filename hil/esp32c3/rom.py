"""Functions of the ROM that the firmware calls, at their addresses (esp-idf, esp32c3.rom.ld)."""

from __future__ import annotations

from collections.abc import Callable

from hil.esp32c3.bus import EmulatorFault
from hil.esp32c3.clock import Clock
from hil.esp32c3.core import Core
from hil.esp32c3.flash import PAGE, SECTOR, SIZE, Flash

OK, FAILED = 0, 1


class Rom:
    """A function that waits for the flash takes the flash's time, in which interrupts are taken."""

    def __init__(self, core: Core, flash: Flash, clock: Clock) -> None:
        self._core, self._flash, self._clock = core, flash, clock
        self._is_cached = self._is_locked = True
        self._ready_at: float | None = None
        self._functions: dict[int, Callable[[], int]] = {
            0x4000_0128: self._erase_sector,
            0x4000_012C: self._write,
            0x4000_0134: self._configure,
            0x4000_0140: self._unlock,
            0x4000_04D8: self._nothing,  # invalidate the cache: there is none
            0x4000_0524: self._suspend,
            0x4000_0528: self._resume,
            0x4000_0588: self._nothing,  # how fast the core is
            0x4000_1960: self._nothing,  # bits of analog parts
        }

    def call(self) -> float | None:
        """Do what the function does that the core is in. Return when to call again, None when it is done."""
        function = self._functions.get(self._core.pc)
        if function is None:
            raise EmulatorFault(f"the ROM's function at {self._core.pc:#x} is not emulated")
        if self._ready_at is None:
            self._result = function()
        if self._ready_at is not None and self._clock.now() < self._ready_at:
            return self._ready_at
        self._ready_at = None
        self._core.return_from_function(self._result)
        return None

    def _takes(self, seconds: float) -> int:
        self._ready_at = self._clock.now() + seconds
        return OK

    def _nothing(self) -> int:
        return OK

    def _configure(self) -> int:
        _, chip, _, sector, page, _ = self._core.arguments(6)
        return OK if (chip, sector, page) == (SIZE, SECTOR, PAGE) else FAILED

    def _unlock(self) -> int:
        self._must_be_suspended()
        self._is_locked = False
        return OK

    def _erase_sector(self) -> int:
        at = self._core.arguments(1)[0] * SECTOR
        if not self._can_change(at, SECTOR):
            return FAILED
        return self._takes(self._flash.erase(at))

    def _write(self) -> int:
        at, data, length = self._core.arguments(3)
        if at % 4 or data % 4 or length % 4 or not self._can_change(at, length):
            return FAILED
        return self._takes(self._flash.program(at, self._core.read_memory(data, length)))

    def _can_change(self, at: int, length: int) -> bool:
        self._must_be_suspended()
        return not self._is_locked and self._flash.holds(at, length)

    def _must_be_suspended(self) -> None:
        if self._is_cached:
            raise EmulatorFault("flash is changed while the cache may read it")

    def _suspend(self) -> int:
        self._is_cached = False
        self._core.show_flash(is_shown=False)
        return OK

    def _resume(self) -> int:
        self._is_cached = True
        self._core.show_flash(is_shown=True)
        return OK
