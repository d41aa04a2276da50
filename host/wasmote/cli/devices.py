"""`wasmote devices`: which boards are there, and the link of each."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import rich_click as click

from wasmote.cli.common import json_option, note, print_columns, print_json, run_async
from wasmote.cli.examples import examples

if TYPE_CHECKING:
    from wasmote.devices import Arrival, Device

NOT_ASKED = "not asked"


@click.command("devices")
@click.option("--watch", is_flag=True, help="Go on, and print what is plugged in and what is pulled out.")
@click.option(
    "--ask", is_flag=True, help="Ask each board whose modules it takes. This opens ports, which resets some."
)
@json_option
@run_async
@examples(
    "wasmote devices",
    "wasmote devices --watch",
    "wasmote devices --ask",
    "wasmote devices --json",
)
async def devices(watch: bool, ask: bool, as_json: bool) -> None:
    """List serial ports and running emulated boards, with the link to use for each.

    Ports are told apart by what USB says of them. None is opened, so that no board is reset by it, unless you
    --ask for it: then each says whose modules it takes, as emulated boards on UDP do in any case.
    """
    from wasmote.devices import find_devices, to_json, watch_devices

    if watch:
        async with aclosing(watch_devices()) as arrivals:
            async for arrival in arrivals:
                _print_arrival(arrival, as_json)
        return
    found = find_devices()
    modes = [await _mode(device, ask) for device in found]
    if as_json:
        for device, mode in zip(found, modes, strict=True):
            print_json(to_json(device) | ({"mode": mode} if mode else {}))
    elif found:
        rows = [(*_row(device), mode or NOT_ASKED) for device, mode in zip(found, modes, strict=True)]
        print_columns([("link", "board", "is", "port", "usb", "mode"), *rows])
        _explain(found)
    else:
        note("no serial port is plugged in, and no emulated board runs: `wasmote sim native` starts one")


async def _mode(device: Device, ask: bool) -> str | None:
    """Whose modules the board takes, as it says itself, or why it does not say; None when it is not asked.

    A process that answers over UDP is asked in any case: there is no port that would be opened.
    """
    from wasmote.errors import WasmoteError
    from wasmote.link.url import CoapLink, parse_link
    from wasmote.node import Node

    if device.link is None or not (ask or isinstance(parse_link(device.link), CoapLink)):
        return None
    try:
        async with await Node.connect(device.link) as node:
            return (await node.info()).mode
    except WasmoteError as fault:
        return f"not known: {fault.message}"


def _row(device: Device) -> tuple[str, ...]:
    product = f" ({device.product})" if device.product else ""
    board = f"{', '.join(device.candidates)}?" if device.candidates else device.board
    return device.link or "-", board, device.bridge + product, device.port or "-", device.usb_id or "-"


def _explain(found: list[Device]) -> None:
    """Say what the table cannot: what a question mark means, and what boards say of their ids."""
    for text in dict.fromkeys(text for device in found for text in device.notes):
        note(text)
    if any(device.candidates for device in found):
        note("?: the USB ids are those of an adapter or a boot loader, which other boards have too;")
        note("   `wasmote ls --link LINK` asks the board itself")


def _print_arrival(arrival: Arrival, as_json: bool) -> None:
    from wasmote.devices import to_json

    if as_json:
        print_json({"event": "arrived" if arrival.present else "left", **to_json(arrival.device)})
        return
    link, board, bridge, port, _ = _row(arrival.device)
    click.echo(f"{'+' if arrival.present else '-'} {link}  {board}  {bridge}  {port}")
