"""What a guest may call, done on the host: firmware/node/guest_host.c is the same for a node."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wasmote.runtime.guest import GuestView
from wasmote.runtime.script import Script
from wasmote.wire.manifest import Manifest
from wasmote.wire.trace import Call, Function

OK, INVALID, NO_ENTRY, NO_ROOM, NOT_ALLOWED = 0, -1, -2, -3, -7  # firmware/core/status.h
WARNING = 1  # a log line's level

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Emission:
    """A record as the guest emitted it: `values` is a float32 array, flat, of the stream's count."""

    stream: str
    time_ms: int
    values: Float32


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line the guest logged; `level` 0 error, 1 warning, 2 info, 3 debug."""

    level: int
    text: str


@dataclass(slots=True)
class GuestServices:
    """The host functions of one module, and what it did with them.

    `now_ms` is the clock that the guest may ask; without one it is told the time of the event.
    `entropy` gives random bytes; it is seeded by default, so that a replay repeats itself. `calls` are those
    of the event so far that a trace tells of; with a `script` they are answered as they were before. `on_log`
    gets what is logged; without it the lines are kept. `refused` counts the calls that cannot be what the
    manifest says; `event_refused` is whether there was one since it was last set to False.
    """

    manifest: Manifest
    config: dict[str, float]
    clock: Callable[[], int] | None = None
    entropy: random.Random = field(default_factory=lambda: random.Random(0))
    may_emit: bool = False
    event_ms: int = 0
    readings: dict[int, Float32] = field(default_factory=dict)
    emissions: list[Emission] = field(default_factory=list)
    log_lines: list[LogLine] = field(default_factory=list)
    on_log: Callable[[int, str], None] | None = None
    calls: list[Call] = field(default_factory=list)
    script: Script | None = None
    refused: int = 0
    event_refused: bool = False
    _kinds_refused: set[str] = field(default_factory=set)

    def take_emissions(self) -> list[Emission]:
        """Return what was emitted since the last call."""
        taken, self.emissions = self.emissions, []
        return taken

    def forget_refusals(self) -> None:
        """Count refused calls from here on: the module is started."""
        self.refused, self.event_refused = 0, False
        self._kinds_refused.clear()

    def merge_config(self, config: Mapping[str, float]) -> None:
        """Set some parameters; the others keep their values."""
        self.config.update(config)

    # ---- called by the guest (host_api.HostFunctions) ------------------------------------------------

    def sensor_read(self, input_: int, values: GuestView) -> int:
        """Copy the newest reading of an input."""
        room = values.items
        result, read = (
            self._read(input_, room) if self.script is None else self.script.sensor_read(input_, room)
        )
        values.write(read)
        if result == INVALID:
            has = len(self.manifest.inputs)
            self._refuse("input", f"it reads input {input_}, and its manifest has {has}")
        elif result == NO_ROOM:
            self._refuse("room", f"it reads input {input_} with room for {room} values, of more")
        self.calls.append(Call(Function.SENSOR_READ, (input_, result, read) if read else (input_, result)))
        return result

    def _read(self, input_: int, room: int) -> tuple[int, bytes]:
        if not 0 <= input_ < len(self.manifest.inputs):
            return INVALID, b""
        reading = self.readings.get(input_)
        if reading is None:
            return NO_ENTRY, b""
        if room < reading.size:
            return NO_ROOM, b""
        return reading.size, reading.astype("<f4").tobytes()

    def emit(self, stream: int, values: bytes) -> int:
        """Keep a record."""
        if not self.may_emit:
            self._refuse("moment", "it emits outside of on_sample and on_tick")
            return NOT_ALLOWED
        if not 0 <= stream < len(self.manifest.streams):
            has = len(self.manifest.streams)
            self._refuse("stream", f"it emits to stream {stream}, and its manifest has {has}")
            return INVALID
        declared = self.manifest.streams[stream]
        size = declared.count * declared.dtype.bytes
        if len(values) != size:
            what = f"{declared.name}, whose {declared.count} values have {size}"
            self._refuse("size", f"it emits {len(values)} bytes to {what}")
            return INVALID
        if self.script is not None:
            self.script.emit(stream)
        record = np.frombuffer(values, dtype="<f4").astype(np.float32)
        self.emissions.append(Emission(declared.name, self.event_ms, record))
        self.calls.append(Call(Function.EMIT, (stream,)))
        return OK

    def _refuse(self, kind: str, reason: str) -> None:
        """Count a call that is refused, and say it once: the guest may never look at the answer."""
        self.refused += 1
        self.event_refused = True
        if kind not in self._kinds_refused:
            self._kinds_refused.add(kind)
            self.log(WARNING, f"refused: {reason}")

    def log(self, level: int, text: str) -> None:
        """Hand a line on, or keep it."""
        if self.on_log is not None:
            self.on_log(level, text)
        else:
            self.log_lines.append(LogLine(level, text))

    def now_ms(self) -> int:
        """Tell the time."""
        now = self.event_ms if self.clock is None else self.clock()
        if self.script is not None:
            now = self.script.now_ms()
        self.calls.append(Call(Function.NOW_MS, (now,)))
        return now

    def config_get(self, key: str, fallback: float) -> float:
        """Look up a parameter."""
        return float(self.config.get(key, fallback))

    def random(self, out: GuestView) -> None:
        """Fill a buffer."""
        size = out.items
        filling = self.entropy.randbytes(size) if self.script is None else self.script.random(size)
        out.write(filling)
        self.calls.append(Call(Function.RANDOM, (filling,)))
