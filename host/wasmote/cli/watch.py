"""`wasmote watch`: a module that is built, pushed and swapped whenever it is saved."""

from __future__ import annotations

import asyncio
import functools
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Self

import rich_click as click

from wasmote.cli import report
from wasmote.cli.build import build_aloud
from wasmote.cli.common import (
    check_slot,
    json_option,
    link_option,
    note,
    print_json,
    run_async,
    say,
    tell_waiting,
)
from wasmote.cli.examples import examples
from wasmote.cli.follow import follow, print_record
from wasmote.cli.probation import Trial, say_mode
from wasmote.cli.push import deploy, slot_option
from wasmote.errors import LinkDown, WasmoteError
from wasmote.node import Node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmote.evidence import Evidence
    from wasmote.wire.bundle import Bundle
    from wasmote.wire.modules import ModuleStatus


@click.command("watch")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@slot_option
@json_option
@link_option
@run_async
@examples(
    "wasmote watch models/flood/flood.toml",
    "wasmote watch alarm.c --slot 1 --link serial:///dev/ttyACM0",
)
async def watch(link: str, source: Path, slot: int | None, as_json: bool) -> None:
    """Build SOURCE and push it; do so again whenever it is saved, and print what it emits, until Ctrl-C.

    SOURCE is what `wasmote build` takes. Saving it, its project file, or another source file in its folder or
    below swaps the module on the running board. What the compiler says is printed as it is; the board goes on
    with the version that it has.
    """
    from wasmote.build.project import check_source
    from wasmote.watch import builds, saves, watched_folder

    check_source(source)  # what saving it again would not mend
    folder = watched_folder(source)
    async with (
        await Node.connect(link) as node,
        _Outputs(node, as_json) as outputs,
        aclosing(saves(folder)) as changes,
        aclosing(builds(functools.partial(build_aloud, source), changes)) as results,
    ):
        await check_slot(node, slot)
        await say_mode(node)
        note(f"watching {folder}; Ctrl-C ends it")
        async for result in results:
            if isinstance(result, WasmoteError):
                _tell_fault(result, as_json)
            elif result == outputs.deployed:
                _tell_mended(result, as_json)
            else:
                await _replace(node, result, slot, outputs)


async def _replace(node: Node, bundle: Bundle, slot: int | None, outputs: _Outputs) -> None:
    """Put a new version onto the board; a board that is away gets it when it is back."""
    while True:
        try:
            outputs.follow(*await deploy(node, bundle, slot, outputs.as_json, force=outputs.following))
            outputs.deployed = bundle
        except LinkDown as fault:
            tell_waiting(fault)
            await node.wait_up()
            continue
        except WasmoteError as fault:
            _tell_fault(fault, outputs.as_json)
        return


def _tell_fault(fault: WasmoteError, as_json: bool) -> None:
    if as_json:
        print_json({"event": "error", "message": fault.message, "hint": fault.hint})
    else:
        report(fault)


def _tell_mended(bundle: Bundle, as_json: bool) -> None:
    made = bundle.manifest
    if as_json:
        print_json({"event": "mended", "name": made.name, "version": made.version})
    else:
        say(f"{made.name} {made.version} builds again, and is what the board has: nothing was sent")


class _Outputs:
    """Prints the records of the module that runs; goes on over a swap as long as the streams are the same.

    The first record of a new module confirms it; it is told when a board goes back to the one before.
    """

    def __init__(self, node: Node, as_json: bool) -> None:
        self.as_json = as_json
        self.deployed: Bundle | None = None  # what was put onto the board last
        self._node = node
        self._followed: tuple[int, Sequence[str]] | None = None
        self._task: asyncio.Task[None] | None = None
        self._trial: Trial | None = None
        self._proving: asyncio.Task[None] | None = None

    @property
    def following(self) -> bool:
        """Whether it follows a module: then what is built next is another one."""
        return self._followed is not None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self._task, self._proving):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])

    def follow(self, status: ModuleStatus, evidence: Evidence) -> None:
        """Follow the streams of this module from its start on."""
        self._prove(Trial(self._node, status, evidence, confirm=True))
        wanted = status.slot, [stream.name for stream in status.streams]
        if wanted == self._followed and self._task is not None and not self._task.done():
            return
        if self._task is not None:
            self._task.cancel()
        self._followed = wanted
        printing = self._print(status.slot, evidence.first)
        self._task = asyncio.create_task(printing, name=f"printing slot {status.slot}")

    def _prove(self, trial: Trial) -> None:
        if self._proving is not None:
            self._proving.cancel()
        self._trial = trial
        self._proving = asyncio.create_task(self._see_through(trial), name="probation")

    async def _see_through(self, trial: Trial) -> None:
        try:
            await trial.run()
        except WasmoteError as fault:
            _tell_fault(fault, self.as_json)

    async def _print(self, slot: int, streams: Mapping[str, int]) -> None:
        if not streams:
            return
        try:
            async with aclosing(follow(self._node, slot, streams)) as records:
                async for stream, record in records:
                    print_record(stream, record, self.as_json)
                    if self._trial is not None:
                        self._trial.saw(stream, record)
        except WasmoteError as fault:
            _tell_fault(fault, self.as_json)
