"""Asks a packed module, running under wasmtime, what only the module itself knows."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import wasmtime

from wasmote.build.pages import PackRefused, to_byte_pages
from wasmote.build.startup import EXPORT_CONSTRUCTORS
from wasmote.runtime import engine as node_engine  # the module: it imports this package, and may come first
from wasmote.runtime import host_api
from wasmote.runtime.guest import GuestView, HostRefusal, sentence

PROBE_FUEL = 50_000_000
"""About as many instructions may a module spend in its start function and in answering."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a module answered: `state_size` in bytes, None when it exports no state."""

    state_size: int | None


class _IdleHost:
    """A host on which nothing has happened yet."""

    def sensor_read(self, input_: int, values: GuestView) -> int:
        return -2

    def emit(self, stream: int, values: bytes) -> int:
        return -1

    def log(self, level: int, text: str) -> None:
        pass

    def now_ms(self) -> int:
        return 0

    def config_get(self, key: str, fallback: float) -> float:
        return fallback

    def random(self, out: GuestView) -> None:
        pass


@functools.cache
def _engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.wasm_custom_page_sizes = True
    config.consume_fuel = True
    return wasmtime.Engine(config)


@functools.cache
def host_functions() -> dict[str, wasmtime.FuncType]:
    """The functions that a node offers: name -> type."""
    store = wasmtime.Store(_engine())
    linker = _linker()
    found = {}
    for name in vars(host_api.HostFunctions):
        item = None if name.startswith("_") else linker.get(store, host_api.MODULE, name)
        if isinstance(item, wasmtime.Func):
            found[name] = item.type(store)
    return found


def validate(packed: bytes) -> None:
    """Validate a packed module as WebAssembly; raises PackRefused with the validator's words."""
    try:
        wasmtime.Module.validate(_engine(), to_byte_pages(packed))
    except wasmtime.WasmtimeError as fault:
        raise PackRefused(f"module is not valid WebAssembly: {fault}") from fault


def ask(packed: bytes, event_bytes: int, config_bytes: int, memory_bytes: int | None) -> Findings:
    """Ask a packed module for its buffer, start it, and ask for the size of its state, as a node does.

    `event_bytes` and `config_bytes` are the largest sample and config it will be handed, `memory_bytes` all
    of its memory when that is trimmed. Raises PackRefused when the module traps, has no room for them, or
    declares a state outside its memory or one that does not keep.
    """
    store = wasmtime.Store(_engine())
    store.set_fuel(PROBE_FUEL)
    linker = _linker()
    module = wasmtime.Module(_engine(), node_engine.with_exported_start(to_byte_pages(packed, memory_bytes)))
    linker.define_unknown_imports_as_traps(module)
    try:
        return _ask(store, linker.instantiate(store, module), event_bytes, config_bytes)
    except (wasmtime.Trap, HostRefusal) as fault:
        raise PackRefused(f"module traps as it is loaded: {sentence(fault)}") from fault
    except wasmtime.WasmtimeError as fault:
        raise PackRefused(f"module cannot be loaded: {fault}") from fault


def _ask(store: wasmtime.Store, instance: wasmtime.Instance, event_bytes: int, config_bytes: int) -> Findings:
    exports = instance.exports(store)
    memory = exports["memory"]
    assert isinstance(memory, wasmtime.Memory)
    _ask_buffer(store, instance, memory, "its largest sample", event_bytes)
    if exports.get(node_engine.START) is not None:
        _call(store, instance, node_engine.START)
    if exports.get("on_config") is not None:
        _ask_buffer(store, instance, memory, "its config", config_bytes)
    if exports.get("wasmote_state") is None:
        return Findings(None)
    return Findings(_state_size(store, instance, memory))


def _ask_buffer(
    store: wasmtime.Store, instance: wasmtime.Instance, memory: wasmtime.Memory, what: str, wanted: int
) -> None:
    address = _call(store, instance, "wasmote_buffer", wanted)
    if wanted and not 0 < address <= memory.data_len(store) - wanted:
        raise PackRefused(
            f"module's wasmote_buffer has no room for {what} of {wanted} bytes",
            f"make it WASMOTE_BUFFER({wanted}) or larger; for a sample it is asked before all else",
        )


def _state_size(store: wasmtime.Store, instance: wasmtime.Instance, memory: wasmtime.Memory) -> int:
    """Ask for the state and its size, and see that asking leaves it as it is.

    A module whose exports all run its constructors first would begin anew with each call.
    """
    address, length = (_call(store, instance, name) for name in ("wasmote_state", "wasmote_state_size"))
    if length == 0 or address + length > memory.data_len(store):
        raise PackRefused(f"module's state ({length} bytes at {address}) is empty or outside of its memory")
    other = bytes(byte ^ 0xFF for byte in memory.read(store, address, address + length))
    memory.write(store, other, address)
    for name in ("wasmote_state", "wasmote_state_size"):
        _call(store, instance, name)
    if bytes(memory.read(store, address, address + length)) != other:
        raise PackRefused(
            "module changes its state whenever it is asked for it: each call sets it up anew",
            f"set it up once, in on_start; constructors: link with {EXPORT_CONSTRUCTORS}",
        )
    return length


def _call(store: wasmtime.Store, instance: wasmtime.Instance, name: str, *arguments: int) -> int:
    function = instance.exports(store)[name]
    assert isinstance(function, wasmtime.Func)
    return int(function(store, *arguments) or 0) & 0xFFFF_FFFF


def _linker() -> wasmtime.Linker:
    linker = wasmtime.Linker(_engine())
    host_api.link(linker, _IdleHost())
    return linker
