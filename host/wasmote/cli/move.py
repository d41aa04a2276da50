"""`wasmote move` and `wasmote host`: a module goes on somewhere else, on another board or on this machine."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import asdict
from pathlib import Path

import rich_click as click

from wasmote.cli.common import json_option, note, print_json, run_async, say, trace_option
from wasmote.cli.examples import examples
from wasmote.errors import UsageFault

GATEWAY = "gateway"


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option(
    "--slot", type=click.IntRange(min=0), help="Slot at TO. Default: where it was, or an empty one."
)
@click.option(
    "--gateway",
    "gateway_link",
    metavar="URL",
    envvar="WASMOTE_GATEWAY",
    help="What FROM or TO means by `gateway`: the link of a `wasmote host`. Default: the variable "
    "WASMOTE_GATEWAY of the environment.",
)
@json_option
@trace_option
@run_async
@examples(
    "wasmote move build/flood.bundle serial:///dev/ttyACM0 gateway --gateway coap://127.0.0.1:5690",
    "wasmote move build/flood.bundle coap://127.0.0.1:5690 serial:///dev/ttyACM1",
)
async def move(
    bundle: Path, source: str, target: str, slot: int | None, gateway_link: str | None, as_json: bool
) -> None:
    """Let the module of BUNDLE, which runs at FROM, go on at TO: with all its state and its streams' numbers.

    FROM and TO are links of nodes; `gateway` is the host runtime, see `wasmote host`.
    """
    from wasmote.move import move as move_module
    from wasmote.node import Node
    from wasmote.wire.bundle import Bundle

    content = Bundle.from_file(bundle)
    async with (
        await Node.connect(_link(source, gateway_link)) as here,
        await Node.connect(_link(target, gateway_link)) as there,
    ):
        moved = await move_module(content, here, there, slot)
    if as_json:
        print_json(asdict(moved))
        return
    numbers = ", ".join(f"{name} from record {number}" for name, number in moved.next_seq.items())
    say(
        f"{moved.name} goes on at {target}, slot {moved.slot}{': ' if numbers else ''}{numbers}; "
        f"{moved.snapshot_bytes} bytes of state, {moved.paused_s:.2f} s without events"
    )


@click.command("host")
@click.option(
    "--address", default="127.0.0.1", show_default=True, help="Address of this machine to listen on."
)
@click.option("--port", type=click.IntRange(1, 65535), help="UDP port. Default: a free one.")
@json_option
@run_async
@examples("wasmote host --port 5690")
async def host(address: str, port: int | None, as_json: bool) -> None:
    """Be a node: run modules on this machine under wasmtime, print the link, until Ctrl-C.

    Whoever reaches the address can install modules. Nothing is kept when it ends.
    """
    from wasmote.runtime.server import serve

    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with serve(address, port or 0) as (_, link):
        if as_json:
            print_json({"board": "host", "link": link})
        else:
            click.echo(link)
            note("running; in another terminal: wasmote ls --link LINK. Ctrl-C ends it.")
        await asyncio.Event().wait()


def _link(place: str, gateway_link: str | None) -> str:
    if place != GATEWAY:
        return place
    if gateway_link is None:
        raise UsageFault(
            "which gateway? No link was given",
            "--gateway URL, or set WASMOTE_GATEWAY: the link that `wasmote host` prints",
        )
    return gateway_link
