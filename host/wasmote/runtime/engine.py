"""wasmtime, set up to run a node's modules with a node's semantics."""

from __future__ import annotations

from functools import cache

from wasmtime import Config, Engine, Module, WasmtimeError

from wasmote.build import leb
from wasmote.build.limit_check import BeyondLimit, check_limits
from wasmote.build.pages import to_byte_pages
from wasmote.build.wasm import Export, Kind, SectionId, WasmModule
from wasmote.errors import WasmoteError
from wasmote.runtime import host_api
from wasmote.wire.manifest import InvalidManifest, Manifest

START = "wasmote:start"  # no C identifier: cannot clash with an export of the module
GLOBAL = "wasmote:global:"


class ModuleRefused(WasmoteError):
    """The module cannot run here, and a node would refuse it as well."""


@cache
def engine() -> Engine:
    """Return the one engine of this process: no features that a node lacks, NaNs of one kind, fuel."""
    config = Config()
    config.wasm_custom_page_sizes = True
    config.cranelift_nan_canonicalization = True
    config.consume_fuel = True
    config.wasm_relaxed_simd = False
    config.wasm_simd = False
    config.wasm_threads = False
    config.wasm_tail_call = False
    config.wasm_multi_memory = False
    config.wasm_memory64 = False
    return Engine(config)


def with_exported_globals(encoded: bytes) -> bytes:
    """Export every mutable global as GLOBAL and its index, so that a snapshot can be taken from outside.

    A node needs no such exports: it looks into its engine.
    """
    module = WasmModule.from_bytes(encoded)
    exports = [
        Export(f"{GLOBAL}{index}", Kind.GLOBAL, index)
        for index, one in enumerate(module.globals())
        if one.mutable
    ]
    return module.with_exports([*module.exports(), *exports]).to_bytes() if exports else encoded


def with_exported_start(encoded: bytes) -> bytes:
    """Turn the start section into an export named START.

    A node asks for the guest's buffer before it runs the start function; an instantiation in
    wasmtime would run it first.
    """
    module = WasmModule.from_bytes(encoded)
    starts = [section for section in module.sections if section.id == SectionId.START]
    if not starts:
        return encoded
    index = leb.Reader(starts[0].payload).u32()
    rest = WasmModule(tuple(s for s in module.sections if s.id != SectionId.START))
    return rest.with_exports([*rest.exports(), Export(START, Kind.FUNCTION, index)]).to_bytes()


def compile_module(encoded: bytes, manifest: Manifest) -> Module:
    """Validate and compile a module with 16 KiB pages, and check it against the host API and its manifest.

    Raises ModuleRefused (not valid, beyond a limit, unknown or ungranted import, missing or wrong export).
    """
    name = manifest.name
    try:
        module = Module(
            engine(),
            with_exported_globals(with_exported_start(to_byte_pages(encoded, manifest.memory_bytes))),
        )
    except WasmtimeError as fault:
        raise ModuleRefused(f"module {name} is not valid: {fault}") from fault
    try:
        check_limits(WasmModule.from_bytes(encoded))
        manifest.check_for_nodes()
    except (BeyondLimit, InvalidManifest) as fault:
        raise ModuleRefused(fault.message, fault.hint) from fault
    _check_imports(module, name, manifest.capabilities)
    _check_exports(module, name)
    return module


def _check_imports(module: Module, name: str, capabilities: tuple[str, ...]) -> None:
    for entry in module.imports:
        full = f"{entry.module}.{entry.name}"
        if entry.module != host_api.MODULE or entry.name not in host_api.IMPORTS:
            raise ModuleRefused(f"module {name} imports {full}, which a node does not offer")
        capability = host_api.IMPORTS[entry.name]
        if capability is not None and capability not in capabilities:
            raise ModuleRefused(
                f"module {name} imports {full}, which needs the capability {capability!r}",
                f"add capabilities = [{capability!r}] to the module's project file",
            )


def _check_exports(module: Module, name: str) -> None:
    kinds = {entry.name: entry.type for entry in module.exports}
    for required in ("memory", *host_api.REQUIRED_EXPORTS):
        if required not in kinds:
            raise ModuleRefused(f"module {name} does not export {required}")
    for export, (params, results) in host_api.EXPORTS.items():
        kind = kinds.get(export)
        if kind is None:
            continue
        found = tuple(tuple(str(t) for t in getattr(kind, side, ("?",))) for side in ("params", "results"))
        if found != (params, results):
            raise ModuleRefused(
                f"module {name} exports {export}, but not as a function of type {params} -> {results}"
            )
