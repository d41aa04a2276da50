"""Checks a packed module against the guest interface (firmware/SPEC.md, "Guest ABI")."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import wasmtime

from wasmote.build.pages import PackRefused
from wasmote.build.probe import host_functions
from wasmote.build.project import LoadedProject
from wasmote.build.wasm import TYPE_NAMES, FuncType, Kind, WasmModule
from wasmote.runtime import host_api

_TYPES = {name: code for code, name in TYPE_NAMES.items()}


def check_exports(module: WasmModule) -> None:
    """Refuse a module whose exports a node could not call; the message names export and signature."""
    exports = {entry.name: entry for entry in module.exports()}
    if "memory" not in exports or exports["memory"].kind != Kind.MEMORY:
        raise PackRefused('module does not export its memory as "memory"', "link without --no-export-memory")
    for name in host_api.REQUIRED_EXPORTS:
        if name not in exports:
            raise PackRefused(
                f"module does not export {name}, through which a node hands data in",
                "write WASMOTE_BUFFER(bytes) in C; wasm3-port/guest has the other languages",
            )
    types = module.function_types()
    for name, (params, results) in host_api.EXPORTS.items():
        if name in exports:
            expected = FuncType(tuple(_TYPES[p] for p in params), tuple(_TYPES[r] for r in results))
            entry = exports[name]
            found = types[entry.index] if entry.kind == Kind.FUNCTION else None
            if found != expected:
                shape = found if found is not None else f"a {entry.kind.name.lower()}"
                raise PackRefused(f"export {name} is {shape}; a node calls it as {expected}")


def check_imports(module: WasmModule) -> None:
    """Refuse imports that no node offers, and name what is nearest."""
    known = host_functions()
    types = module.types()
    for entry in module.imports():
        label = f"{entry.module}.{entry.name}"
        if entry.kind != Kind.FUNCTION:
            kind = entry.kind.name.lower()
            raise PackRefused(f"module imports the {kind} {label}; a node offers functions only")
        if entry.module != host_api.MODULE or entry.name not in known:
            raise PackRefused(f"module imports {label}, which no node offers", _offer(entry.name, known))
        expected = _from_wasmtime(known[entry.name])
        if types[entry.type_index] != expected:
            raise PackRefused(
                f"module imports {label} as {types[entry.type_index]}; nodes offer {expected}",
                "use the generated wasmote.h, .rs, .ts or .zig instead of declaring it",
            )


def check_against_project(module: WasmModule, loaded: LoadedProject) -> None:
    """Refuse a module that does what its project file does not announce; the hint has the missing line."""
    project, place = loaded.project, loaded.place
    exported = {entry.name for entry in module.exports()}
    imported = {entry.name for entry in module.imports() if entry.module == host_api.MODULE}
    for name, capability in host_api.IMPORTS.items():
        if name in imported and capability is not None and capability not in project.capabilities:
            named = ", ".join(f'"{one}"' for one in (*project.capabilities, capability))
            raise PackRefused(
                f"module calls {name}, without the capability {capability}",
                f"write capabilities = [{named}] in {place}",
            )
    if "on_sample" in exported and not project.input:
        _refuse("module has on_sample, but no input is declared", place, "an [[input]] table")
    if "emit" in imported and not project.stream:
        _refuse("module emits, but no stream is declared", place, "a [[stream]] table")
    state = {"wasmote_state", "wasmote_state_size"} & exported
    if len(state) == 1:
        raise PackRefused(f"module exports {state.pop()} without its sister", "use WASMOTE_STATE(variable)")
    if state and project.state is None:
        line = f'[state] schema = "{project.name}/1"'
        _refuse("module has WASMOTE_STATE, but no state schema", place, line)
    if project.state is not None and not state:
        raise PackRefused(
            f"{place} declares a [state], which the module does not export",
            "write WASMOTE_STATE(variable) in the source, or drop [state]",
        )


def _refuse(reason: str, place: str, line: str) -> None:
    raise PackRefused(reason, f"add {line} to {place}")


def _offer(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {host_api.MODULE}.{close[0]}?"
    return f"nodes offer, from module {host_api.MODULE!r}: {', '.join(known)}"


def _from_wasmtime(kind: wasmtime.FuncType) -> FuncType:
    return FuncType(_codes(kind.params), _codes(kind.results))


def _codes(types: list[wasmtime.ValType]) -> tuple[int, ...]:
    return tuple(_TYPES[str(one)] for one in types)
