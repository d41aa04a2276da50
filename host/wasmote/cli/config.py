"""`wasmote config`: the parameters of a module, read and set while it runs."""

from __future__ import annotations

import difflib
import math
import re
from typing import TYPE_CHECKING

import rich_click as click

from wasmote.cli.common import check_slot, json_option, link_option, note, print_json, run_async
from wasmote.cli.control import slot_option
from wasmote.cli.examples import examples
from wasmote.errors import UsageFault
from wasmote.node import Node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmote.wire.modules import ModuleStatus

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


@click.command("config")
@click.argument("settings", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--reset", is_flag=True, help="Those that are not named go back to their defaults.")
@slot_option
@json_option
@link_option
@run_async
@examples(
    "wasmote config",
    "wasmote config alpha=0.25",
    "wasmote config limit=2.5 hold=3 --slot 1",
    "wasmote config --reset",
)
async def config(link: str, settings: tuple[str, ...], reset: bool, slot: int | None, as_json: bool) -> None:
    """Set parameters of a module while it runs; without any, print them.

    A parameter is a number. Those that are not named stay as they are. After a reset of the board they are
    what the module's project file says again.
    """
    wanted = parse_settings(settings)
    async with await Node.connect(link) as node:
        await check_slot(node, slot)
        where = _choose(await node.modules()) if slot is None else slot
        before = await node.config(where)
        check_names(wanted, before)
        if wanted or reset:
            await node.set_config(where, wanted if reset else before | wanted)
        after = await node.config(where)
    if as_json:
        print_json({"slot": where, "config": after})
        return
    for name, value in after.items():
        was = "" if value == before[name] else f" (was {shown(before[name])})"
        click.echo(f"{name} = {shown(value)}{was}")
    if not after:
        note(f"slot {where}: this module has no parameters")


def parse_settings(settings: Sequence[str]) -> dict[str, float]:
    """Read KEY=VALUE, each once, a value being a finite number. Raises `UsageFault`."""
    found: dict[str, float] = {}
    for setting in settings:
        name, sign, text = setting.partition("=")
        if not sign or not name:
            raise UsageFault(f"{setting}: is no KEY=VALUE", "wasmote config alpha=0.25")
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not math.isfinite(value):
            raise UsageFault(f"{setting}: {text or 'nothing'} is no number", "a parameter is a finite number")
        if name in found:
            raise UsageFault(f"{setting}: {name} is set twice", "name each parameter once")
        found[name] = value
    return found


def check_names(wanted: Mapping[str, float], known: Mapping[str, float]) -> None:
    """Raise `UsageFault` for a parameter that the module does not have."""
    for name in wanted:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            guess = f"did you mean {close[0]}? " if close else ""
            raise UsageFault(
                f"the module has no parameter {name}", f"{guess}Its parameters: {', '.join(known) or 'none'}"
            )


def shown(value: float) -> str:
    """Return the shortest text that is this number."""
    return repr(value).removesuffix(".0")


def _choose(modules: Sequence[ModuleStatus]) -> int:
    """Return the slot of the only module. Raises `UsageFault` where there is none, or more."""
    found = [module for module in modules if module.name is not None]
    if len(found) == 1:
        return found[0].slot
    if not found:
        raise UsageFault("there is no module", "`wasmote ls` shows what is there")
    which = ", ".join(f"{module.slot}: {module.name}" for module in found)
    raise UsageFault(f"the parameters of which one? ({which})", "name it with --slot")
