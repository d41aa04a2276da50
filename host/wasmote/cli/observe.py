"""`wasmote observe` and `monitor`: watch what happens on a node, until Ctrl-C."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import rich_click as click

from wasmote.cli.common import json_option, link_option, note, print_json, run_async, tell_waiting
from wasmote.cli.examples import examples
from wasmote.errors import CoapError, LinkDown, NoAnswer, WasmoteError
from wasmote.link.connection import LinkState
from wasmote.link.url import CoapLink, parse_link
from wasmote.node import Node
from wasmote.wire.codec import PayloadFault
from wasmote.wire.log import LogLine
from wasmote.wire.modules import SHORT_DIGEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

_STREAM = re.compile("/out/([0-9]+)/([^/]+)")


@click.command()
@click.argument("path")
@click.option("--count", type=click.IntRange(min=1), help="End after so many events.")
@json_option
@link_option
@run_async
@examples(
    "wasmote observe /out/0/features",
    "wasmote observe /sensors/temp --count 10 --json",
)
async def observe(link: str, path: str, count: int | None, as_json: bool) -> None:
    """Print the resource PATH now and whenever it changes, one line an event.

    After a broken link or a reset of the board the observation is made again.
    """
    seen = 0
    async with await Node.connect(link) as node:
        while count is None or seen < count:
            try:
                seen += await _observe_once(node, path, count and count - seen, as_json)
            except LinkDown as fault:
                tell_waiting(fault)
                await node.wait_up()


def _tell_full() -> None:
    note("all of the node's observers are taken: waiting until one turns out to be gone")


async def _observe_once(node: Node, path: str, count: int | None, as_json: bool) -> int:
    from wasmote.cli.render import is_text, jsonable

    seen = 0
    names = _Names(node, path)
    async with aclosing(node.observe(path, on_full=_tell_full)) as replies:
        async for reply in replies:
            if is_text(reply) and not as_json:
                click.echo(jsonable(reply, path))
            else:
                print_json(await names.added(jsonable(reply, path)))
            seen += 1
            if seen == count:
                break
    return seen


class _Names:
    """Puts the names of a stream's values beside them. They are asked for when another module emits."""

    def __init__(self, node: Node, path: str) -> None:
        self._node = node
        self._stream = _STREAM.fullmatch("/" + path.partition("?")[0].strip("/"))
        self._known: dict[str, tuple[str, ...]] = {}  # by the digest of the module that emitted

    async def added(self, told: Any) -> Any:
        """Return what a resource told, with the names of values where they are known."""
        if self._stream is None or not isinstance(told, dict):
            return told
        for record in told.get("records", ()):
            if names := await self._names(record["digest"]):
                record["fields"] = dict(zip(names, record["values"], strict=False))
        return told

    async def _names(self, digest: str) -> tuple[str, ...]:
        """The names as the module has them that runs now, if it emitted the record."""
        assert self._stream is not None
        slot, stream = int(self._stream[1]), self._stream[2]
        if digest not in self._known:
            running = (await self._node.module(slot)).digest or b""
            try:
                listed = await self._node.outputs(slot)
            except (CoapError, PayloadFault):  # older firmware
                listed = []
            found = next((entry.fields for entry in listed if entry.stream == stream), ())
            self._known[digest] = found if running[:SHORT_DIGEST_BYTES].hex() == digest else ()
        return self._known[digest]


@click.command()
@json_option
@link_option
@run_async
@examples(
    "wasmote monitor",
    "wasmote monitor --link serial:///dev/ttyACM0 --json",
)
async def monitor(link: str, as_json: bool) -> None:
    """Print the node's log and diagnostics until Ctrl-C.

    On a serial link it shows what the board says even when the board does not answer; after a broken link it
    goes on by itself.
    """
    printer = _Printer(as_json)
    if isinstance(parse_link(link), CoapLink):
        async with await Node.connect(link) as node:
            await _follow_log(node, printer)
    async with await Node.connect(link, on_diagnostic=printer.diagnostic, probe=False) as node:
        node.on_link_change(printer.link_state)
        await _print_kept(node, printer)
        await asyncio.Event().wait()  # new lines come as diagnostics


async def _print_kept(node: Node, printer: _Printer) -> None:
    """Print what the log holds from before; a board that does not answer can still be monitored."""
    try:
        for line in await _log_since(node, None):
            printer.line(line)
    except (NoAnswer, LinkDown) as fault:
        printer.note(fault)


async def _follow_log(node: Node, printer: _Printer) -> None:
    """Follow /log where there are no diagnostics: each notification wakes a GET of what is new."""
    last: int | None = None
    while True:
        try:
            async with aclosing(node.observe("/log")) as changes:
                async for _ in changes:
                    for line in await _log_since(node, last):
                        printer.line(line)
                        last = line.seq
        except LinkDown as fault:
            printer.note(fault)
            await node.wait_up()
            last = None  # the node may have been restarted, and count from 0 again


async def _log_since(node: Node, last: int | None) -> list[LogLine]:
    reply = await node.request("GET", f"/log?since={'none' if last is None else last}")
    return LogLine.list_from_cbor(reply.payload, "/log")


class _Printer:
    """Prints one line an event, as text or as JSON."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._echo: Callable[[str], None] = click.echo

    def line(self, line: LogLine) -> None:
        """Print a line of /log."""
        if self._as_json:
            from wasmote.cli.render import plain

            print_json({"kind": "log"} | plain(line))
            return
        origin = "" if line.slot < 0 else f"module {line.slot}: "
        self._echo(f"{line.level.name.lower()}: {origin}{line.text}")

    def diagnostic(self, text: str) -> None:
        """Print diagnostics from the serial line."""
        if self._as_json:
            print_json({"kind": "diagnostic", "text": text.rstrip("\n")})
        else:
            self._echo(text.rstrip("\n"))

    def link_state(self, state: LinkState) -> None:
        """Tell of a link that comes and goes."""
        if state in (LinkState.UP, LinkState.WAITING):
            note(f"link {state.value}")

    def note(self, fault: WasmoteError) -> None:
        """Tell of what does not stop the monitor."""
        note(fault.message)
