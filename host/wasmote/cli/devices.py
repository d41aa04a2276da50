"""`wasmote devices`: which boards are there, and the link of each."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import rich_click as click

from wasmote.cli.common import json_option, note, print_columns, print_json, run_async
from wasmote.cli.examples import examples

if TYPE_CHECKING:
    from wasmote.devices import Condition, Device

NOT_ASKED = "not asked"
HEAD = ("link", "board", "is", "port", "usb", "firmware", "modules", "mode")


@click.command("devices")
@click.option("--watch", is_flag=True, help="Go on, and print what is plugged in and what is pulled out.")
@click.option("--ask", is_flag=True, help="Ask each board how it is. This opens ports, which resets some.")
@json_option
@run_async
@examples(
    "wasmote devices",
    "wasmote devices --watch",
    "wasmote devices --ask",
    "wasmote devices --watch --ask",
    "wasmote devices --json",
)
async def devices(watch: bool, ask: bool, as_json: bool) -> None:
    """List serial ports and running emulated boards, with the link to use for each.

    Ports are told apart by what USB says of them. None is opened, so that no board is reset by it, unless you
    --ask for it: then each says which firmware and modules it has, and whose modules it takes, as emulated
    boards on UDP do in any case.
    """
    from wasmote.devices import ask as ask_device
    from wasmote.devices import find_devices, to_json

    if watch:
        await _follow(ask, as_json)
        return
    found = find_devices()
    told = [await ask_device(device, opens_ports=ask) for device in found]
    if as_json:
        for device, condition in zip(found, told, strict=True):
            print_json(to_json(device, condition))
    elif found:
        print_columns([HEAD, *(_row(*row) for row in zip(found, told, strict=True))], head=True)
        _explain(found)
    else:
        note("no serial port is plugged in, and no emulated board runs: `wasmote sim native` starts one")


async def _follow(ask: bool, as_json: bool) -> None:
    """Print what is there, and what comes and goes, until Ctrl-C."""
    from wasmote.devices import ask as ask_device
    from wasmote.devices import to_json, watch_devices

    async with aclosing(watch_devices()) as arrivals:
        async for arrival in arrivals:
            told = await ask_device(arrival.device, opens_ports=ask) if arrival.present else None
            if as_json:
                event = "arrived" if arrival.present else "left"
                print_json({"event": event, **to_json(arrival.device, told)})
                continue
            cells = _row(arrival.device, told)
            shown = (*cells[:4], *(cells[5:] if told else ()))
            click.echo("  ".join((f"{'+' if arrival.present else '-'} {shown[0]}", *shown[1:])))


def _row(device: Device, told: Condition | None) -> tuple[str, ...]:
    product = f" ({device.product})" if device.product else ""
    board = f"{', '.join(device.candidates)}?" if device.candidates else device.board
    firmware, modules, mode = ("-", "-", NOT_ASKED) if device.link else ("-", "-", "-")
    if told is not None:
        board, mode = told.board or board, told.mode
        firmware, modules = told.firmware or "-", ", ".join(told.modules) or "-"
    where = device.link or "-", board, device.bridge + product, device.port or "-", device.usb_id or "-"
    return *where, firmware, modules, mode


def _explain(found: list[Device]) -> None:
    """Say what the table cannot: what a question mark means, and what boards say of their ids."""
    for text in dict.fromkeys(text for device in found for text in device.notes):
        note(text)
    if any(device.candidates for device in found):
        note("?: the USB ids are those of an adapter or a boot loader, which other boards have too;")
        note("   `wasmote ls --link LINK` asks the board itself")
