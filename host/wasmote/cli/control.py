"""`wasmote start`, `stop`, `confirm`, `rollback`: what becomes of a module that is on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from wasmote.cli.common import check_slot, json_option, link_option, print_json, run_async, say
from wasmote.cli.examples import examples
from wasmote.errors import UsageFault
from wasmote.life import life_notes
from wasmote.node import Node
from wasmote.wire.modules import Control, ModuleState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wasmote.wire.modules import ModuleStatus

slot_option = click.option(
    "--slot", type=click.IntRange(min=0), help="Slot of the node. Default: the only one that it can be."
)


@click.command()
@slot_option
@json_option
@link_option
@run_async
@examples("wasmote start", "wasmote start --slot 1")
async def start(link: str, slot: int | None, as_json: bool) -> None:
    """Start a module that was stopped, trapped, or installed and not started yet."""
    await _control(link, slot, Control.START, _is_idle, as_json)


@click.command()
@slot_option
@json_option
@link_option
@run_async
@examples("wasmote stop", "wasmote stop --slot 1")
async def stop(link: str, slot: int | None, as_json: bool) -> None:
    """Stop a module. It stays on the board, stopped, also over a reset, until somebody starts it."""
    await _control(link, slot, Control.STOP, _is_up, as_json)


@click.command()
@slot_option
@json_option
@link_option
@run_async
@examples("wasmote confirm")
async def confirm(link: str, slot: int | None, as_json: bool) -> None:
    """Keep a new module: end its probation, in which a trap or a reset would bring the old one back."""
    await _control(link, slot, Control.CONFIRM, _is_on_probation, as_json)


@click.command()
@slot_option
@json_option
@link_option
@run_async
@examples("wasmote rollback")
async def rollback(link: str, slot: int | None, as_json: bool) -> None:
    """Go back from a module on probation to the one before, with the state that it had at the swap."""
    await _control(link, slot, Control.ROLL_BACK, _can_go_back, as_json)


async def _control(
    link: str,
    slot: int | None,
    operation: Control,
    fits: Callable[[ModuleStatus], bool],
    as_json: bool,
) -> None:
    async with await Node.connect(link) as node:
        await check_slot(node, slot)
        where = _choose(await node.modules(), operation, fits) if slot is None else slot
        before = await node.module(where)
        await node.control(where, operation)
        status = await node.module(where)
    if as_json:
        from wasmote.cli.render import plain

        print_json({"event": operation.name.lower(), "module": plain(status)})
        return
    notes = "".join(f"; {text}" for text in life_notes(status, before))
    say(f"slot {where}: {status.name} {status.version} is {status.state.name.lower()}{notes}")


def _choose(modules: Sequence[ModuleStatus], operation: Control, fits: Callable[[ModuleStatus], bool]) -> int:
    """Return the only slot that it can be. Raises UsageFault where there is none, or more."""
    found = [module for module in modules if fits(module)]
    if len(found) == 1:
        return found[0].slot
    asked = operation.name.lower().replace("_", " ")
    if not found:
        raise UsageFault(f"there is no module to {asked}", "`wasmote ls` shows what is there")
    which = ", ".join(f"{module.slot}: {module.name or 'a candidate'}" for module in found)
    raise UsageFault(f"{asked} which one? ({which})", "name it with --slot")


def _is_idle(module: ModuleStatus) -> bool:
    there = module.name is not None or module.candidate is not None
    return there and module.state not in (ModuleState.RUNNING, ModuleState.PAUSED)


def _is_up(module: ModuleStatus) -> bool:
    return module.state in (ModuleState.RUNNING, ModuleState.PAUSED) or module.restart_in_ms is not None


def _is_on_probation(module: ModuleStatus) -> bool:
    return module.probation is not None


def _can_go_back(module: ModuleStatus) -> bool:
    return module.fallback is not None
