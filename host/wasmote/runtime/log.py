"""The log of a node that is this machine: firmware/node/log.c, for slots under wasmtime."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from wasmote.wire.codec import encode
from wasmote.wire.log import LogLevel, LogLine

LINES_MAX = 1000
ANSWER_LINES = 32  # in one answer
TEXT_MAX = 120  # bytes


@dataclass(slots=True)
class HostLog:
    """The newest lines; `grown` is called when one was added."""

    clock_ms: Callable[[], int]
    grown: Callable[[], None]
    next_seq: int = 0
    lines: deque[LogLine] = field(default_factory=lambda: deque(maxlen=LINES_MAX))

    def add(self, slot: int, level: int, text: str) -> None:
        """Keep a line of the module in this slot. A level that is none is taken as info."""
        known = LogLevel(level) if 0 <= level <= LogLevel.DEBUG else LogLevel.INFO
        cut = text.encode()[:TEXT_MAX].decode(errors="ignore")
        self.lines.append(LogLine(self.next_seq, self.clock_ms(), known, slot, cut))
        self.next_seq += 1
        self.grown()

    def answer(self, query: str) -> bytes:
        """`GET /log`."""
        found = list(self.lines)
        if query == "":
            found = found[-1:]
        elif query != "since=none":
            first = int(query.removeprefix("since=")) + 1 & 0xFFFF_FFFF
            found = [line for line in found if line.seq >= first]
        return encode([line.to_item() for line in found[:ANSWER_LINES]])
