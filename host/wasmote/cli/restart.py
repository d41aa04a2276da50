"""`wasmote restart`: have a board start anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from wasmote.cli.common import json_option, link_option, print_json, run_async, say
from wasmote.cli.examples import examples
from wasmote.cli.keys import key_option
from wasmote.node import Node

if TYPE_CHECKING:
    from wasmote.keys import Key


@click.command()
@click.option(
    "--without-modules",
    is_flag=True,
    help="Start no module: one that keeps the board from working can go then.",
)
@key_option
@json_option
@link_option
@run_async
@examples(
    "wasmote restart --link serial:///dev/ttyACM0",
    "wasmote restart --without-modules --key release --link serial:///dev/ttyACM0",
)
async def restart(link: str, without_modules: bool, key: str | None, as_json: bool) -> None:
    """Restart a board, and wait until it answers. One with keys wants that signed by one of them."""
    from wasmote.restart import order_restart, wait_for_start
    from wasmote.wire.node import NextStart

    how = NextStart.WITHOUT_MODULES if without_modules else NextStart.USUAL
    async with await Node.connect(link) as node:
        before = await node.info()
        await order_restart(node, before, how, _signer(key))
    info = await wait_for_start(link, before.boot_id)
    if as_json:
        from wasmote.cli.render import plain

        print_json({"event": "restart", "link": link, "node": plain(info)})
    else:
        say(f"{link}: {info.board} has restarted" + (", without its modules" if info.escaped else ""))


def _signer(text: str | None) -> Key | None:
    from wasmote.keys import find_key

    return find_key(text) if text else None
