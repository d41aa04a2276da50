"""SAR ADC 1 and the temperature sensor (TRM chapter 34): 20.7 Cel, and half of the range at each pin."""

from __future__ import annotations

from hil.esp32c3.bus import Registers

ONETIME_SAMPLE, DATA, INT_RAW, INT_CLR, TSENS_CTRL = 0x20, 0x2C, 0x44, 0x4C, 0x58
START, DONE, TSENS_PU = 1 << 29, 1 << 31, 1 << 22
TEMPERATURE_CODE = 94
CHANNELS = range(5)


class Analog(Registers):
    """A conversion is done at once. Channels differ by a code each, so that they can be told apart."""

    def read(self, offset: int) -> int:
        """Return a register; the temperature sensor measures while it has power."""
        value = super().read(offset)
        if offset == TSENS_CTRL and value & TSENS_PU:
            return value & ~0xFF | TEMPERATURE_CODE
        return value

    def write(self, offset: int, value: int) -> None:
        """Set a register; starting a conversion of a channel that is there ends it."""
        super().write(offset, value)
        channel = value >> 25 & 0xF
        if offset == INT_CLR:
            self.values[INT_RAW] = self.read(INT_RAW) & ~value
        elif offset == ONETIME_SAMPLE and value & START and channel in CHANNELS:
            self.values[DATA] = 0x800 + channel
            self.values[INT_RAW] = self.read(INT_RAW) | DONE
