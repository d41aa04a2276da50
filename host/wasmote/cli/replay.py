"""`wasmote replay`: recorded samples into a node, as if its sensor had read them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from wasmote.cli.common import json_option, link_option, print_json, run_async, tell_waiting
from wasmote.errors import UsageFault

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

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
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from wasmote.node import Node
    from wasmote.replay import find_sensor, read_samples
    from wasmote.replay import replay as feed

    selection = _selection(first, last, count)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True))
    async with await Node.connect(link) as node:
        samples = read_samples(file, await find_sensor(node, sensor), selection)
        task = bar.add_task(sensor, total=len(samples))
        try:
            with bar:
                advance = functools.partial(_advance, bar, task)
                await feed(
                    node, sensor, samples, batch=batch, rate=rate, progress=advance, interrupted=tell_waiting
                )
        finally:
            fed = int(bar.tasks[task].completed)
            if as_json:
                print_json({"sensor": sensor, "fed": fed, "samples": len(samples)})
            else:
                click.echo(f"{fed} of {len(samples)} samples fed to {sensor}")


def _advance(bar: Progress, task: TaskID, fed: int) -> None:
    bar.update(task, completed=fed)


def _selection(first: str | None, last: str | None, count: int | None) -> Selection:
    from wasmote.replay import Selection

    return Selection(_time_ms("--from", first), _time_ms("--to", last), count)


def _time_ms(option: str, text: str | None) -> int | None:
    from wasmote.series import parse_time_ms

    try:
        return None if text is None else parse_time_ms(text)
    except ValueError as fault:
        raise UsageFault(f"{option} {text}: is no date", "write YYYY-MM-DD or DD-MM-YYYY") from fault
