"""Time as the board counts it.

It is what the emulator computed and what it slept: while this machine does something else, no time passes on
the board, or a module would run out of its time, and the watchdogs bite, for no reason of the board's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable

LATE_S = 0.001  # what waking up from a sleep may take where a processor is free


class Clock:
    """Seconds since power-on, for the thread that made it."""

    def __init__(self) -> None:
        self._slept = 0.0
        self._started = time.thread_time()

    def now(self) -> float:
        """Seconds since power-on."""
        return time.thread_time() - self._started + self._slept

    def sleep(self, wait: Callable[[float | None], None], timeout_s: float | None) -> None:
        """Wait at most that long, and count how long that took, but not what this machine was late."""
        began = time.monotonic()
        wait(timeout_s)
        slept = time.monotonic() - began
        self._slept += slept if timeout_s is None else min(slept, max(timeout_s, 0.0) + LATE_S)
