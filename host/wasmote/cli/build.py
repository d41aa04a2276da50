"""`wasmote build`: from a module's source to a bundle."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from wasmote.cli.common import counted, json_option, note, print_json, say
from wasmote.cli.examples import examples
from wasmote.errors import UsageFault
from wasmote.wire.bundle import Bundle
from wasmote.wire.manifest import ANY_DEVICE, Input, Manifest, MemoryUse, Stream

if TYPE_CHECKING:
    from wasmote.build.pipeline import BuildResult

OUTPUT_FOLDER = Path("build")


@click.command("build")
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Bundle to write. Default: build/NAME.bundle.",
)
@click.option("--name", help="Name of the module. Default: the project file's, or SOURCE's.")
@click.option(
    "--release",
    "version",
    metavar="VERSION",
    help="Version of the module. Default: the project file's, or 0.",
)
@click.option(
    "--sequence",
    type=click.IntRange(0, 0xFFFF_FFFF),
    help="Sequence number of this release: it grows. Default: the project file's, or 1.",
)
@click.option(
    "--heap",
    type=click.IntRange(min=0),
    metavar="BYTES",
    help="Memory that the module uses above its data. Default: the project file's, or 0.",
)
@click.option(
    "--trim/--whole-pages",
    default=None,
    help="Cut linear memory to stack, data and heap, or round it up to pages of 16 KiB. "
    "Default: as the project file says, or whole pages.",
)
@json_option
@examples(
    "wasmote build models/flood/flood.toml",
    "wasmote build alarm.c --release 1.1.0 --sequence 2 -o alarm.bundle",
    "wasmote build alarm.c --trim --heap 256",
)
def build(
    source: Path,
    output: Path | None,
    name: str | None,
    version: str | None,
    sequence: int | None,
    heap: int | None,
    trim: bool | None,
    as_json: bool,
) -> None:
    """Compile SOURCE, check it and write a bundle that a node installs.

    SOURCE is a module's project file (flood.toml), or its source
    with the project file beside it: C, Rust, AssemblyScript, Zig (.c, .rs, .ts, .zig) or a linked .wasm.
    The next step is to push the bundle to a board.
    """
    from wasmote.build.pipeline import build as build_module
    from wasmote.build.project import Overrides

    result = build_module(source, Overrides(name, version, sequence, heap, trim))
    _tell_warnings(result)
    if result.loaded.toml is None:
        note(f"note: there is no {result.loaded.place}: built without inputs and streams")
    path = output or OUTPUT_FOLDER / f"{result.bundle.manifest.name}.bundle"
    _write(path, result.bundle)
    if as_json:
        print_json(summary(result.bundle, path))
    else:
        say(describe(result.bundle, path))


def build_aloud(source: Path) -> Bundle:
    """Build a bundle on the way to a board, and print what there is to be warned of."""
    from wasmote.build.pipeline import build as build_module

    result = build_module(source)
    _tell_warnings(result)
    return result.bundle


def _tell_warnings(result: BuildResult) -> None:
    if result.warnings:
        click.echo(result.warnings, err=True, nl=False)


def summary(bundle: Bundle, path: Path) -> dict[str, Any]:
    """What a program wants to know of a bundle; sizes in bytes."""
    file = {"bundle": str(path), "bundle_bytes": len(bundle.to_bytes())}
    return file | summarize_module(bundle)


def summarize_module(bundle: Bundle) -> dict[str, Any]:
    """A module and its manifest for a program; sizes in bytes, RAM as boards of 32 bits count it."""
    from wasmote.build.ram import ram_of

    manifest, ram = bundle.manifest, ram_of(bundle)
    return {
        "name": manifest.name,
        "version": manifest.version,
        "sequence": manifest.sequence,
        "device_class": manifest.device_class,
        "abi": manifest.abi,
        "wasm_bytes": manifest.size,
        "sha256": manifest.digest.hex(),
        "pages": manifest.pages,
        "memory_bytes": manifest.held_bytes,
        "trimmed": manifest.memory_bytes is not None,
        "memory_use": manifest.memory_use and dataclasses.asdict(manifest.memory_use),
        "stack_bytes": manifest.stack,
        "ram_bytes": ram.total,
        "ram": dataclasses.asdict(ram),
        "fits": _boards_by_room(bundle)[0],
        "inputs": [
            {"sensor": entry.sensor, "channels": entry.channels, "units": entry.units}
            for entry in manifest.inputs
        ],
        "streams": [
            {
                "name": stream.name,
                "shape": stream.shape,
                "fields": stream.fields,
                "units": stream.units,
                "rate_ms": stream.rate_ms,
            }
            for stream in manifest.streams
        ],
        "config": dict(manifest.config),
        "state": manifest.state and {"schema": manifest.state.schema, "bytes": manifest.state.size},
        "capabilities": manifest.capabilities,
        "event_budget_us": manifest.event_budget_us,
        "probation": manifest.probation,
    }


def describe(bundle: Bundle, path: Path) -> str:
    """A bundle for a person."""
    return describe_module(bundle, ("bundle", f"{path}, {len(bundle.to_bytes()):,} bytes"))


def describe_module(bundle: Bundle, *rows: tuple[str, str]) -> str:
    """A module and its manifest for a person, after further rows of (label, text)."""
    manifest = bundle.manifest
    lines = [*rows, *_rows(bundle)]
    width = max(len(label) for label, _ in lines) + 2
    title = f"{manifest.name} {manifest.version} (sequence {manifest.sequence})"
    return "\n".join([title, *(f"  {label:<{width}}{text}" for label, text in lines)])


def _rows(bundle: Bundle) -> Iterator[tuple[str, str]]:
    """Describe what is there; what has its usual value is left out."""
    manifest = bundle.manifest
    yield "module", f"{manifest.size:,} bytes, SHA-256 {manifest.digest.hex()}"
    yield "memory", _memory(manifest)
    yield "", _memory_use(manifest.memory_use)
    yield "RAM", _ram(bundle)
    yield "", _room(bundle)
    yield from (("input", _input(entry)) for entry in manifest.inputs)
    yield from (("stream", _stream(stream)) for stream in manifest.streams)
    if manifest.config:
        yield "config", ", ".join(f"{name} = {value:g}" for name, value in manifest.config.items())
    if manifest.state is not None:
        yield "state", f"{manifest.state.schema}, {manifest.state.size:,} bytes"
    if manifest.capabilities:
        yield "may", ", ".join(manifest.capabilities)
    if manifest.event_budget_us is not None:
        yield "budget", f"{manifest.event_budget_us:,} us an event"
    if manifest.probation is not None:
        yield "probation", counted(manifest.probation, "event") if manifest.probation else "until confirmed"
    if manifest.device_class != ANY_DEVICE:
        yield "for", manifest.device_class


def _memory(manifest: Manifest) -> str:
    held = f"{manifest.pages} {'page' if manifest.pages == 1 else 'pages'} of 16 KiB"
    if manifest.memory_bytes is not None:
        held += f", trimmed to {manifest.memory_bytes:,} bytes,"
    return f"{held} and {manifest.stack:,} bytes of stack"


def _memory_use(use: MemoryUse | None) -> str:
    if use is None:
        return "not measured: the module does not tell where its data ends"
    return f"begins with C stack {use.stack:,}, data {use.data:,}, heap {use.heap:,} bytes"


def _ram(bundle: Bundle) -> str:
    from wasmote.build.ram import ram_of

    ram = ram_of(bundle)
    parts = f"memory {ram.memory:,}, stack {ram.stack:,}, code {ram.code:,}, the rest {ram.other:,}"
    return f"{ram.total:,} bytes of a board's arena: {parts}"


def _room(bundle: Bundle) -> str:
    fits, short = _boards_by_room(bundle)
    if not short:
        return "alone, it fits every board"
    return f"alone, it fits {', '.join(fits) or 'no board'}; too large for {', '.join(short)}"


def _boards_by_room(bundle: Bundle) -> tuple[list[str], list[str]]:
    """The boards on which the module may run while nothing else does, and those on which it never can."""
    from wasmote.build.ram import NARROW, WIDE, ram_of, read_arenas

    ram = {word: ram_of(bundle, word) for word in (NARROW, WIDE)}
    arenas = read_arenas()
    fits = [arena.board for arena in arenas if arena.has_room(ram[arena.word])]
    return fits, [arena.board for arena in arenas if arena.board not in fits]


def _input(entry: Input) -> str:
    channels = ", ".join(
        f"{channel} [{unit}]" for channel, unit in zip(entry.channels, entry.units, strict=True)
    )
    return f"{entry.sensor}: {channels}"


def _stream(stream: Stream) -> str:
    values = ", ".join(stream.fields) if stream.fields else "x".join(map(str, stream.shape))
    noun = "value" if stream.count == 1 else "values"
    rate = f", one in {stream.rate_ms:,} ms" if stream.rate_ms else ""
    return f"{stream.name}: {stream.count} {noun} f32: {values}{rate}"


def _write(path: Path, bundle: Bundle) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bundle.to_bytes())
    except OSError as fault:
        raise UsageFault(
            f"{path}: cannot be written: {fault.strerror}", "name another file with -o"
        ) from fault
