"""`wasmote inspect`: what is in a bundle or in a Wasm file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from wasmote.cli.build import describe_module, summarize_module
from wasmote.cli.common import json_option, print_columns, print_json
from wasmote.cli.examples import examples

if TYPE_CHECKING:
    from wasmote.build.wasm import Limits
    from wasmote.inspection import Entry, Inspection, Signature


@click.command("inspect")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@examples(
    "wasmote inspect build/flood.bundle",
    "wasmote inspect flood.wasm --json",
)
def inspect(file: Path, as_json: bool) -> None:
    """Show what is in FILE, a bundle or a .wasm: manifest, memory, imports, exports, sections.

    The module is checked against its manifest's SHA-256, and the signature against the keys that are known
    here (exit status 6 when one does not fit), and validated.
    """
    from wasmote.inspection import inspect as look_into

    found = look_into(file)
    if as_json:
        print_json(_summary(found))
    else:
        _print(found)


def _print(found: Inspection) -> None:
    if found.bundle is None:
        click.echo(f"{found.path}: a valid module of {found.size:,} bytes, without a manifest")
    else:
        said = "its module is valid, and the one that its manifest names"
        click.echo(f"{found.path}: a bundle of {found.size:,} bytes; {said}")
        click.echo(describe_module(found.bundle, ("signed", _signed(found.signature))))
    if found.memory is not None:
        held = None if found.bundle is None else found.bundle.manifest.memory_bytes
        click.echo(f"linear memory: {_memory(found.memory, held)}")
    if found.layout is not None:
        stack, data = found.layout.stack, found.layout.end - found.layout.stack
        click.echo(f"measured: C stack {stack:,}, data {data:,} bytes")
    for title, entries in (("imports", found.imports), ("exports", found.exports)):
        if entries:
            click.secho(title, bold=True)
            print_columns([(entry.name, _type(entry)) for entry in entries], indent="  ")
    click.secho("sections", bold=True)
    print_columns([(name, f"{size:,} bytes") for name, size in found.sections], indent="  ")


def _summary(found: Inspection) -> dict[str, Any]:
    memory = found.memory
    return {
        "file": str(found.path),
        "file_bytes": found.size,
        "manifest": None if found.bundle is None else summarize_module(found.bundle),
        "signature": found.signature
        and {
            "key": found.signature.key_id,
            "name": found.signature.name,
            "known": bool(found.signature.name),
        },
        "wasm_bytes": found.module_size,
        "memory": memory
        and {"pages": memory.minimum, "maximum": memory.maximum, "page_bytes": 1 << memory.page_log2},
        "layout": found.layout and {"stack": found.layout.stack, "end": found.layout.end},
        "imports": [{"name": entry.name, "type": _type(entry)} for entry in found.imports],
        "exports": [{"name": entry.name, "type": _type(entry)} for entry in found.exports],
        "sections": [{"name": name, "bytes": size} for name, size in found.sections],
    }


def _signed(signature: Signature | None) -> str:
    if signature is None:
        return "no: only boards in development mode take it"
    if signature.name is None:
        return f"with key {signature.key_id}, which is not known here: not checked"
    return f"with key {signature.key_id} ({signature.name}): the signature fits"


def _type(entry: Entry) -> str:
    return entry.kind.name.lower() if entry.type is None else str(entry.type)


def _memory(limits: Limits, held: int | None) -> str:
    page = f"{'page' if limits.minimum == 1 else 'pages'} of {(1 << limits.page_log2):,} bytes"
    if held is not None:
        return f"{limits.minimum} {page}, of which {held:,} bytes are there: it cannot grow"
    most = "no limit" if limits.maximum is None else f"at most {limits.maximum}"
    return f"{limits.minimum} {page} to begin with, {most}"
