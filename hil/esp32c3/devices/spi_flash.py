"""SPI 1 as far as the loader's client uses it: it asks the flash who it is (TRM chapter 27)."""

from __future__ import annotations

from hil.esp32c3.bus import Registers
from hil.esp32c3.flash import JEDEC_ID

CMD, USER2, W0 = 0x00, 0x20, 0x58
USR, READ_ID = 1 << 18, 0x9F


class SpiFlash(Registers):
    """One command, which is done at once."""

    def write(self, offset: int, value: int) -> None:
        """Set a register; starting a command ends it."""
        super().write(offset, value)
        if offset == CMD and value & USR:
            self.values[CMD] = 0
            self.values[W0] = JEDEC_ID if self.read(USER2) & 0xFF == READ_ID else 0
