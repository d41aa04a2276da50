"""Standard output and standard error of the gateway: whoever reads them, or does not, holds nothing else up.

A pipe that nobody reads takes 64 KiB and then blocks its writer, one whose reader has ended fails, and so
does a file on a full disk. So a thread of its own writes the lines. What cannot be written, and what comes
while too many lines wait, is dropped and counted; the gateway goes on.
"""

from __future__ import annotations

import errno
import io
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import TextIO

WAITING_MAX = 1000  # lines that wait for the thread
END_S = 1.0  # for what still waits at the end

Tell = Callable[[str, int], None]


class Outlet:
    """Text to a file descriptor (None: there is none), a line at a time. Its methods neither wait nor raise.

    `tell` is called, from either thread, with the fault when lines begin to be lost, and with "" when they
    come through again; both times with how many were lost so far.
    """

    def __init__(self, name: str, descriptor: int | None, tell: Tell, waiting_max: int = WAITING_MAX) -> None:
        self.name = name
        self.lost = 0  # lines
        self.fault = ""  # why the newest one was lost
        self._descriptor = descriptor
        self._tell = tell
        self._waiting_max = waiting_max
        self._waiting: deque[str] = deque()
        self._ending = False
        self._torn = False  # the last line written is not whole
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"writing {name}", daemon=True)

    @classmethod
    def of(cls, name: str, stream: TextIO | None, tell: Tell) -> Outlet:
        """What writes to the descriptor of a standard stream; it is None where that was closed."""
        try:
            return cls(name, None if stream is None else stream.fileno(), tell)
        except io.UnsupportedOperation:
            return cls(name, None, tell)

    def write(self, text: str) -> None:
        """Take whole lines. Together with `flush` it is what loggers need of a file."""
        with self._changed:
            taken = not self._ending and len(self._waiting) < self._waiting_max
            if taken:
                self._waiting.append(text)
                self._changed.notify()
            if taken and not self._thread.is_alive():
                self._thread.start()
        if not taken:
            self._count("nobody reads it")

    def flush(self) -> None:
        """All is written as soon as it can be."""

    def close(self) -> None:
        """Write what waits; what takes too long is dropped."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(END_S)
        with self._changed:
            self.lost += len(self._waiting)
            self._waiting.clear()

    def _run(self) -> None:
        while (text := self._next()) is not None:
            try:
                self._write_all(text)
            except OSError as fault:
                self._count(os.strerror(fault.errno or 0))
            else:
                self._came_through()

    def _next(self) -> str | None:
        with self._changed:
            while not self._waiting:
                if self._ending:
                    return None
                self._changed.wait()
            return self._waiting.popleft()

    def _write_all(self, text: str) -> None:
        if self._descriptor is None:
            raise OSError(errno.EBADF, "closed")
        content = text.encode(errors="backslashreplace")
        content = b"\n" + content if self._torn else content
        while content:
            written = os.write(self._descriptor, content)
            content = content[written:]
            self._torn = bool(content)

    def _count(self, fault: str) -> None:
        with self._changed:
            news = fault != self.fault
            self.lost += 1
            self.fault, lost = fault, self.lost
        if news:
            self._tell(fault, lost)

    def _came_through(self) -> None:
        """Note that a line was written: all is well when no other one waits."""
        with self._changed:
            news, lost = bool(self.fault) and not self._waiting, self.lost
            self.fault = "" if news else self.fault
        if news:
            self._tell("", lost)
