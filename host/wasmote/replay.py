"""Feeding recorded samples to a node, in batches and no faster than asked.

Nothing is slept through here: the node's answer to each batch sets the pace, unless a rate does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wasmote.errors import UsageFault
from wasmote.wire.samples import SAMPLES_MAX, Sample, SensorInfo

if TYPE_CHECKING:
    from wasmote.node import Node
    from wasmote.series import Series

BATCH_DEFAULT = 16  # samples a PUT: some 400 bytes, 60 ms of a UART at 7 KB/s


@dataclass(frozen=True)
class Selection:
    """Which readings of a series to feed: between two times (ms, both included), or only the last ones."""

    first_ms: int | None = None
    last_ms: int | None = None
    count: int | None = None

    def apply(self, series: Series) -> Series:
        """Cut a series. Raises UsageFault when nothing is left."""
        times = series.time_ms
        first = 0 if self.first_ms is None else int(times.searchsorted(self.first_ms, "left"))
        last = len(series) if self.last_ms is None else int(times.searchsorted(self.last_ms, "right"))
        if self.count is not None:
            first = max(first, last - self.count)
        if first >= last:
            span = f"{_date(series, 0)} to {_date(series, -1)}"
            raise UsageFault("no reading lies in that time", f"the file holds {span}")
        return series[first:last]


def samples_of(series: Series) -> list[Sample]:
    """A series as what a node is fed with."""
    return [
        Sample(time_ms, tuple(values))
        for time_ms, values in zip(series.time_ms.tolist(), series.values.tolist(), strict=True)
    ]


def read_samples(path: Path, sensor: SensorInfo, selection: Selection) -> list[Sample]:
    """Read the sensor's channels from a CSV file. Raises SeriesError with file, line and column."""
    from wasmote.series import read_series

    return samples_of(selection.apply(read_series(path, sensor.channels)))


async def find_sensor(node: Node, name: str) -> SensorInfo:
    """The sensor to feed. Raises UsageFault for one that the node does not have, or that is its own."""
    sensors = {sensor.name: sensor for sensor in await node.sensors()}
    if name not in sensors:
        known = ", ".join(sensors) or "none"
        raise UsageFault(
            f"the node has no sensor {name!r}; its sensors: {known}",
            "a module that listens to it declares it: push the module first",
        )
    return sensors[name]


def batches(samples: Sequence[Sample], size: int) -> Iterator[Sequence[Sample]]:
    """Cut samples into batches of at most `size`."""
    if not 1 <= size <= SAMPLES_MAX:
        raise UsageFault(f"a batch of {size} samples", f"a PUT carries 1 to {SAMPLES_MAX}")
    return (samples[at : at + size] for at in range(0, len(samples), size))


async def replay(
    node: Node,
    sensor: str,
    samples: Sequence[Sample],
    *,
    batch: int = BATCH_DEFAULT,
    rate: float | None = None,
    progress: Callable[[int], None] = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> int:
    """Feed samples in order; return how many.

    `rate` is in samples a second, measured from the start, so that a slow answer is caught up with.
    `progress` gets the number fed so far after each batch. Raises what `Node.feed` raises.
    """
    clock = asyncio.get_running_loop().time
    start, fed = clock(), 0
    for part in batches(samples, batch):
        await node.feed(sensor, part)
        fed += len(part)
        progress(fed)
        if rate is not None and fed < len(samples):
            await sleep(max(0.0, start + fed / rate - clock()))
    return fed


def _date(series: Series, index: int) -> str:
    from wasmote.series import datetime_of

    return f"{datetime_of(int(series.time_ms[index])):%Y-%m-%d}"
