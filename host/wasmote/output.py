"""Files that a command writes to for as long as it runs: standard output and error, the trace of a link.

One that takes no more - the disk is full, nobody reads the pipe - ends the command, wherever the write was:
in the command itself, in a task beside it, or in a callback, from which an exception would get nowhere.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

_on_fault: list[Callable[[OutputFault], None]] = []


class OutputFault(OSError):
    """Something that is written to takes no more. `place` says what."""

    def __init__(self, place: str, fault: OSError) -> None:
        super().__init__(fault.errno, fault.strerror)
        self.place = place

    @property
    def is_left(self) -> bool:
        """Whether whoever read it has gone (`wasmote ls | head`), which is nothing to complain of."""
        return self.errno == errno.EPIPE

    def __str__(self) -> str:
        return f"{self.place}: cannot be written: {self.strerror}"


class Output(io.FileIO):
    """A file whose faults are `OutputFault`s, and are told to whom `calling` names as well."""

    def __init__(self, file: str | int, place: str) -> None:
        super().__init__(file, "wb", closefd=not isinstance(file, int))
        self._place = place

    def write(self, data: object, /) -> int:
        """Write what there is room for; return how many bytes. Raises `OutputFault`."""
        try:
            return super().write(data)  # type: ignore[arg-type] # any buffer
        except OSError as fault:
            told = OutputFault(self._place, fault)
            for tell in _on_fault:
                tell(told)
            raise told from fault


@contextlib.contextmanager
def calling(tell: Callable[[OutputFault], None]) -> Iterator[None]:
    """Call `tell` with each fault, before it is raised, as long as this lasts."""
    _on_fault.append(tell)
    try:
        yield
    finally:
        _on_fault.remove(tell)


@contextlib.contextmanager
def guarded_streams() -> Iterator[None]:
    """Let standard output and error be `Output`s. Where one takes no more, say so and exit with status 1."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _guarded(sys.stdout, "standard output"), _guarded(sys.stderr, "standard error")
    try:
        try:
            yield
        except SystemExit:
            _flush()
            raise
        _flush()
    except OutputFault as fault:
        _say(fault)
        _let_go()
        raise SystemExit(1) from None
    finally:
        sys.stdout, sys.stderr = before


def _guarded(stream: TextIO | None, place: str) -> TextIO:
    """Return the same stream as an `Output`; one that a test has put there as it is."""
    if stream is None:  # closed by the shell: what is opened next must not get its number
        number = os.open(os.devnull, os.O_RDONLY)
        return io.TextIOWrapper(io.BufferedWriter(Output(number, place)), "utf-8")
    try:
        raw = Output(stream.fileno(), place)
    except io.UnsupportedOperation:
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(raw), stream.encoding, stream.errors, newline="\n", line_buffering=_by_line(stream)
    )


def _by_line(stream: TextIO) -> bool:
    return isinstance(stream, io.TextIOWrapper) and stream.line_buffering


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _say(fault: OutputFault) -> None:
    if fault.is_left:
        return
    with contextlib.suppress(OutputFault):  # it may be standard error that is full
        print(f"error: {fault}", file=sys.stderr, flush=True)


def _let_go() -> None:
    """Drop what could not be written, or Python would try it again, and complain, on its way out."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OutputFault:
            os.dup2(nowhere, stream.fileno())
