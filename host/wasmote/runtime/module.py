"""A module on the host: the bytes that a node runs, under wasmtime, with the same API and order of events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from wasmote.errors import UsageFault
from wasmote.runtime.engine import START
from wasmote.runtime.functions import Emission, Float32, GuestServices, LogLine
from wasmote.runtime.guest import GuestTrap, HostRefusal
from wasmote.runtime.instance import GuestInstance
from wasmote.runtime.script import Script
from wasmote.wire.bundle import Bundle
from wasmote.wire.codec import decode, numbers_by_name
from wasmote.wire.manifest import Manifest
from wasmote.wire.modules import HandOver, config_to_cbor
from wasmote.wire.state import DeclaredState, Reading, Snapshot
from wasmote.wire.trace import EventKind, TracedEvent


def check_config(manifest: Manifest, config: Mapping[str, float]) -> None:
    """Raise UsageFault for a parameter that the manifest does not declare."""
    for key in config:
        if key not in manifest.config:
            known = ", ".join(sorted(manifest.config)) or "none"
            raise UsageFault(f"module {manifest.name} has no parameter {key!r}", f"it has: {known}")


class HostModule:
    """One live module.

    The order of events is a node's: the guest's buffer is asked for, then `start` (Wasm start
    function, on_start), `restore` where a state is handed over, the config, then samples and ticks.
    After a GuestTrap every event raises again: make a new HostModule.

    `clock` answers the guest's now_ms, in ms; without it the guest is told the time of the event. `on_event`
    is called with each event when it is over, be it by a trap; `on_log` with level and text of each line.
    """

    def __init__(
        self,
        bundle: Bundle,
        clock: Callable[[], int] | None = None,
        on_log: Callable[[int, str], None] | None = None,
    ) -> None:
        self._manifest = bundle.manifest
        self._services = GuestServices(self._manifest, dict(self._manifest.config), clock)
        self._services.on_log = on_log
        self.on_event: Callable[[TracedEvent], None] | None = None
        self._started = False
        self._events = 0
        self._reading_times: dict[int, int] = {}
        self._next_seq = {stream.name: 0 for stream in self._manifest.streams}
        self._guest = GuestInstance(bundle, self._services)
        self._sample_bytes = 4 * max((len(i.channels) for i in self._manifest.inputs), default=0)
        self._sample_ptr = self._guest.ask_buffer(self._sample_bytes)
        self._guest.check_state()

    @property
    def log_lines(self) -> list[LogLine]:
        """Everything the guest has logged; nothing with `on_log`."""
        return self._services.log_lines

    def start(self, state: bytes | None = None, schema: str | None = None) -> HandOver:
        """Run the start function and on_start; then take over a state, then hand over the config.

        A `state` of another `schema` than the module's goes to its `migrate`; without `schema` it is the
        module's own. Tells what became of the state.
        """
        if self._started:
            raise UsageFault(f"module {self._manifest.name} was started already")
        self._started = True
        self._services.forget_refusals()
        self._guest.call(START)
        self._guest.call("on_start")
        handed = HandOver.NONE if state is None else self._take_over(state, schema)
        if self._manifest.config:
            self._give_config()
        return handed

    def _take_over(self, state: bytes, schema: str | None) -> HandOver:
        own = self._manifest.state
        if schema is None or (own is not None and (own.schema, own.size) == (schema, len(state))):
            self.restore(state)
            return HandOver.SAME
        if not self._guest.has("migrate"):
            return HandOver.FRESH
        name = schema.encode()
        address = self._guest.ask_buffer(len(state) + len(name) + 1)
        self._guest.write(address, state + name + b"\0")
        took = self._guest.call("migrate", address, len(state), address + len(state), len(name))
        return HandOver.MIGRATED if took else HandOver.FRESH

    def on_sample(self, input_: int, time_ms: int, values: Sequence[float] | Float32) -> list[Emission]:
        """Hand over one reading: a value for each channel of the input. Return what the module emitted."""
        reading = np.asarray(values, dtype="<f4")
        self._check_reading(input_, reading)
        self._reading_times[input_] = time_ms
        self._services.readings[input_] = reading.astype(np.float32)
        self._guest.write(self._sample_ptr, reading.tobytes())
        with self._traced(EventKind.SAMPLE, time_ms, input_, reading.tobytes()):
            return self._event(time_ms, "on_sample", input_, time_ms, self._sample_ptr, reading.size)

    def on_tick(self, now_ms: int) -> list[Emission]:
        """Tell the module that a second has passed."""
        if not self._guest.has("on_tick"):
            return []
        with self._traced(EventKind.TICK, now_ms):
            return self._event(now_ms, "on_tick", now_ms)

    def set_config(self, config: Mapping[str, float]) -> None:
        """Change parameters; raises UsageFault for one that the manifest does not declare."""
        check_config(self._manifest, config)
        self._services.merge_config(config)
        if self._started and self._manifest.config:
            self._give_config()

    def replay(self, event: TracedEvent) -> list[Emission]:
        """Let a recorded event enter the module again, its calls answered as they were then.

        Raises GuestTrap, from a Strayed when it calls something else; UsageFault unless it is the next event.
        """
        if event.number != self._events or event.kind is EventKind.BEGAN or event.cut:
            raise UsageFault(f"event {event.number} is not the next one, which is event {self._events}")
        script = Script(event.number, event.calls)
        self._services.script = script
        try:
            emissions = self._enter(event)
        finally:
            self._services.script = None
        try:
            script.end()
        except HostRefusal as fault:
            self._guest.trapped = True
            raise GuestTrap(str(fault), tuple(emissions)) from fault
        return emissions

    def _enter(self, event: TracedEvent) -> list[Emission]:
        content = event.content or b""
        match event.kind:
            case EventKind.SAMPLE:
                return self.on_sample(event.input or 0, event.time_ms or 0, np.frombuffer(content, "<f4"))
            case EventKind.TICK:
                return self.on_tick(event.time_ms or 0)
            case _:
                self._services.config = numbers_by_name(decode(content, "config"), "config")
                self._give_config(content)
                return []

    def state(self) -> bytes:
        """Return the state that a swap hands over; b"" when the module declares none."""
        address, size = self._guest.state_place()
        return self._guest.read(address, size)

    def restore(self, state: bytes) -> None:
        """Put a state in place; raises UsageFault when its size is not that of the module's state."""
        address, size = self._guest.state_place()
        if len(state) != size:
            raise UsageFault(
                f"a state of {len(state)} bytes for module {self._manifest.name}, whose state has {size}",
                "a state fits the schema that it was taken from",
            )
        self._guest.write(address, state)

    # ---- snapshots -------------------------------------------------------------------------------------

    @property
    def config(self) -> dict[str, float]:
        """The parameters as they are now."""
        return dict(self._services.config)

    @property
    def events(self) -> int:
        """Events handled since it was started, wherever that was."""
        return self._events

    @property
    def refused(self) -> int:
        """Host calls that were refused since it was started."""
        return self._services.refused

    @property
    def event_refused(self) -> bool:
        """Whether a call of the newest event was refused."""
        return self._services.event_refused

    def reading_times(self) -> dict[str, int]:
        """When the newest reading of each input was taken that has one, by sensor, in ms."""
        return {self._manifest.inputs[index].sensor: at for index, at in self._reading_times.items()}

    def go_on_at(self, next_seq: Mapping[str, int]) -> None:
        """Say which numbers the next records of its streams get."""
        self._next_seq |= next_seq

    def number(self, stream: str) -> int:
        """Give the next record of a stream its sequence number."""
        number = self._next_seq[stream]
        self._next_seq[stream] = (number + 1) & 0xFFFF_FFFF
        return number

    def snapshot(self) -> Snapshot:
        """Take all that events have changed, as a node does."""
        address, size = self._guest.state_place()
        schema = self._manifest.state
        whole = schema is not None and size == schema.size
        return Snapshot(
            name=self._manifest.name,
            digest=self._manifest.digest,
            memory=self._guest.memory(),
            next_seq=dict(self._next_seq),
            config=dict(self._services.config),
            readings=tuple(self._reading(index) for index in range(len(self._manifest.inputs))),
            events=self._events,
            declared=DeclaredState(schema.schema, address, size) if schema and whole else None,
            mutable_globals=self._guest.mutable_globals(),
            table=self._guest.table,
        )

    def resume(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot, in place of `start`.

        One of the same module is put back whole, and nothing of it runs; of another with the same state
        schema, the declared state is taken over. Raises UsageFault for any other.
        """
        if snapshot.digest == self._manifest.digest:
            self._resume_whole(snapshot)
        else:
            schema, declared = self._manifest.state, snapshot.declared
            if (
                schema is None
                or declared is None
                or (declared.schema, declared.size) != (schema.schema, schema.size)
            ):
                raise UsageFault(
                    f"the snapshot is of another module and another state schema than {self._manifest.name}"
                )
            self._services.merge_config(
                {k: v for k, v in snapshot.config.items() if k in self._manifest.config}
            )
            self.start(snapshot.state)
        self._next_seq |= {k: v for k, v in snapshot.next_seq.items() if k in self._next_seq}
        for index, reading in enumerate(snapshot.readings[: len(self._manifest.inputs)]):
            if reading is not None:
                self._reading_times[index] = reading.time_ms
                self._services.readings[index] = np.frombuffer(reading.values, "<f4").astype(np.float32)

    def _resume_whole(self, snapshot: Snapshot) -> None:
        if self._started:
            raise UsageFault(f"module {self._manifest.name} was started already")
        self._started = True
        self._services.forget_refusals()
        self._guest.put_back(snapshot)
        self._services.config = dict(snapshot.config)
        self._events = snapshot.events

    def _reading(self, input_: int) -> Reading | None:
        if input_ not in self._services.readings:
            return None
        values = self._services.readings[input_].astype("<f4").tobytes()
        return Reading(self._reading_times[input_], values)

    # ---- setting up ------------------------------------------------------------------------------------

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
        self._count_event()
        self._services.event_ms = time_ms
        self._services.may_emit = True
        try:
            self._guest.call(export, *arguments)
        finally:
            self._services.may_emit = False
        return self._services.take_emissions()

    def _count_event(self) -> None:
        self._services.event_refused = False
        self._events = (self._events + 1) & 0xFFFF_FFFF

    @contextmanager
    def _traced(
        self,
        kind: EventKind,
        time_ms: int | None = None,
        input_: int | None = None,
        content: bytes | None = None,
    ) -> Iterator[None]:
        """Tell of the event inside, however it ends."""
        number, trap = self._events, None
        self._services.calls.clear()
        try:
            yield
        except GuestTrap as fault:
            trap = str(fault)
            raise
        finally:
            if self.on_event is not None:
                calls = tuple(self._services.calls)
                self.on_event(TracedEvent(kind, number, 0, time_ms, input_, content, calls, trap))

    def _give_config(self, recorded: bytes | None = None) -> None:
        encoded = config_to_cbor(self._services.config) if recorded is None else recorded
        with self._traced(EventKind.CONFIG, content=encoded):
            self._count_event()
            if not self._guest.has("on_config"):
                return
            address = self._guest.ask_buffer(len(encoded))
            self._guest.write(address, encoded)
            self._guest.call("on_config", address, len(encoded))
