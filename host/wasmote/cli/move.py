"""`wasmote move` and `wasmote host`: a module goes on somewhere else, on another board or on this machine."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from wasmote.cli.common import check_slot, json_option, note, print_json, run_async, say, trace_option
from wasmote.cli.examples import examples
from wasmote.errors import NoAnswer, UsageFault, WasmoteError
from wasmote.link.url import parse_link

if TYPE_CHECKING:
    from wasmote.move import Moved

GATEWAY = "gateway"
MOVE_S = 120.0  # for a gateway to move a module
BAD_REQUEST = 400


@click.command()
@click.argument("module")
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
    help="A gateway's HTTP address: it does the move. Or the link of a `wasmote host`, which FROM or TO call "
    "`gateway`. Default: the variable WASMOTE_GATEWAY of the environment.",
)
@json_option
@trace_option
@run_async
@examples(
    "wasmote move flood f405 gateway --gateway http://127.0.0.1:8683",
    "wasmote move build/flood.bundle serial:///dev/ttyACM0 gateway --gateway coap://127.0.0.1:5690",
    "wasmote move build/flood.bundle coap://127.0.0.1:5690 serial:///dev/ttyACM1",
)
async def move(
    module: str, source: str, target: str, slot: int | None, gateway_link: str | None, as_json: bool
) -> None:
    """Let MODULE, which runs at FROM, go on at TO: with all its state and its streams' numbers.

    With the HTTP address of a gateway, it does the move: MODULE is a module that it has deployed, FROM and TO
    are its boards, or `gateway` for itself. Otherwise MODULE is a bundle, FROM and TO are links of nodes;
    `gateway` is a host runtime, see `wasmote host`. A gateway that follows them finds out.
    """
    if gateway_link is not None and gateway_link.startswith(("http://", "https://")):
        moved = await asyncio.to_thread(_ask, gateway_link, module, source, target, slot)
    else:
        _check_gateway(gateway_link)
        links = _link(source, gateway_link), _link(target, gateway_link)
        moved = await _move(Path(module), *links, slot)
    if as_json:
        print_json(asdict(moved))
        return
    numbers = ", ".join(f"{name} from record {number}" for name, number in moved.next_seq.items())
    say(
        f"{moved.name} goes on at {target}, slot {moved.slot}{': ' if numbers else ''}{numbers}; "
        f"{moved.snapshot_bytes} bytes of state, {moved.paused_s:.2f} s without events"
    )


async def _move(bundle: Path, source: str, target: str, slot: int | None) -> Moved:
    from wasmote.move import move as move_module
    from wasmote.node import Node
    from wasmote.wire.bundle import Bundle

    content = Bundle.from_file(bundle)
    async with await Node.connect(source) as here, await Node.connect(target) as there:
        await check_slot(there, slot)
        return await move_module(content, here, there, slot)


def _ask(gateway: str, module: str, source: str, target: str, slot: int | None) -> Moved:
    """Have a gateway move a module."""
    import json
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    from wasmote.move import Moved

    asked = {"module": module, "source": source, "target": target}
    body = json.dumps(asked | ({} if slot is None else {"slot": slot})).encode()
    request = Request(f"{gateway.rstrip('/')}/moves", body, {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=MOVE_S) as answer:
            return Moved(**json.load(answer))
    except HTTPError as fault:
        said = json.loads(fault.read()).get("error") or str(fault)
        raise (UsageFault if fault.code == BAD_REQUEST else WasmoteError)(f"{gateway}: {said}") from None
    except (URLError, TimeoutError, ValueError) as fault:
        why = fault.reason if isinstance(fault, URLError) else fault
        raise NoAnswer(f"{gateway}: no gateway answers there: {why}", "does `wasmote gateway` run?") from None


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

    async with serve(address, port or 0) as (_, link):
        if as_json:
            print_json({"board": "host", "link": link})
        else:
            click.echo(link)
            note("running; in another terminal: wasmote ls --link LINK. Ctrl-C ends it.")
        await asyncio.Event().wait()


def _check_gateway(link: str | None) -> None:
    """Raise `UsageFault` for what is neither the address of a gateway nor a link."""
    try:
        if link is not None:
            parse_link(link)
    except UsageFault:
        raise UsageFault(
            f"{link} is no address of a gateway",
            "a gateway's HTTP address, http://127.0.0.1:8683, or the link that `wasmote host` prints",
        ) from None


def _link(place: str, gateway_link: str | None) -> str:
    if place != GATEWAY:
        return place
    if gateway_link is None:
        raise UsageFault(
            "which gateway? No link was given",
            "--gateway URL, or set WASMOTE_GATEWAY: a gateway's HTTP address, or what `wasmote host` prints",
        )
    return gateway_link
