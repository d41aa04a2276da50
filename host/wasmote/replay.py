"""Feeding recorded samples to a node, in batches and no faster than asked.

Nothing is slept through here: the node's answer to each batch sets the pace, unless a rate does.

A batch whose answer was lost may have been taken or not, and a sample that counted twice would spoil what the
modules keep. So the node is asked for the time of its newest reading (firmware/SPEC.md, `/sensors` key 5).
"""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wasmote.errors import LinkDown, NoAnswer, UsageFault, WasmoteError
from wasmote.wire.samples import SAMPLES_MAX, Sample, SensorInfo

if TYPE_CHECKING:
    from wasmote.node import Node
    from wasmote.series import Series

BATCH_DEFAULT = 16  # samples a PUT: some 400 bytes, 60 ms of a UART at 7 KB/s


class NodeForgot(WasmoteError):
    """The node was restarted in the middle of a replay: its modules have lost what they kept of it."""


class Unheard(WasmoteError):
    """A node takes readings that no module of it listens to: they are lost."""


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
    """Read the sensor's channels from a CSV file.

    Raises SeriesError with file, line and column, or UsageFault where the node's newest reading is later
    than the first: it would refuse them all.
    """
    from wasmote.series import datetime_of, read_series

    samples = samples_of(selection.apply(read_series(path, sensor.channels)))
    if sensor.newest_ms is not None and samples[0].time_ms <= sensor.newest_ms:
        newest = f"{datetime_of(sensor.newest_ms):%Y-%m-%d %H:%M:%S}"
        raise UsageFault(
            f"sensor {sensor.name} has a reading of {newest} already, and takes later ones only",
            "go on after it with --from, or begin anew: stop and start the module that listens to it",
        )
    return samples


async def find_sensor(node: Node, name: str) -> SensorInfo:
    """The sensor to feed. Raises UsageFault for one that the node does not have, or that it reads itself."""
    sensors = {sensor.name: sensor for sensor in await node.sensors()}
    if name not in sensors:
        known = ", ".join(sensors) or "none"
        raise UsageFault(
            f"the node has no sensor {name!r}; its sensors: {known}",
            "a module that listens to it declares it: push the module first",
        )
    if not sensors[name].injected:
        fed = ", ".join(sensor.name for sensor in sensors.values() if sensor.injected) or "none"
        raise UsageFault(f"{name} is read by the board", f"sensors that are fed: {fed}")
    return sensors[name]


def require_listener(sensor: SensorInfo, lost: str) -> None:
    """Raise Unheard, which says what is lost, where the node tells that no running module listens."""
    if sensor.listeners == 0:
        raise Unheard(
            f"no module that runs listens to {sensor.name}: {lost}",
            "`wasmote ls` shows the modules, `wasmote start` starts one that was stopped",
        )


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
    interrupted: Callable[[WasmoteError], None] = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> int:
    """Feed samples in order, each exactly once; return how many.

    `rate` is in samples a second, measured from the start, so that a slow answer is caught up with.
    `progress` gets the number fed so far after each batch, `interrupted` each LinkDown or NoAnswer after
    which the node is waited for. Raises NodeForgot when the node was restarted meanwhile, NoAnswer when it
    keeps silent on a link that is up, and what else `Node.feed` raises.
    """
    clock = asyncio.get_running_loop().time
    start, fed = clock(), 0
    while fed < len(samples):
        try:
            for part in batches(samples[fed:], batch):
                await node.feed(sensor, part)
                fed += len(part)
                progress(fed)
                if rate is not None and fed < len(samples):
                    await sleep(max(0.0, start + fed / rate - clock()))
        except (LinkDown, NoAnswer) as fault:
            interrupted(fault)
            fed = await _resume(node, sensor, samples, fed)
            progress(fed)
    return fed


async def _resume(node: Node, sensor: str, samples: Sequence[Sample], fed: int) -> int:
    """Wait for the node; return how many samples it has, `fed` of which it had acknowledged."""
    while True:
        await node.wait_up()
        try:
            sensors = {entry.name: entry.newest_ms for entry in await node.sensors()}
        except LinkDown:
            continue
        return _taken(sensors.get(sensor), samples, fed)


def _taken(newest_ms: int | None, samples: Sequence[Sample], acknowledged: int) -> int:
    """How many samples a node has whose newest reading is of `newest_ms`."""
    taken = 0 if newest_ms is None else bisect.bisect(samples, newest_ms, key=lambda sample: sample.time_ms)
    if taken < acknowledged:
        raise NodeForgot(
            f"the node was restarted after {acknowledged} of {len(samples)} samples",
            "what its modules kept of them is gone: replay from the beginning",
        )
    return taken


def _date(series: Series, index: int) -> str:
    from wasmote.series import datetime_of

    return f"{datetime_of(int(series.time_ms[index])):%Y-%m-%d}"
