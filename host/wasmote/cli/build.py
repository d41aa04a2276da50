"""`wasmote build`: from a module's source to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from wasmote.cli.common import json_option, print_json
from wasmote.errors import UsageFault
from wasmote.wire.bundle import Bundle
from wasmote.wire.manifest import PAGE_BYTES, Input, Stream

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
@json_option
def build(
    source: Path,
    output: Path | None,
    name: str | None,
    version: str | None,
    sequence: int | None,
    as_json: bool,
) -> None:
    """Compile SOURCE, check it and write a bundle that a node installs.

    SOURCE is a module's project file (flood.toml), or its source
    with the project file beside it: C, Rust, AssemblyScript, Zig (.c, .rs, .ts, .zig) or a linked .wasm.
    The next step is to push the bundle to a board.
    """
    from wasmote.build.pipeline import build as build_module
    from wasmote.build.project import Overrides

    result = build_module(source, Overrides(name, version, sequence))
    if result.warnings:
        click.echo(result.warnings, err=True, nl=False)
    if result.loaded.toml is None:
        click.echo(f"note: there is no {result.loaded.place}: built without inputs and streams", err=True)
    path = output or OUTPUT_FOLDER / f"{result.bundle.manifest.name}.bundle"
    _write(path, result.bundle)
    if as_json:
        print_json(summary(result.bundle, path))
    else:
        click.echo(describe(result.bundle, path))


def summary(bundle: Bundle, path: Path) -> dict[str, Any]:
    """What a program wants to know of a bundle; sizes in bytes."""
    manifest = bundle.manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "sequence": manifest.sequence,
        "bundle": str(path),
        "bundle_bytes": len(bundle.to_bytes()),
        "wasm_bytes": manifest.size,
        "sha256": manifest.digest.hex(),
        "pages": manifest.pages,
        "ram_bytes": ram_bytes(bundle),
        "inputs": [
            {"sensor": entry.sensor, "channels": entry.channels, "units": entry.units}
            for entry in manifest.inputs
        ],
        "streams": [
            {"name": stream.name, "shape": stream.shape, "fields": stream.fields, "units": stream.units}
            for stream in manifest.streams
        ],
        "state": manifest.state and {"schema": manifest.state.schema, "bytes": manifest.state.size},
    }


def describe(bundle: Bundle, path: Path) -> str:
    """The same for a person."""
    manifest = bundle.manifest
    rows = [
        ("bundle", f"{path}, {len(bundle.to_bytes()):,} bytes"),
        ("module", f"{manifest.size:,} bytes, SHA-256 {manifest.digest.hex()}"),
        ("memory", _memory(bundle)),
        *(("input", _input(entry)) for entry in manifest.inputs),
        *(("stream", _stream(stream)) for stream in manifest.streams),
    ]
    if manifest.state is not None:
        rows.append(("state", f"{manifest.state.schema}, {manifest.state.size:,} bytes"))
    title = f"{manifest.name} {manifest.version} (sequence {manifest.sequence})"
    return "\n".join([title, *(f"  {label:<8}{text}" for label, text in rows)])


def ram_bytes(bundle: Bundle) -> int:
    """RAM that the module itself takes: linear memory and operand stack. The engine adds its code."""
    return bundle.manifest.pages * PAGE_BYTES + bundle.manifest.stack


def _memory(bundle: Bundle) -> str:
    pages, stack = bundle.manifest.pages, bundle.manifest.stack
    noun = "page" if pages == 1 else "pages"
    return f"{pages} {noun} of 16 KiB and {stack:,} bytes of stack: {ram_bytes(bundle):,} bytes of RAM"


def _input(entry: Input) -> str:
    channels = ", ".join(
        f"{channel} [{unit}]" for channel, unit in zip(entry.channels, entry.units, strict=True)
    )
    return f"{entry.sensor}: {channels}"


def _stream(stream: Stream) -> str:
    values = ", ".join(stream.fields) if stream.fields else "x".join(map(str, stream.shape))
    noun = "value" if stream.count == 1 else "values"
    return f"{stream.name}: {stream.count} {noun} f32: {values}"


def _write(path: Path, bundle: Bundle) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bundle.to_bytes())
    except OSError as fault:
        raise UsageFault(
            f"{path}: cannot be written: {fault.strerror}", "name another file with -o"
        ) from fault
