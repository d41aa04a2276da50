"""What a module announces and nobody in it does: an input without a handler, a stream that nothing emits to.

A handler that is misspelt, or whose name its compiler mangled, is one more function to every compiler and
linker, and such a module runs for ever and does nothing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from wasmote.build.leb import Reader
from wasmote.build.opcodes import CALL, CALL_INDIRECT
from wasmote.build.pages import PackRefused
from wasmote.build.project import LoadedProject
from wasmote.build.wasm import Kind, WasmModule
from wasmote.runtime import host_api

_ON_SAMPLE, _ON_TICK = "on_sample", "on_tick"
_EMITTING = (_ON_SAMPLE, _ON_TICK)  # elsewhere the host refuses a record (firmware/SPEC.md, "Guest ABI")
_ALIKE = 0.8  # of difflib's ratio: on_smaple is 0.89 like on_sample
_MANGLED = re.compile(r"_ZN?\d+|_R|17h[0-9a-f]{16}E$")


def check_announced(module: WasmModule, loaded: LoadedProject, defined: Iterable[str]) -> str:
    """Refuse a module of which it is certain that it does not do what is announced; warn where it is likely.

    `defined` are the functions that its source defines for others to call, exported or not. Returns the
    warnings, a line each.
    """
    exported = {entry.name: entry.index for entry in module.exports() if entry.kind == Kind.FUNCTION}
    names = [name for name in dict.fromkeys((*exported, *defined)) if name not in host_api.EXPORTS]
    _check_inputs(module, loaded, exported, names)
    _check_streams(loaded, exported, names)
    notes = [*_idle_streams(module, loaded, exported), *_idle_config(module, loaded, exported)]
    notes += [
        f"nobody calls {name}: is it meant to be {handler}?"
        for handler in host_api.EXPORTS
        if handler not in exported and (name := nearest(handler, names)) is not None
    ]
    return "".join(f"warning: {note}\n" for note in notes)


def nearest(handler: str, names: Iterable[str]) -> str | None:
    """The name that will be meant for this handler: mangled, or misspelt."""
    for name in names:
        if handler in name and _MANGLED.search(name):
            return name
    found = difflib.get_close_matches(handler, list(names), n=1, cutoff=_ALIKE)
    return found[0] if found else None


# ---- refused ---------------------------------------------------------------------------------------------


def _check_inputs(
    module: WasmModule, loaded: LoadedProject, exported: dict[str, int], names: list[str]
) -> None:
    """A reading reaches on_sample, or a tick that asks for the newest one."""
    polls = _ON_TICK in exported and _imported(module, "sensor_read") is not None
    if loaded.project.input and _ON_SAMPLE not in exported and not polls:
        sensors = ", ".join(table.sensor for table in loaded.project.input)
        _refuse(f"nobody handles input {sensors}", (_ON_SAMPLE,), names, f"[[input]] from {loaded.place}")


def _check_streams(loaded: LoadedProject, exported: dict[str, int], names: list[str]) -> None:
    if loaded.project.stream and not exported.keys() & set(_EMITTING):
        streams = ", ".join(table.name for table in loaded.project.stream)
        _refuse(f"nothing can emit to stream {streams}", _EMITTING, names, f"[[stream]] from {loaded.place}")


def _refuse(reason: str, wanted: tuple[str, ...], names: list[str], table: str) -> None:
    handlers = " and no ".join(wanted)
    for handler in wanted:
        name = nearest(handler, names)
        if name is not None:
            cure = f'put extern "C" before {handler}' if _MANGLED.search(name) else f"call it {handler}"
            raise PackRefused(f"{reason}: module exports no {handlers}, but has {name}", cure)
    raise PackRefused(f"{reason}: module exports no {handlers}", f"write {wanted[0]}, or drop {table}")


# ---- warned of -------------------------------------------------------------------------------------------


def _idle_streams(module: WasmModule, loaded: LoadedProject, exported: dict[str, int]) -> Iterator[str]:
    if not loaded.project.stream:
        return
    emit = _imported(module, "emit")
    handlers = [index for name, index in exported.items() if name in _EMITTING]
    if emit is None or emit not in _reachable(module, handlers):
        streams = ", ".join(table.name for table in loaded.project.stream)
        yield f"no emit is reached from {' or '.join(_EMITTING)}: stream {streams} stays empty"


def _idle_config(module: WasmModule, loaded: LoadedProject, exported: dict[str, int]) -> Iterator[str]:
    if loaded.project.config and "on_config" not in exported and _imported(module, "config_get") is None:
        yield f"nothing reads the config: {', '.join(loaded.project.config)}"


# ---- looking into the module -----------------------------------------------------------------------------


def _imported(module: WasmModule, name: str) -> int | None:
    """The index of the host's function of this name, if the module imports it."""
    functions = [entry for entry in module.imports() if entry.kind == Kind.FUNCTION]
    for index, entry in enumerate(functions):
        if (entry.module, entry.name) == (host_api.MODULE, name):
            return index
    return None


def _reachable(module: WasmModule, roots: list[int]) -> set[int]:
    """All functions that a call of `roots` may come to; an indirect call may come to all of the table."""
    imported = len(module.function_types()) - len(module.bodies())
    bodies = module.bodies()
    table = [entry for entry in module.table() if entry is not None]
    reached: set[int] = set()
    waiting = list(roots)
    while waiting:
        index = waiting.pop()
        if index in reached:
            continue
        reached.add(index)
        for one in bodies[index - imported].instructions() if index >= imported else ():
            if one.opcode == CALL:
                waiting.append(Reader(one.encoded[1:]).u32())
            elif one.opcode == CALL_INDIRECT:
                waiting += table
    return reached
