"""The answers that a module got to its calls in an event, given once more: as firmware/node/replay.c does."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import cast

from wasmote.runtime.guest import HostRefusal
from wasmote.wire.trace import Call, Function


class Strayed(HostRefusal):
    """The module calls something else than in the recording."""


class Script:
    """The calls of one recorded event, which is `number`. Every method raises Strayed."""

    def __init__(self, number: int, calls: Sequence[Call]) -> None:
        self._number = number
        self._calls = deque(calls)

    def sensor_read(self, input_: int, room: int) -> tuple[int, bytes]:
        """The result and the values."""
        asked, result, *values = self._next(Function.SENSOR_READ)
        read = cast("bytes", values[0]) if values else b""
        if asked != input_ or len(read) > 4 * room:
            raise self._stray(
                f"reads input {input_} with room for {room} values, other than in the recording"
            )
        return cast("int", result), read

    def emit(self, stream: int) -> None:
        """Check that it did."""
        if self._next(Function.EMIT) != (stream,):
            raise self._stray("emits to another stream than in the recording")

    def now_ms(self) -> int:
        """The time."""
        return cast("int", self._next(Function.NOW_MS)[0])

    def random(self, size: int) -> bytes:
        """So many bytes."""
        filling = cast("bytes", self._next(Function.RANDOM)[0])
        if len(filling) != size:
            raise self._stray(f"asks random for {size} bytes, other than in the recording")
        return filling

    def end(self) -> None:
        """Check that nothing is missing."""
        if self._calls:
            name = self._calls[0].function.name.lower()
            raise self._stray(f"does not call {name}, which it did in the recording")

    def _next(self, function: Function) -> tuple[int | bytes, ...]:
        name = function.name.lower()
        if not self._calls:
            raise self._stray(f"calls {name}, which it did not in the recording")
        call = self._calls.popleft()
        if call.function is not function:
            raise self._stray(f"calls {name} where it called {call.function.name.lower()} in the recording")
        return call.items

    def _stray(self, what: str) -> Strayed:
        return Strayed(f"event {self._number} {what}")
