"""`wasmote replay`: what was recorded, once more: a sensor's samples, or all that entered a module."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Self

import rich_click as click

from wasmote.cli.common import (
    counted,
    json_option,
    print_json,
    progress_bar,
    require_link,
    run_async,
    say,
    tell_waiting,
    trace_option,
)
from wasmote.cli.examples import examples
from wasmote.errors import UsageFault, WasmoteError

if TYPE_CHECKING:
    from wasmote.replay import Selection


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--on",
    metavar="TARGET",
    help="Of a recording: where to run it. `native`, `qemu` or another board that can be emulated; `host`: "
    "this machine, under wasmtime; or the link of a board that has nothing else to do.",
)
@click.option(
    "--link",
    metavar="URL",
    envvar="WASMOTE_LINK",
    help="Of a CSV file: the board. Default: the environment variable WASMOTE_LINK, else the only board that "
    "is there.",
)
@trace_option
@click.option("--sensor", help="The sensor to feed; its channels are the columns to read.")
@click.option("--from", "first", metavar="DATE", help="First reading: YYYY-MM-DD or DD-MM-YYYY.")
@click.option("--to", "last", metavar="DATE", help="Last reading, likewise.")
@click.option("--last", "count", metavar="N", type=click.IntRange(min=1), help="Of these, the last N only.")
@click.option(
    "--rate",
    metavar="R",
    type=click.FloatRange(min=0, min_open=True),
    help="Samples a second. Default: as fast as they are taken.",
)
@click.option(
    "--batch", default=16, show_default=True, type=click.IntRange(1, 32), help="Samples in one request."
)
@json_option
@run_async
@examples(
    "wasmote replay recording.csv --sensor river --last 730",
    "wasmote replay recording.csv --sensor river --from 2019-01-01 --rate 1",
    "wasmote replay flood.recording --on qemu",
)
async def replay(
    file: Path,
    on: str | None,
    link: str | None,
    sensor: str | None,
    first: str | None,
    last: str | None,
    count: int | None,
    rate: float | None,
    batch: int,
    as_json: bool,
) -> None:
    """Feed the readings of the CSV FILE to a sensor of a node, or run a recording of a module again.

    A recording, made by `wasmote record`, needs --on: the module goes on there from where it was, its events
    enter it again, and what it emits is compared bit for bit. Exit status 1 at the first difference.

    A CSV file holds in every row a number for each channel, and a date, a time stamp (ISO 8601, or since
    1970 in seconds or ms), or a date and a time of day in columns called date and time. Without --rate, as
    fast as the node takes them. After a broken link it goes on with the first reading that the node does not
    have. Ctrl-C stops it, and says how far it came. Exit status 1 where no running module listens.
    """
    from wasmote.node import Node
    from wasmote.replay import find_sensor, read_samples, require_listener
    from wasmote.replay import replay as feed
    from wasmote.series import check_file

    if on is not None:
        await _reproduce(file, on, as_json)
        return
    _refuse_recording(file)
    if sensor is None:
        raise UsageFault("which sensor?", "--sensor NAME; `wasmote ls` shows what the board has")
    check_file(file)  # a wrong name is found without a node, and before one is waited for
    selection = _selection(first, last, count)
    async with await Node.connect(require_link(link)) as node:
        found = await find_sensor(node, sensor)
        samples = read_samples(file, found, selection)
        require_listener(found, "nothing was fed")
        with _Report(sensor, len(samples), as_json) as report:
            await feed(
                node,
                sensor,
                samples,
                batch=batch,
                rate=rate,
                progress=report.advance,
                interrupted=tell_waiting,
            )
        lost = "the readings since it was stopped, moved or trapped are lost"
        require_listener(await find_sensor(node, sensor), lost)


class _Report:
    """Shows how far a replay is, and says at the end, however it ends, how far it came."""

    def __init__(self, sensor: str, total: int, as_json: bool) -> None:
        from rich.progress import MofNCompleteColumn, TimeRemainingColumn

        self._sensor = sensor
        self._total = total
        self._fed = 0
        self._as_json = as_json
        self._bar = progress_bar(MofNCompleteColumn(), TimeRemainingColumn())
        self._task = self._bar.add_task(sensor, total=total)

    def advance(self, fed: int) -> None:
        """Show that so many samples have been fed."""
        self._fed = fed
        if self._as_json:
            print_json({"event": "progress", "done": fed, "total": self._total})
        else:
            self._bar.update(self._task, completed=fed)

    def __enter__(self) -> Self:
        if not self._as_json:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        if self._as_json:
            print_json({"event": "fed", "sensor": self._sensor, "fed": self._fed, "samples": self._total})
        else:
            say(f"{self._fed} of {self._total} samples fed to {self._sensor}")


class Different(WasmoteError):
    """The outputs are not those of the recording, or it cannot be said that they are."""


def _refuse_recording(file: Path) -> None:
    from wasmote.recording import is_recording

    try:
        with file.open("rb") as opened:
            first = opened.read(32)
    except OSError:
        return  # what is wrong with it, the reader of CSV files says
    if is_recording(first):
        raise UsageFault(
            f"{file}: is a recording of a module", "say where to run it: --on qemu, native or host"
        )


async def _reproduce(file: Path, on: str, as_json: bool) -> None:
    from rich.progress import MofNCompleteColumn

    from wasmote.recording import Recording
    from wasmote.reproduce import reproduce, target

    recording = Recording.from_file(file)
    name = f"{recording.bundle.manifest.name} {recording.bundle.manifest.version}"
    async with target(on) as node:
        with progress_bar(MofNCompleteColumn(), transient=True) as bar:
            task = bar.add_task(name, total=len(recording.events))
            result = await reproduce(recording, node, lambda done: bar.update(task, completed=done))
    if as_json:
        print_json({"event": "replayed", **asdict(result)})
    where = f"{name}, recorded on {recording.board}, replayed on {result.board}"
    if result.difference is not None:
        raise Different(f"{where}: {result.difference}")
    if not as_json:
        amount = f"{counted(result.events, 'event')}, {counted(result.records, 'record')}"
        say(f"{where}: {amount}, bit for bit the same")


def _selection(first: str | None, last: str | None, count: int | None) -> Selection:
    from wasmote.replay import Selection
    from wasmote.series import DAY_MS, is_date

    end = _time_ms("--to", last)
    if end is not None and last is not None and is_date(last):
        end += DAY_MS - 1  # with all of that day
    return Selection(_time_ms("--from", first), end, count)


def _time_ms(option: str, text: str | None) -> int | None:
    from wasmote.series import parse_time_ms

    try:
        return None if text is None else parse_time_ms(text)
    except ValueError as fault:
        raise UsageFault(f"{option} {text}: is no date", "write YYYY-MM-DD or DD-MM-YYYY") from fault
