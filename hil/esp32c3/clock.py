"""Time as the board counts it.

It is what the emulator computed and what it slept: while this machine does something else, no time passes on
the board, or a module would run out of its time, and the watchdogs bite, for no reason of the board's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable

STEP_S = 1e-6  # of an instruction, where they are counted
LATE_S = 0.001  # what waking up from a sleep may take where a processor is free


class Clock:
    """Seconds since power-on, for the thread that made it."""

    def __init__(self) -> None:
        self._slept = 0.0
        self._started = time.thread_time()
        self._computed: float | None = None  # once instructions are counted

    def now(self) -> float:
        """Seconds since power-on."""
        computed = time.thread_time() - self._started if self._computed is None else self._computed
        return computed + self._slept

    def count_steps(self) -> None:
        """From now on what the emulator computes counts by instructions."""
        if self._computed is None:
            self._computed = time.thread_time() - self._started

    def step(self) -> None:
        """Count an instruction."""
        assert self._computed is not None
        self._computed += STEP_S

    def sleep(self, wait: Callable[[float | None], None], timeout_s: float | None) -> None:
        """Wait at most that long, and count how long that took, but not what this machine was late."""
        began = time.monotonic()
        wait(timeout_s)
        slept = time.monotonic() - began
        self._slept += slept if timeout_s is None else min(slept, max(timeout_s, 0.0) + LATE_S)
