"""Has the core stop about every millisecond.

Where Unicorn stops is up to the moment at which it was asked. Asked while an instruction accesses a device
it stops behind the access and before the instruction's end, and does the access again later: a byte would be
read from a FIFO that nobody gets. So it is asked by the access itself, in the core's own thread, which knows
then that the access was done. Only a core that has computed for a while without any access is asked from
the thread here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SLICE_S = 0.001
QUIET_S = 0.002  # of the core's thread's own time: while it waits for a processor, nothing passes


class Ticker:
    """Runs while it is entered, by the thread that made it."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self.is_due = False
        self._stop = stop
        self._runs = threading.Event()
        self._accesses = 0
        self._is_accessing = False
        self._seen = (-1, 0.0)  # how many accesses there were, and when that was seen first
        self._core_time = time.pthread_getcpuclockid(threading.get_ident())
        threading.Thread(target=self._loop, daemon=True).start()

    def __enter__(self) -> None:
        self.is_due = False
        self._seen = (-1, 0.0)
        self._runs.set()

    def __exit__(self, *_: object) -> None:
        self._runs.clear()

    def begin_access(self) -> None:
        """Note that an instruction accesses a device now."""
        self._is_accessing = True
        self._accesses += 1

    def end_access(self) -> None:
        """... and that the device is done."""
        self._is_accessing = False

    def _loop(self) -> None:
        while self._runs.wait():
            time.sleep(SLICE_S)
            if self._runs.is_set():
                self._tick()

    def _tick(self) -> None:
        self.is_due = True
        now = time.clock_gettime(self._core_time)
        accesses, since = self._seen
        if accesses != self._accesses:
            self._seen = (self._accesses, now)
        elif now - since >= QUIET_S and not self._is_accessing:
            self._stop()
