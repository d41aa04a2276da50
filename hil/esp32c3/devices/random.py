"""The random number generator (TRM chapter 25), in the page of the APB controller."""

from __future__ import annotations

import secrets

from hil.esp32c3.bus import Registers

DATA = 0xB0


class RandomGenerator(Registers):
    """Fresh random bits at each read."""

    def read(self, offset: int) -> int:
        """Return a register."""
        return secrets.randbits(32) if offset == DATA else super().read(offset)
