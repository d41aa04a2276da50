"""How far the outputs of two modules that got the same samples are apart, and whether that is near enough.

Records belong together that two streams of one name emitted at one time: the first there with the first here,
and so on.
"""

from __future__ import annotations

import math
import operator
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from wasmote.errors import UsageFault
from wasmote.wire.manifest import Stream

Values = NDArray[np.float32]
Key = tuple[int, int]  # of a record: its time, and how many of that time came before it

METRICS = {
    "max_abs": "largest difference of two values",
    "max_rel": "the same, as a part of the running module's value",
    "traps": "of the candidate",
    "missing": "records that only one of the two emitted",
    "event_us": "mean time of the candidate's events, microseconds",
    "longest_us": "its longest event, microseconds",
    "ram_bytes": "what it holds of the board's arena",
}


# ---- differences -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class FieldDifference:
    """How far one value of a stream's records is apart at most; infinite where only one is a NaN."""

    name: str
    max_abs: float = 0.0
    max_rel: float = 0.0

    def take(self, running: float, candidate: float) -> None:
        """Compare two values. Two NaNs are equal, and so are infinities of one sign."""
        if running == candidate or (math.isnan(running) and math.isnan(candidate)):
            return
        apart = abs(running - candidate)
        apart = math.inf if math.isnan(apart) else apart
        self.max_abs = max(self.max_abs, apart)
        self.max_rel = max(
            self.max_rel, apart / abs(running) if running and math.isfinite(apart) else math.inf
        )


@dataclass(slots=True)
class _Side:
    """The records of one module that the other has not emitted yet, oldest first."""

    waiting: deque[tuple[Key, Values]] = field(default_factory=deque)
    last: Key | None = None

    def take(self, time_ms: int, values: Values) -> None:
        same = self.last is not None and self.last[0] == time_ms
        self.last = (time_ms, self.last[1] + 1 if same and self.last else 0)
        self.waiting.append((self.last, values))


@dataclass(slots=True)
class StreamComparison:
    """Both sides of one stream."""

    stream: Stream
    fields: list[FieldDifference]
    compared: int = 0
    missing: int = 0
    _running: _Side = field(default_factory=_Side)
    _candidate: _Side = field(default_factory=_Side)

    @classmethod
    def of(cls, stream: Stream) -> Self:
        """Nothing compared yet."""
        names = stream.fields or tuple(f"value {index}" for index in range(stream.count))
        return cls(stream, [FieldDifference(name) for name in names])

    def running(self, time_ms: int, values: Values) -> None:
        """Take a record of the running module. Raises UsageFault for another number of values."""
        if values.size != self.stream.count:
            raise UsageFault(
                f"stream {self.stream.name} of the candidate has {self.stream.count} values, "
                f"that of the running module {values.size}",
                "only what has the same shape can be compared",
            )
        self._running.take(time_ms, values)
        self._settle()

    def candidate(self, time_ms: int, values: Values) -> None:
        """Take a record of the candidate."""
        self._candidate.take(time_ms, values)
        self._settle()

    def _settle(self) -> None:
        """Compare what both have; what one has skipped is missing, since times grow."""
        here, there = self._running.waiting, self._candidate.waiting
        while here and there:
            (key, values), (other, others) = here[0], there[0]
            if key == other:
                here.popleft()
                there.popleft()
                self.compared += 1
                for one, was, now in zip(self.fields, values.tolist(), others.tolist(), strict=True):
                    one.take(was, now)
            else:
                (here if key < other else there).popleft()
                self.missing += 1

    def catch_up(self) -> None:
        """Both have emitted all they will to the events so far: what waits for the candidate is missing."""
        self.missing += len(self._running.waiting)
        self._running.waiting.clear()


class Comparison:
    """The streams of a candidate that the running module has as well, by name."""

    def __init__(self, running: Sequence[str], candidate: Sequence[Stream]) -> None:
        self.streams = {one.name: StreamComparison.of(one) for one in candidate if one.name in running}
        if not self.streams:
            raise UsageFault("the candidate has no stream that the running module has", "nothing to compare")

    def catch_up(self) -> None:
        """See `StreamComparison.catch_up`."""
        for one in self.streams.values():
            one.catch_up()

    @property
    def compared(self) -> int:
        """Pairs of records, of all streams."""
        return sum(one.compared for one in self.streams.values())

    @property
    def missing(self) -> int:
        """Records without a counterpart."""
        return sum(one.missing for one in self.streams.values())

    @property
    def max_abs(self) -> float:
        """The largest difference of all."""
        return max(one.max_abs for stream in self.streams.values() for one in stream.fields)

    @property
    def max_rel(self) -> float:
        """The largest difference of all, as a part of the running module's value."""
        return max(one.max_rel for stream in self.streams.values() for one in stream.fields)


# ---- rules -----------------------------------------------------------------------------------------------

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_CONDITION = re.compile(r"\s*(\w+)\s*(<=|>=|==|!=|<|>)\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Condition:
    """One metric against one limit."""

    metric: str
    sign: str
    limit: float

    def objection(self, metrics: Mapping[str, float | None]) -> str | None:
        """Why it does not hold, or None."""
        value = metrics[self.metric]
        if value is None:
            return f"{self.metric} was not measured"
        if _OPERATORS[self.sign](value, self.limit):
            return None
        return f"{self.metric} is {value:g}, not {self.sign} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions that must all hold."""

    conditions: tuple[Condition, ...]

    @classmethod
    def parse(cls, written: str) -> Self:
        """Read "max_abs<=1e-6, traps==0". Raises UsageFault."""
        return cls(tuple(_condition(part) for part in written.split(",")))

    def objections(self, metrics: Mapping[str, float | None]) -> list[str]:
        """Why it does not hold; empty when it does."""
        found = (condition.objection(metrics) for condition in self.conditions)
        return [one for one in found if one is not None]


def _condition(written: str) -> Condition:
    hint = f"METRIC<=NUMBER, METRIC==NUMBER, ..., of {', '.join(METRICS)}"
    match = _CONDITION.fullmatch(written)
    if match is None or match[1] not in METRICS:
        raise UsageFault(f"{written.strip()!r} is no condition", hint)
    try:
        limit = float(match[3])
    except ValueError as fault:
        raise UsageFault(f"{match[3]!r} in {written.strip()!r} is no number", hint) from fault
    if math.isnan(limit):
        raise UsageFault(f"nothing compares with a NaN: {written.strip()!r}", hint)
    return Condition(match[1], match[2], limit)
