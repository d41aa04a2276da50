"""A module on the host: the bytes that a node runs, under wasmtime, with the same API and order of events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from wasmtime import Func, Linker, Memory, Store, Trap, WasmtimeError

from wasmote.errors import UsageFault, WasmoteError
from wasmote.runtime import host_api
from wasmote.runtime.engine import START, ModuleRefused, compile_module, engine
from wasmote.runtime.functions import Emission, Float32, GuestServices, LogLine
from wasmote.runtime.guest import GuestTrap, HostRefusal, sentence
from wasmote.wire.bundle import Bundle
from wasmote.wire.manifest import DEFAULT_EVENT_BUDGET_US
from wasmote.wire.modules import config_to_cbor

# wasmtime counts instructions, a node microseconds. A Cortex-M4 at 168 MHz interprets about 3 a
# microsecond; what is over 100 times that is a runaway on any node, and takes 50 ms here.
FUEL_PER_US = 300


class HostModule:
    """One live module.

    The order of events is a node's: the guest's buffer is asked for, then `start` (Wasm start
    function, on_start), `restore` where a state is handed over, the config, then samples and ticks.
    After a GuestTrap every event raises again: make a new HostModule.

    `clock` answers the guest's now_ms, in ms; without it the guest is told the time of the event.
    """

    def __init__(self, bundle: Bundle, clock: Callable[[], int] | None = None) -> None:
        self._manifest = bundle.manifest
        self._services = GuestServices(self._manifest, dict(self._manifest.config), clock)
        self._store = Store(engine())
        self._store.set_limits(memory_size=self._manifest.held_bytes)
        self._trapped = False
        self._started = False
        self._exports = self._instantiate(bundle.module)
        self._sample_bytes = 4 * max((len(i.channels) for i in self._manifest.inputs), default=0)
        self._sample_ptr = self._ask_buffer(self._sample_bytes)

    @property
    def log_lines(self) -> list[LogLine]:
        """Everything the guest has logged."""
        return self._services.log_lines

    def start(self, state: bytes | None = None) -> None:
        """Run the start function and on_start; then take over a state, then hand over the config."""
        if self._started:
            raise UsageFault(f"module {self._manifest.name} was started already")
        self._started = True
        self._call(START)
        self._call("on_start")
        if state is not None:
            self.restore(state)
        if self._manifest.config:
            self._give_config()

    def on_sample(self, input_: int, time_ms: int, values: Sequence[float] | Float32) -> list[Emission]:
        """Hand over one reading: a value for each channel of the input. Return what the module emitted."""
        reading = np.asarray(values, dtype="<f4")
        self._check_reading(input_, reading)
        self._services.readings[input_] = reading.astype(np.float32)
        self._write(self._sample_ptr, reading.tobytes())
        return self._event(time_ms, "on_sample", input_, time_ms, self._sample_ptr, reading.size)

    def on_tick(self, now_ms: int) -> list[Emission]:
        """Tell the module that a second has passed."""
        return self._event(now_ms, "on_tick", now_ms)

    def set_config(self, config: Mapping[str, float]) -> None:
        """Change parameters; raises UsageFault for one that the manifest does not declare."""
        for key in config:
            if key not in self._manifest.config:
                known = ", ".join(sorted(self._manifest.config)) or "none"
                raise UsageFault(f"module {self._manifest.name} has no parameter {key!r}", f"it has: {known}")
        self._services.merge_config(config)
        if self._started:
            self._give_config()

    def state(self) -> bytes:
        """Return the state that a swap hands over; b"" when the module declares none."""
        address, size = self._state_place()
        return self._read(address, size)

    def restore(self, state: bytes) -> None:
        """Put a state in place; raises UsageFault when its size is not that of the module's state."""
        address, size = self._state_place()
        if len(state) != size:
            raise UsageFault(
                f"a state of {len(state)} bytes for module {self._manifest.name}, whose state has {size}",
                "a state fits the schema that it was taken from",
            )
        self._write(address, state)

    # ---- setting up ------------------------------------------------------------------------------------

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

    def _ask_buffer(self, size: int) -> int:
        address = int(self._call("wasmote_buffer", size)) & 0xFFFF_FFFF
        if address == 0 or address + size > self._memory.data_len(self._store):
            raise ModuleRefused(
                f"module {self._manifest.name}: wasmote_buffer gave no room for {size} bytes",
                "make its WASMOTE_BUFFER larger",
            )
        return address

    def _check_reading(self, input_: int, reading: Float32) -> None:
        inputs = self._manifest.inputs
        if not 0 <= input_ < len(inputs):
            raise UsageFault(f"module {self._manifest.name} has {len(inputs)} inputs, no number {input_}")
        channels = len(inputs[input_].channels)
        if reading.shape != (channels,):
            raise UsageFault(
                f"input {inputs[input_].sensor} has {channels} channels, the sample has shape {reading.shape}"
            )

    # ---- running ---------------------------------------------------------------------------------------

    def _event(self, time_ms: int, export: str, *arguments: int) -> list[Emission]:
        self._services.event_ms = time_ms
        self._services.may_emit = True
        try:
            self._call(export, *arguments)
        finally:
            self._services.may_emit = False
        return self._services.take_emissions()

    def _give_config(self) -> None:
        encoded = config_to_cbor(self._services.config)
        if "on_config" not in self._exports:
            return
        address = self._ask_buffer(len(encoded))
        self._write(address, encoded)
        self._call("on_config", address, len(encoded))

    def _call(self, export: str, *arguments: int) -> Any:
        if self._trapped:
            raise GuestTrap(f"module {self._manifest.name} has trapped before and must be made anew")
        function = self._function(export)
        if function is None:
            return 0
        self._refuel()
        try:
            return function(self._store, *arguments)
        except (Trap, HostRefusal) as fault:
            self._trapped = True
            where = "the start function" if export == START else export
            message = f"module {self._manifest.name}: {sentence(fault)} in {where}"
            raise GuestTrap(message, tuple(self._services.take_emissions())) from fault

    def _refuel(self) -> None:
        budget_us = self._manifest.event_budget_us or DEFAULT_EVENT_BUDGET_US
        self._store.set_fuel(budget_us * FUEL_PER_US)

    def _function(self, export: str) -> Func | None:
        found = self._exports.get(export)
        return found if isinstance(found, Func) else None

    # ---- memory ----------------------------------------------------------------------------------------

    @property
    def _memory(self) -> Memory:
        memory = self._exports["memory"]
        if not isinstance(memory, Memory):
            raise ModuleRefused(f'module {self._manifest.name} exports a "memory" that is none')
        return memory

    def _state_place(self) -> tuple[int, int]:
        address = int(self._call("wasmote_state")) & 0xFFFF_FFFF
        size = int(self._call("wasmote_state_size")) & 0xFFFF_FFFF
        if address + size > self._memory.data_len(self._store):
            raise WasmoteError(f"module {self._manifest.name} declares a state outside its memory")
        return address, size

    def _read(self, address: int, size: int) -> bytes:
        return bytes(self._memory.read(self._store, address, address + size))

    def _write(self, address: int, data: bytes) -> None:
        self._memory.write(self._store, data, address)
