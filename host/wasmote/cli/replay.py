"""`wasmote replay`: recorded samples into a node, as if its sensor had read them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

import rich_click as click

from wasmote.cli.common import (
    json_option,
    link_option,
    print_json,
    progress_bar,
    run_async,
    say,
    tell_waiting,
)
from wasmote.cli.examples import examples
from wasmote.errors import UsageFault

if TYPE_CHECKING:
    from wasmote.replay import Selection


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@link_option
@click.option("--sensor", required=True, help="The sensor to feed; its channels are the columns to read.")
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
)
async def replay(
    file: Path,
    link: str,
    sensor: str,
    first: str | None,
    last: str | None,
    count: int | None,
    rate: float | None,
    batch: int,
    as_json: bool,
) -> None:
    """Feed the readings of the CSV FILE to a sensor of a node.

    FILE holds a date and a number for each channel in every row. Without --rate, as fast as the node takes
    them. After a broken link it goes on with the first reading that the node does not have. Ctrl-C stops it,
    and says how far it came.
    """
    from wasmote.node import Node
    from wasmote.replay import find_sensor, read_samples
    from wasmote.replay import replay as feed
    from wasmote.series import check_file

    check_file(file)  # a wrong name is found without a node, and before one is waited for
    selection = _selection(first, last, count)
    async with await Node.connect(link) as node:
        samples = read_samples(file, await find_sensor(node, sensor), selection)
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


def _selection(first: str | None, last: str | None, count: int | None) -> Selection:
    from wasmote.replay import Selection

    return Selection(_time_ms("--from", first), _time_ms("--to", last), count)


def _time_ms(option: str, text: str | None) -> int | None:
    from wasmote.series import parse_time_ms

    try:
        return None if text is None else parse_time_ms(text)
    except ValueError as fault:
        raise UsageFault(f"{option} {text}: is no date", "write YYYY-MM-DD or DD-MM-YYYY") from fault
