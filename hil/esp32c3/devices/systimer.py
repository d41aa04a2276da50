"""The system timer (TRM chapter 10): 16 MHz, 52 bits; unit 0 and its three targets, which go off once."""

from __future__ import annotations

from hil.esp32c3.bus import Registers
from hil.esp32c3.clock import Clock

CONF, UNIT0_OP = 0x00, 0x04
TARGET_HI, TARGET_LO, COMP_LOAD = 0x1C, 0x20, 0x50
VALUE_HI, VALUE_LO = 0x40, 0x44
INT_ENA, INT_RAW, INT_CLR, INT_ST = 0x64, 0x68, 0x6C, 0x70
UPDATE, VALID = 1 << 30, 1 << 29
HZ = 16_000_000
BITS = 52
HALF = 1 << BITS - 1
SOURCES = (37, 38, 39)


class SystemTimer(Registers):
    """A target is compared with what was loaded into it, not with what its registers hold.

    `ahead_us`: by how much it has run on when it is read for the second time, or soon after, as on a board
    that runs for years: the first reading is where the firmware's time begins, and from one to the next
    it runs on by less than half of what it counts.
    """

    def __init__(self, clock: Clock, ahead_us: int = 0) -> None:
        super().__init__({CONF: 0x4600_0000})
        self._clock = clock
        self._ahead = 0  # what it has run on so far, in counts
        self._to_come = ahead_us * HZ // 1_000_000
        self._is_read = False
        self._raw = 0
        self._targets: dict[int, int] = {}  # loaded and not reached

    def read(self, offset: int) -> int:
        """Return a register; the status is that of now."""
        if offset == UNIT0_OP:
            return VALID
        if offset == INT_RAW:
            return self._status()
        if offset == INT_ST:
            return self._status() & self.read(INT_ENA)
        return super().read(offset)

    def write(self, offset: int, value: int) -> None:
        """Set a register; some of them do something."""
        super().write(offset, value)
        if offset == UNIT0_OP and value & UPDATE:
            self._run_on()
            count = self._count() % (1 << BITS)
            self.values |= {VALUE_HI: count >> 32, VALUE_LO: count & 0xFFFF_FFFF}
        elif offset == INT_CLR:
            self._raw &= ~value
        elif offset in (COMP_LOAD, COMP_LOAD + 4, COMP_LOAD + 8):
            number = (offset - COMP_LOAD) // 4
            self._targets[number] = self._whole(
                self.read(TARGET_HI + 8 * number) << 32 | self.read(TARGET_LO + 8 * number)
            )

    def now_us(self) -> int:
        """Return its count in microseconds."""
        return self._count() * 1_000_000 // HZ

    def active(self) -> list[int]:
        """Return the sources that interrupt now."""
        status = self.read(INT_ST)
        return [source for number, source in enumerate(SOURCES) if status >> number & 1]

    def deadline(self) -> float | None:
        """When the next target will be reached, in seconds of the clock."""
        return min(((self._targets[number] - self._ahead) / HZ for number in self._armed()), default=None)

    def _armed(self) -> list[int]:
        return [number for number in self._targets if self.read(CONF) >> (24 - number) & 1]

    def _run_on(self) -> None:
        step = min(self._to_come, HALF - 1) if self._is_read else 0
        self._is_read = True
        self._ahead += step
        self._to_come -= step

    def _count(self) -> int:
        """Return what it would have counted if it had more bits."""
        return self._ahead + int(self._clock.now() * HZ)

    def _whole(self, target: int) -> int:
        """Return the count at which a target of 52 bits is reached: it lies at most half of them from now."""
        count = self._count()
        return count + (target - count + HALF) % (2 * HALF) - HALF

    def _status(self) -> int:
        count = self._count()
        for number in self._armed():
            if self._targets[number] <= count:
                self._raw |= 1 << number
                del self._targets[number]
        return self._raw
