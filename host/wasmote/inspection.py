"""What a module's file says: the manifest, and what the code needs and offers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import wasmtime

from wasmote.build import probe
from wasmote.build.limit_check import check_limits
from wasmote.build.packer import Layout, layout
from wasmote.build.pages import NODE_PAGE_LOG2, PackRefused
from wasmote.build.wasm import FuncType, Kind, Limits, WasmModule
from wasmote.errors import UsageFault, VerificationRefused, WasmoteError
from wasmote.keys import own_and_known_keys
from wasmote.signing import find_signer
from wasmote.wire.bundle import WASM_MAGIC, Bundle


@dataclass(frozen=True, slots=True)
class Entry:
    """An import ("wasmote.emit") or an export, what it is, and the type if it is a function."""

    name: str
    kind: Kind
    type: FuncType | None


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed a bundle: a key's id, and the name by which it is known here, else None."""

    key_id: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """A valid module. `bundle` is None for a bare Wasm file; `sections` are (name, bytes).

    `layout` is where stack and data end, in a bare file that still tells.
    """

    path: Path
    size: int
    bundle: Bundle | None
    module_size: int
    sections: tuple[tuple[str, int], ...]
    memory: Limits | None
    layout: Layout | None
    imports: tuple[Entry, ...]
    exports: tuple[Entry, ...]
    signature: Signature | None = None


def inspect(path: Path) -> Inspection:
    """Read a bundle or a Wasm file, validate the module with wasmtime, and check it as every node does.

    Raises `UsageFault` (neither of both), `VerificationRefused` (the module is not the manifest's, or a known
    key did not sign it so), `WasmoteError` (the module is not valid, or beyond
    a limit of every node); all of them name the file.
    """
    content = _read(path)
    try:
        bundle = None if content.startswith(WASM_MAGIC) else Bundle.from_bytes(content)
        encoded = content if bundle is None else bundle.module
        _validate(encoded)  # first: what follows relies on indices that are in range
        check_limits(WasmModule.from_bytes(encoded))
        if bundle is not None:
            bundle.manifest.check_for_nodes()
            _check_state(bundle)
        described = _describe(path, len(content), bundle, encoded)
        return replace(described, signature=_signature(bundle)) if bundle else described
    except WasmoteError as fault:
        fault.locate(path)
        raise


def _signature(bundle: Bundle) -> Signature | None:
    if bundle.envelope is None:
        return None
    signer = find_signer(bundle, own_and_known_keys())
    return Signature(bundle.envelope.key_id.hex(), signer.name if signer else None)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise UsageFault(
            f"{path}: cannot be read: {fault.strerror}", "`wasmote build` makes bundles"
        ) from fault


def _validate(encoded: bytes) -> None:
    """Validate a node's module as one with its pages, and any other as standard WebAssembly."""
    memories = WasmModule.from_bytes(encoded).memories()
    if any(memory.page_log2 == NODE_PAGE_LOG2 for memory in memories):
        probe.validate(encoded)
        return
    try:
        wasmtime.Module.validate(wasmtime.Engine(), encoded)
    except wasmtime.WasmtimeError as fault:
        raise WasmoteError(f"module is not valid WebAssembly: {fault}") from fault


def _check_state(bundle: Bundle) -> None:
    """Hold the declared size of the state against what the module says, as a node does."""
    declared = bundle.manifest.state
    if declared is None:
        return
    size = probe.ask(bundle.module, 0, 0, bundle.manifest.memory_bytes).state_size or 0
    if size != declared.size:
        raise VerificationRefused(
            f"its manifest declares a state of {declared.size} bytes, the module's has {size}",
            "build it again: `wasmote build` measures the size",
        )


def _layout(module: WasmModule) -> Layout | None:
    try:
        return layout(module)
    except PackRefused:
        return None  # `wasmote build` says why


def _describe(path: Path, size: int, bundle: Bundle | None, encoded: bytes) -> Inspection:
    module = WasmModule.from_bytes(encoded)
    types, functions = module.types(), module.function_types()
    return Inspection(
        path=path,
        size=size,
        bundle=bundle,
        module_size=len(encoded),
        sections=tuple((section.id.name.lower(), len(section.payload)) for section in module.sections),
        memory=next(iter(module.memories()), None),
        layout=_layout(module),
        imports=tuple(
            Entry(
                f"{entry.module}.{entry.name}",
                entry.kind,
                types[entry.type_index] if entry.kind is Kind.FUNCTION else None,
            )
            for entry in module.imports()
        ),
        exports=tuple(
            Entry(entry.name, entry.kind, functions[entry.index] if entry.kind is Kind.FUNCTION else None)
            for entry in module.exports()
        ),
    )
