"""Moves a live module from one node to another: boards, or the host runtime on a gateway.

The module keeps running where it is until the bundle is installed at its destination. Then it is paused, its
snapshot goes over, it goes on there, and is stopped here. Until the destination has confirmed, any fault
lets it go on where it was: never do two of them run, and no record's number is given out twice.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmote.errors import UsageFault, WasmoteError
from wasmote.wire.modules import Control, ModuleState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmote.node import Node
    from wasmote.wire.bundle import Bundle
    from wasmote.wire.modules import ModuleStatus


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did: `paused_s` is how long the module got no events."""

    name: str
    slot: int  # at the destination
    snapshot_bytes: int
    paused_s: float
    next_seq: dict[str, int]


async def move(bundle: Bundle, source: Node, target: Node, slot: int | None = None) -> Moved:
    """Bring the running module of a bundle from `source` to `target`, where it goes on.

    At the source it stays stopped in its slot, with the records that nobody has fetched yet. Raises
    UsageFault when it does not run there or has no slot at the target, and what the nodes refuse; then it
    runs where it was.
    """
    before = _running(await source.modules(), bundle)
    here = before.slot
    there = _destination(await target.modules(), bundle, slot)
    if there.digest != bundle.manifest.digest:
        await target.install(there.slot, bundle.to_bytes())
    began = time.monotonic()
    await source.control(here, Control.PAUSE)
    try:
        snapshot = await source.snapshot(here)
        await target.restore(there.slot, snapshot)
    except BaseException:
        await source.control(here, Control.RESUME)
        raise
    await _resume(source, here, target, there.slot)
    paused_s = time.monotonic() - began
    await source.control(here, Control.STOP)
    after = await target.module(there.slot)
    if after.probation is not None and before.probation is None:
        await target.control(there.slot, Control.CONFIRM)  # it has proved itself where it was
    numbers = {one.name: one.next_seq for one in after.streams}
    return Moved(bundle.manifest.name, there.slot, len(snapshot), paused_s, numbers)


async def _resume(source: Node, here: int, target: Node, there: int) -> None:
    """Let the module go on at the target; back at the source only when it surely does not run there."""
    try:
        await target.control(there, Control.RESUME)
    except BaseException as fault:
        try:
            await target.control(there, Control.STOP)
        except WasmoteError:
            raise WasmoteError(
                f"it is not known whether the module goes on at {target.url}: {fault}",
                f"it is paused at {source.url}; look with `wasmote ls`, then stop one and resume the other",
            ) from fault
        await source.control(here, Control.RESUME)
        raise


def _running(modules: Sequence[ModuleStatus], bundle: Bundle) -> ModuleStatus:
    for module in modules:
        if module.digest == bundle.manifest.digest and module.state is ModuleState.RUNNING:
            return module
    raise UsageFault(
        f"{bundle.manifest.name} {bundle.manifest.version} does not run there",
        "`wasmote ls` shows what does; the bundle must be the one that runs, byte for byte",
    )


def _destination(modules: Sequence[ModuleStatus], bundle: Bundle, slot: int | None) -> ModuleStatus:
    """Choose a slot: where the module was before, an empty one, or the one that was asked for."""
    idle = [one for one in modules if one.state not in (ModuleState.RUNNING, ModuleState.PAUSED)]
    if slot is not None:
        idle = [one for one in idle if one.slot == slot]
    else:
        idle = [one for one in idle if one.digest == bundle.manifest.digest or one.state is ModuleState.EMPTY]
    idle.sort(key=lambda one: one.digest != bundle.manifest.digest)
    if idle:
        return idle[0]
    raise UsageFault(
        f"no slot is free for {bundle.manifest.name} at the destination",
        "stop and remove a module there, or name another --slot",
    )
