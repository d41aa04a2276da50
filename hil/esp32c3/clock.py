"""Time as the board counts it.

It is what the emulator computed and what it slept: while this machine does something else, no time passes on
the board, or a module would run out of its time for no reason of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Seconds since power-on, for the thread that made it."""

    def __init__(self) -> None:
        self._slept = 0.0
        self._started = time.thread_time()

    def now(self) -> float:
        """Seconds since power-on."""
        return time.thread_time() - self._started + self._slept

    def sleep(self, wait: Callable[[], None]) -> None:
        """Do what waits, and count how long that took."""
        began = time.monotonic()
        wait()
        self._slept += time.monotonic() - began
