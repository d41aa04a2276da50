"""`wasmote record`: all that enters a running module and all that it emits, in a file."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from wasmote.cli.common import (
    counted,
    json_option,
    link_option,
    note,
    print_json,
    run_async,
    say,
    tell_waiting,
)
from wasmote.cli.examples import examples

if TYPE_CHECKING:
    from wasmote.recording import Recording


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The file to write.")
@click.option(
    "--for",
    "seconds",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="End after so long.",
)
@click.option("--events", type=click.IntRange(min=1), help="End after so many events.")
@json_option
@link_option
@run_async
@examples(
    "wasmote record build/flood.bundle -o flood.recording --events 100",
    "wasmote record build/flood.bundle -o flood.recording --for 60",
)
async def record(
    link: str, bundle: Path, output: Path, seconds: float | None, events: int | None, as_json: bool
) -> None:
    """Record the module of BUNDLE, which runs on a node: its state, what enters it, and what it emits.

    Until Ctrl-C, or as long as was said. The module goes on as if nobody watched. With `wasmote replay FILE
    --on TARGET` the same bytes run again elsewhere.
    """
    from wasmote.node import Node
    from wasmote.record import Recorder, running
    from wasmote.wire.bundle import Bundle

    content = Bundle.from_file(bundle)
    async with await Node.connect(link) as node:
        status = await running(node, content)
        recorder = Recorder(node, status)

        def enough(taken: Recorder) -> bool:
            return events is not None and len(taken.events) >= events

        interrupt = asyncio.current_task()
        try:
            async with recorder:
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await recorder.follow(enough, tell_waiting)
        except asyncio.CancelledError:  # Ctrl-C ends it as --for does
            if interrupt is None or not recorder.snapshot:
                raise
            interrupt.uncancel()
    taken = recorder.recording(content, events)
    taken.to_file(output)
    if recorder.ended is not None and not enough(recorder):
        note(f"it ended early: {recorder.ended}")
    _tell(taken, output, as_json)


def _tell(taken: Recording, output: Path, as_json: bool) -> None:
    records = sum(len(one) for one in taken.outputs.values())
    lost = taken.lost_events + sum(taken.lost_records.values())
    if as_json:
        told = {"file": str(output), "events": len(taken.events), "records": records, "lost": lost}
        print_json({"event": "recorded", **told})
        return
    missing = f", {lost} lost" if lost else ""
    say(f"{output}: {counted(len(taken.events), 'event')}, {counted(records, 'record')}{missing}")
