"""`/log`: lines of the node and of its modules."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Self

from wasmote.wire.codec import Payload, PayloadFault, array, integer, text, unsigned


class LogLevel(enum.IntEnum):
    """How much a line matters."""

    ERROR = 0
    WARNING = 1
    INFO = 2
    DEBUG = 3


@dataclass(frozen=True, slots=True)
class LogLine(Payload):
    """One line. `slot` is the module's slot, or -1 for the node itself."""

    seq: int
    time_ms: int
    level: LogLevel
    slot: int
    text: str

    @classmethod
    def from_item(cls, item: object, where: str = "/log") -> Self:
        """Read `[seq, time, level, slot, text]`."""
        parts = array(item, where)
        if len(parts) < 5:
            raise PayloadFault(where, f"expected 5 items, found {len(parts)}")
        level = min(unsigned(parts[2], where), LogLevel.DEBUG)
        return cls(
            seq=unsigned(parts[0], where),
            time_ms=integer(parts[1], where),
            level=LogLevel(level),
            slot=integer(parts[3], where),
            text=text(parts[4], where),
        )

    def to_item(self) -> list[object]:
        """Return `[seq, time, level, slot, text]`."""
        return [self.seq, self.time_ms, int(self.level), self.slot, self.text]
