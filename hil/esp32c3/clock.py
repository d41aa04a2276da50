"""Time as the board counts it: that of this machine, from power-on."""

from __future__ import annotations

import time


class Clock:
    """Seconds since power-on."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def now(self) -> float:
        """Seconds since power-on."""
        return time.monotonic() - self._started
