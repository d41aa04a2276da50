"""`wasmote push --shadow`: a candidate beside what runs, compared, then promoted or dropped."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING

import rich_click as click

from wasmote.cli.common import counted, note, print_columns, print_json, progress_bar, say
from wasmote.errors import WasmoteError
from wasmote.wire.modules import Control

if TYPE_CHECKING:
    from wasmote.comparison import Rule
    from wasmote.node import Node
    from wasmote.shadow import Load, Shadowed
    from wasmote.wire.bundle import Bundle
    from wasmote.wire.modules import ModuleStatus

shadow_option = click.option(
    "--shadow",
    metavar="N",
    type=click.IntRange(min=1),
    help="First let it run beside the module that runs, until N records of both were compared.",
)
DEFAULT_RULE = "traps==0"
rule_option = click.option(
    "--promote-if",
    "rule",
    metavar="RULE",
    show_default=DEFAULT_RULE,
    help="With --shadow: what must hold, as in 'max_abs<=1e-6, traps==0', of max_abs, max_rel, traps, "
    "missing, event_us, longest_us, ram_bytes. Else it is dropped.",
)


class Dropped(WasmoteError):
    """The candidate does not keep to the rule."""


async def prove(node: Node, bundle: Bundle, slot: int | None, count: int, rule: Rule, as_json: bool) -> int:
    """Run the bundle's module as a shadow; return the slot to promote it to. Raises Dropped."""
    from wasmote.shadow import HOST, running_module, shadow

    running = await running_module(node, bundle, slot)
    name = f"{bundle.manifest.name} {bundle.manifest.version}"
    with progress_bar(transient=True) as bar:
        task = bar.add_task(f"{name} beside {running.name} {running.version}", total=count)
        result = await shadow(node, running, bundle, count, lambda done: bar.update(task, completed=done))
    objections = rule.objections(result.metrics)
    if result.trap is not None:
        objections.append(result.trap)
    if as_json:
        print_json(_plain(result, running.slot, objections))
    else:
        if result.where == HOST:
            note("the board had no room for it: it ran on this machine")
        _print_table(result)
    if objections:
        raise Dropped(
            f"{name} is dropped: {'; '.join(objections)}", f"{running.name} {running.version} goes on"
        )
    return running.slot


async def confirm(node: Node, promoted: ModuleStatus) -> None:
    """End the probation of what was just promoted: it has proved itself. What has replaced it has not."""
    now = await node.module(promoted.slot)
    if now.digest == promoted.digest and now.probation is not None:
        await node.control(promoted.slot, Control.CONFIRM)
        say(f"slot {promoted.slot}: confirmed")


def _print_table(result: Shadowed) -> None:
    rows: list[tuple[str, ...]] = [("field", "max abs", "max rel")]
    for name, stream in result.comparison.streams.items():
        rows += [(f"{name}.{one.name}", f"{one.max_abs:g}", f"{one.max_rel:g}") for one in stream.fields]
    print_columns(rows)
    say(f"{counted(result.comparison.compared, 'record')} compared, {result.comparison.missing} missing")
    loads: list[tuple[str, ...]] = [("", "events", "us per event", "longest us", "bytes")]
    loads += [("running", *_load(result.running)), (f"candidate ({result.where})", *_load(result.candidate))]
    print_columns(loads)


def _load(load: Load) -> tuple[str, ...]:
    mean = None if load.event_us is None else f"{load.event_us:.0f}"
    cells = (load.events, mean, load.longest_us, load.ram_bytes)
    return tuple("-" if cell is None else str(cell) for cell in cells)


def _number(value: float | None) -> float | str | None:
    """A value that JSON has: it has no infinity."""
    return value if value is None or math.isfinite(value) else str(value)


def _plain(result: Shadowed, slot: int, objections: list[str]) -> dict[str, object]:
    fields = {
        name: {
            one.name: {"max_abs": _number(one.max_abs), "max_rel": _number(one.max_rel)}
            for one in stream.fields
        }
        for name, stream in result.comparison.streams.items()
    }
    return {
        "event": "dropped" if objections else "promoted",
        "slot": slot,
        "where": result.where,
        "compared": result.comparison.compared,
        **{name: _number(value) for name, value in result.metrics.items()},
        "fields": fields,
        "running": asdict(result.running),
        "candidate": asdict(result.candidate),
        "objections": objections,
    }
