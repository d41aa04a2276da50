"""A module's bytes under wasmtime: calls into it with a budget, its memory, its globals."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from wasmtime import Func, Global, Linker, Memory, Store, Trap, Val, WasmtimeError

from wasmote.build.wasm import WasmModule
from wasmote.errors import UsageFault, WasmoteError
from wasmote.runtime import host_api
from wasmote.runtime.engine import GLOBAL, START, ModuleRefused, compile_module, engine
from wasmote.runtime.functions import GuestServices
from wasmote.runtime.guest import GuestTrap, HostRefusal, sentence
from wasmote.wire.bundle import Bundle
from wasmote.wire.manifest import DEFAULT_EVENT_BUDGET_US
from wasmote.wire.state import Snapshot

# wasmtime counts instructions, a node microseconds. A Cortex-M4 at 168 MHz interprets about 3 a
# microsecond; what is over 100 times that is a runaway on any node, and takes 50 ms here.
FUEL_PER_US = 300

_FORMATS = {"i32": "<i", "i64": "<q", "f32": "<f", "f64": "<d"}
_MAKERS: Mapping[str, Callable[[Any], Val]] = {"i32": Val.i32, "i64": Val.i64, "f32": Val.f32, "f64": Val.f64}


class GuestInstance:
    """One instance of a module, with `services` for its imports. Once `trapped`, every call raises."""

    def __init__(self, bundle: Bundle, services: GuestServices) -> None:
        self.table = tuple(WasmModule.from_bytes(bundle.module).table())
        self.trapped = False
        self._manifest = bundle.manifest
        self._services = services
        self._store = Store(engine())
        self._store.set_limits(memory_size=self._manifest.held_bytes)
        self._exports = self._instantiate(bundle.module)

    def call(self, export: str, *arguments: int) -> Any:
        """Call an export that takes and gives integers; 0 where it is not there. Raises GuestTrap."""
        if self.trapped:
            raise GuestTrap(f"module {self._manifest.name} has trapped before and must be made anew")
        function = self._function(export)
        if function is None:
            return 0
        self._refuel()
        try:
            return function(self._store, *arguments)
        except (Trap, HostRefusal) as fault:
            self.trapped = True
            where = "the start function" if export == START else export
            message = f"module {self._manifest.name}: {sentence(fault)} in {where}"
            raise GuestTrap(message, tuple(self._services.take_emissions())) from fault

    def has(self, export: str) -> bool:
        """Whether the module exports this function."""
        return self._function(export) is not None

    def ask_buffer(self, size: int) -> int:
        """Return where the guest has room for so many bytes."""
        address = int(self.call("wasmote_buffer", size)) & 0xFFFF_FFFF
        if address == 0 or address + size > self._memory.data_len(self._store):
            raise ModuleRefused(
                f"module {self._manifest.name}: wasmote_buffer gave no room for {size} bytes",
                "make its WASMOTE_BUFFER larger",
            )
        return address

    # ---- memory ----------------------------------------------------------------------------------------

    def read(self, address: int, size: int) -> bytes:
        """Copy bytes out of its memory."""
        return bytes(self._memory.read(self._store, address, address + size))

    def write(self, address: int, data: bytes) -> None:
        """Copy bytes into its memory."""
        self._memory.write(self._store, data, address)

    def check_state(self) -> None:
        """Hold the size of its state against the manifest, as a node does."""
        declared = self._manifest.state
        size = int(self.call("wasmote_state_size")) & 0xFFFF_FFFF if declared else 0
        if declared and size != declared.size:
            raise ModuleRefused(
                f"module {self._manifest.name}: its manifest declares a state of {declared.size} bytes, "
                f"the module's has {size}",
                "build it again: `wasmote build` measures the size",
            )

    def state_place(self) -> tuple[int, int]:
        """Return address and size of the state that the module declares."""
        address = int(self.call("wasmote_state")) & 0xFFFF_FFFF
        size = int(self.call("wasmote_state_size")) & 0xFFFF_FFFF
        if address + size > self._memory.data_len(self._store):
            raise WasmoteError(f"module {self._manifest.name} declares a state outside its memory")
        return address, size

    # ---- snapshots -------------------------------------------------------------------------------------

    def memory(self) -> bytes:
        """All of its memory."""
        return self.read(0, self._memory.data_len(self._store))

    def mutable_globals(self) -> dict[int, int]:
        """The bits of each mutable global, by index."""
        return {index: _bits(one, self._store) for index, one in self._globals().items()}

    def put_back(self, snapshot: Snapshot) -> None:
        """Make memory and globals those of a snapshot of the same module. Raises UsageFault for another."""
        grown = len(snapshot.memory) - self._memory.data_len(self._store)
        known = snapshot.table == self.table and set(snapshot.mutable_globals) == set(self._globals())
        if not known or grown < 0:
            raise UsageFault("the snapshot holds a global, a table or memory that the module has not")
        if grown:
            self._memory.grow(self._store, grown)
        self.write(0, snapshot.memory)
        for index, one in self._globals().items():
            kind = str(one.type(self._store).content)
            one.set_value(self._store, _value(kind, snapshot.mutable_globals[index]))

    def _globals(self) -> dict[int, Global]:
        names = {name: one for name, one in self._exports.items() if name.startswith(GLOBAL)}
        return {int(name[len(GLOBAL) :]): one for name, one in names.items() if isinstance(one, Global)}

    # ---- inside ----------------------------------------------------------------------------------------

    def _instantiate(self, module: bytes) -> Mapping[str, Any]:
        linker = Linker(engine())
        host_api.link(linker, self._services)
        compiled = compile_module(module, self._manifest)
        self._refuel()  # instantiation takes some
        try:
            instance = linker.instantiate(self._store, compiled)
        except (WasmtimeError, Trap) as fault:
            raise ModuleRefused(f"module {self._manifest.name} cannot be set up: {fault}") from fault
        return instance.exports(self._store)

    def _refuel(self) -> None:
        budget_us = self._manifest.event_budget_us or DEFAULT_EVENT_BUDGET_US
        self._store.set_fuel(budget_us * FUEL_PER_US)

    def _function(self, export: str) -> Func | None:
        found = self._exports.get(export)
        return found if isinstance(found, Func) else None

    @property
    def _memory(self) -> Memory:
        memory = self._exports["memory"]
        if not isinstance(memory, Memory):
            raise ModuleRefused(f'module {self._manifest.name} exports a "memory" that is none')
        return memory


def _bits(one: Global, store: Store) -> int:
    """The bits of a global's value, in 64 of which an i32 or an f32 has the low 32."""
    packed = struct.pack(_FORMATS[str(one.type(store).content)], one.value(store))
    return int.from_bytes(packed, "little")


def _value(kind: str, bits: int) -> Val:
    packed = (bits & ((1 << 8 * struct.calcsize(_FORMATS[kind])) - 1)).to_bytes(
        struct.calcsize(_FORMATS[kind]), "little"
    )
    (value,) = struct.unpack(_FORMATS[kind], packed)
    return _MAKERS[kind](value)
