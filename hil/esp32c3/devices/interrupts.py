"""The interrupt matrix (TRM chapter 8): which source goes to which of the core's interrupts."""

from __future__ import annotations

from collections.abc import Iterable

from hil.esp32c3.bus import Registers

ENABLE, PRIORITY_0, THRESHOLD = 0x104, 0x114, 0x194
NUMBERS = range(1, 32)


class InterruptMatrix(Registers):
    """All interrupts are level-triggered here: they last for as long as their source does."""

    def pending(self, sources: Iterable[int]) -> int | None:
        """Return the core's interrupt to take while these sources are active."""
        active = {self.read(4 * source) & 31 for source in sources}
        enabled = self.read(ENABLE)
        threshold = max(self.read(THRESHOLD), 1)  # priority 0 is never taken
        candidates = [
            (-priority, number)
            for number in NUMBERS
            if number in active and enabled >> number & 1
            for priority in [self.read(PRIORITY_0 + 4 * number)]
            if priority >= threshold
        ]
        return min(candidates)[1] if candidates else None
