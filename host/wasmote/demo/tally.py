"""What the demo has seen so far, and what that amounts to in the end."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from wasmote.errors import WasmoteError
from wasmote.gateway.pulse import Pulse

if TYPE_CHECKING:
    from wasmote.gateway.entities import Prediction
    from wasmote.series import Series

Array = npt.NDArray[np.float64]


class DemoFailed(WasmoteError):
    """Something that the demo shows is not so."""


@dataclass(frozen=True)
class Day:
    """One day that every board has predicted. Rain in mm, flows in m3/s."""

    time_ms: int
    rain: float
    flow: float
    predicted: Mapping[str, float]
    version: str


@dataclass(frozen=True)
class Script:
    """What is going to be replayed: `series` holds warm-up days, and from row `first` on those that count."""

    series: Series
    first: int
    expected: Mapping[int, npt.NDArray[np.float32]]  # time_ms -> the module's features, run under wasmtime
    versions: Mapping[bytes, str]  # short digest -> version

    @property
    def days(self) -> int:
        """Days that count."""
        return len(self.series) - self.first

    def due(self) -> list[int]:
        """How many feature vectors there are after 0, 1, 2 ... samples."""
        emitted = [int(time_ms in self.expected) for time_ms in self.series.time_ms.tolist()]
        return [0, *np.cumsum(emitted).tolist()]


class Tally:
    """Collects the predictions of all boards and puts the days together."""

    def __init__(self, script: Script, boards: tuple[str, ...]) -> None:
        self.script = script
        self.boards = boards
        self.changed = Pulse()
        self.made: dict[str, dict[int, Prediction]] = {board: {} for board in boards}
        self._start_ms = int(script.series.time_ms[script.first])
        times = script.series.time_ms.tolist()
        self._row = {time_ms: row for row, time_ms in enumerate(times)}

    def take(self, prediction: Prediction) -> Day | None:
        """Add a prediction; return its day when it counts and this was the last board to predict it."""
        self.made[prediction.board][prediction.time_ms] = prediction
        self.changed.beat()
        counts = prediction.time_ms >= self._start_ms
        if counts and all(prediction.time_ms in made for made in self.made.values()):
            return self._day(prediction.time_ms)
        return None

    def count(self, board: str) -> int:
        """Predictions of one board so far, warm-up included."""
        return len(self.made[board])

    def slowest(self) -> str:
        """The board with the fewest predictions."""
        return min(self.boards, key=self.count)

    def days(self) -> Iterator[Day]:
        """The days that count and that all boards have predicted, in order."""
        first, *others = self.made.values()
        for time_ms in sorted(first):
            if time_ms >= self._start_ms and all(time_ms in made for made in others):
                yield self._day(time_ms)

    def counted(self, board: str) -> list[Prediction]:
        """The predictions of a board for the days that count, in the order of their sequence numbers."""
        counted = (one for time_ms, one in self.made[board].items() if time_ms >= self._start_ms)
        return sorted(counted, key=lambda one: one.seq)

    def missing_numbers(self, board: str) -> int:
        """Sequence numbers that are missing between a board's first and last prediction, warm-up included."""
        numbers = {one.seq for one in self.made[board].values()}
        return max(numbers) - min(numbers) + 1 - len(numbers) if numbers else 0

    def swap_time(self, board: str) -> int:
        """The time of the first features of another module than the first one's, ms.

        Raises DemoFailed when all features are of one module.
        """
        ordered = sorted(self.made[board].values(), key=lambda one: one.seq)
        for one in ordered:
            if one.module != ordered[0].module:
                return one.time_ms
        raise DemoFailed(f"{board}: no features came from the second release", "see the gateway's log")

    def check_equal(self) -> None:
        """Raise DemoFailed unless all boards have predicted the same to the last bit."""
        first, *others = self.boards
        for other in others:
            for time_ms, one in self.made[first].items():
                twin = self.made[other].get(time_ms)
                if twin is None or _bits(one.values) != _bits(twin.values):
                    raise DemoFailed(
                        f"{first} and {other} do not predict the same for {_date(time_ms)}",
                        "the same module must compute the same bits on every board: run tools/test",
                    )

    def nse(self) -> float:
        """Nash-Sutcliffe efficiency of the days that count: 1 is perfect, 0 as good as the mean flow."""
        observed = np.array([day.flow for day in self.days()])
        predicted = np.array([day.predicted[self.boards[0]] for day in self.days()])
        spread = float(((observed - observed.mean()) ** 2).sum())
        return 1.0 - float(((observed - predicted) ** 2).sum()) / spread

    def _day(self, time_ms: int) -> Day:
        rain, flow = self.script.series.values[self._row[time_ms]].tolist()
        ones = {board: made[time_ms] for board, made in self.made.items()}
        withheld = [one.withheld for one in ones.values() if one.withheld]
        if withheld:
            raise DemoFailed(f"no prediction for {_date(time_ms)}: {withheld[0]}", "see the gateway's log")
        module = ones[self.boards[0]].module
        predicted = {board: one.values[0] for board, one in ones.items()}
        return Day(time_ms, rain, flow, predicted, self.script.versions.get(module, "?"))


def _bits(values: tuple[float, ...]) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def _date(time_ms: int) -> str:
    from wasmote.series import datetime_of

    return f"{datetime_of(time_ms):%Y-%m-%d}"
