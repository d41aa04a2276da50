"""`wasmote ls`, `get`, `put`: look at a node and at its resources."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from wasmote.cli.common import (
    counted,
    json_option,
    link_option,
    note,
    print_columns,
    print_json,
    run_async,
    say,
)
from wasmote.cli.examples import examples
from wasmote.errors import UsageFault
from wasmote.life import life_notes
from wasmote.node import FORMAT_BUNDLE, FORMAT_CBOR, Node

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmote.wire.modules import ModuleStatus
    from wasmote.wire.node import Banks, NodeInfo
    from wasmote.wire.samples import SensorInfo


@click.command()
@link_option
@json_option
@run_async
@examples(
    "wasmote ls --link coap://127.0.0.1:5683",
    "wasmote ls --link serial:///dev/ttyACM0 --json",
)
async def ls(link: str, as_json: bool) -> None:
    """Show a node: what it is, its modules, sensors and streams."""
    from wasmote.cli.render import plain

    async with await Node.connect(link) as node:
        info, modules, sensors = await node.info(), await node.modules(), await node.sensors()
    if as_json:
        print_json({"link": link, "node": plain(info), "modules": plain(modules), "sensors": plain(sensors)})
        return
    _print_rows("node", node_rows(info, link), head=False)
    _print_rows("modules", [("slot", "state", "module", "events", "traps", "note"), *_module_rows(modules)])
    streams = [
        (str(module.slot), stream.name, str(stream.next_seq))
        for module in modules
        for stream in module.streams
    ]
    if streams:
        _print_rows("streams", [("slot", "stream", "next"), *streams])
    _print_rows("sensors", [("name", "channels", "from", "readings"), *_sensor_rows(sensors)])


def node_rows(info: NodeInfo, link: str) -> list[tuple[str, ...]]:
    """Return what a node is and how it is, as columns of a table."""
    flags = [
        name
        for name, there in (
            ("injection allowed", info.injection),
            ("clock set", info.clock_set),
        )
        if there
    ]
    rows = [
        ("link", link),
        ("board", f"{info.board} ({info.cpu}), firmware {info.firmware}, id {info.unique_id.hex()}"),
        ("up", f"{info.uptime_s} s since {info.reset_cause.name.lower()} reset, boot {info.boot_id.hex()}"),
        ("memory", f"{info.arena_free:,} bytes free for modules, bundles up to {info.bundle_max:,} bytes"),
        ("trust", info.mode),
        ("flags", ", ".join(flags) or "none"),
    ]
    if info.banks is not None:
        rows.append(("flash", _flash(info.banks, info.boots)))
    if info.escaped:
        rows.append(("escape", "its modules were left alone at its start: reset it to start them"))
    if info.fault:
        rows.append(("fault", info.fault))
    return [*rows]


def _flash(banks: Banks, boots: int | None) -> str:
    started = "" if boots is None else f"; {counted(boots, 'start')} so far"
    worn = f"{banks.erased} erased since the start, {banks.records_erased} sectors of records ever"
    return f"{counted(banks.all, 'bank')} for modules, {banks.unused} unused; {worn}{started}"


def _module_rows(modules: Iterable[ModuleStatus]) -> Iterable[tuple[str, ...]]:
    for module in modules:
        notes = [*([module.error] if module.error else []), *life_notes(module)]
        if module.candidate is not None:
            notes.append(f"candidate {module.candidate.name} {module.candidate.version}")
        name = f"{module.name} {module.version or ''}".strip() if module.name else "-"
        events, traps = module.events or 0, module.traps or 0
        yield str(module.slot), module.state.name.lower(), name, str(events), str(traps), "; ".join(notes)


def _sensor_rows(sensors: Iterable[SensorInfo]) -> Iterable[tuple[str, ...]]:
    for sensor in sensors:
        channels = ", ".join(
            f"{channel} [{unit}]" for channel, unit in zip(sensor.channels, sensor.units, strict=False)
        )
        readings = f"{sensor.readings}, {sensor.lost} lost" if sensor.lost else str(sensor.readings)
        yield sensor.name, channels, "outside" if sensor.injected else "board", readings + _overflow(sensor)


def _overflow(sensor: SensorInfo) -> str:
    """Say that readings come too fast, where they do."""
    waiting = sensor.waiting
    if waiting is None or waiting.in_erase <= waiting.room:
        return ""
    return f" (while flash is erased {waiting.in_erase} may come, and {waiting.room} can wait)"


def _print_rows(title: str, rows: list[tuple[str, ...]], *, head: bool = True) -> None:
    click.secho(title, bold=True)
    print_columns(rows, indent="  ", head=head)


@click.command()
@click.argument("path")
@click.option("--raw", is_flag=True, help="Write the payload's bytes as they are.")
@json_option
@link_option
@run_async
@examples(
    "wasmote get /node",
    "wasmote get /.well-known/core",
    "wasmote get '/out/0/features?since=none' --json",
    "wasmote get /modules/0/config --raw > config.cbor",
)
async def get(link: str, path: str, raw: bool, as_json: bool) -> None:
    """Print the resource PATH; CBOR as JSON. PATH may hold a query."""
    from wasmote.cli.render import is_text, jsonable

    async with await Node.connect(link) as node:
        reply = await node.request("GET", path)
    if raw:
        sys.stdout.buffer.write(reply.payload)
        sys.stdout.buffer.flush()
    elif is_text(reply) and not as_json:
        click.echo(jsonable(reply, path))
    else:
        print_json(jsonable(reply, path), indent=None if as_json else 2)


@click.command()
@click.argument("path")
@click.argument("value", required=False)
@click.option(
    "--format",
    "format_name",
    metavar="FORMAT",
    help="cbor (VALUE is JSON; the default), text, octets, bundle, or the number of a CoAP content format. "
    "Files named *.bundle are bundles.",
)
@click.option("--post", is_flag=True, help="POST instead of PUT, as /modules/N/control wants it.")
@json_option
@link_option
@run_async
@examples(
    "wasmote put /modules/0/config '{\"alpha\": 0.5}'",
    "wasmote put /sensors/level '[[1000, [1.5]]]'",
    "wasmote put /modules/0/control '{\"0\": 1}' --post",
    "wasmote put /modules/1 @build/flood.bundle",
)
async def put(
    link: str, path: str, value: str | None, format_name: str | None, post: bool, as_json: bool
) -> None:
    """Send VALUE to the resource PATH.

    VALUE is JSON and travels as CBOR ('{"alpha": 0.5}'; keys that are numbers become integers). @FILE takes
    it from a file, - from standard input.
    """
    from wasmote.cli.render import jsonable

    content_format, payload = _payload(value, format_name, path)
    async with await Node.connect(link) as node:
        reply = await node.request("POST" if post else "PUT", path, payload, content_format)
        if not post:
            await _tell_unheard(node, path)
    if as_json:
        print_json({"code": reply.code.dotted, "payload": jsonable(reply, path)})
    else:
        say(f"{path}: {reply.code}")


async def _tell_unheard(node: Node, path: str) -> None:
    """Say of readings that were taken, 2.04, that no module gets them, where the node tells that."""
    parts = path.partition("?")[0].strip("/").split("/")
    if len(parts) != 2 or parts[0] != "sensors":
        return
    for sensor in await node.sensors():
        if sensor.name == parts[1] and sensor.listeners == 0:
            note(f"{path}: no module that runs listens to it: the readings are lost")


def _payload(value: str | None, format_name: str | None, path: str) -> tuple[int | None, bytes]:
    from wasmote.cli.value import cbor_of_json

    if value is None:
        return None, b""
    content_format = _content_format(value, format_name)
    content = _content(value)
    return content_format, cbor_of_json(content, path) if content_format == FORMAT_CBOR else content


def _content_format(value: str, name: str | None) -> int:
    from wasmote.cli.render import FORMATS

    if name is None:
        return FORMAT_BUNDLE if value.startswith("@") and value.endswith(".bundle") else FORMAT_CBOR
    if name in FORMATS:
        return FORMATS[name]
    if name.isascii() and name.isdigit() and int(name) <= 0xFFFF:
        return int(name)
    raise UsageFault(f"--format {name}: unknown", f"use {', '.join(FORMATS)} or a number up to 65535")


def _content(value: str) -> bytes:
    if value == "-":
        return sys.stdin.buffer.read()
    if not value.startswith("@"):
        return value.encode()
    try:
        return Path(value[1:]).read_bytes()
    except OSError as fault:
        raise UsageFault(f"{value[1:]}: cannot be read: {fault.strerror}") from fault
