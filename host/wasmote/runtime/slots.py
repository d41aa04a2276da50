"""The slots of a node that is this machine: bundles in, modules under wasmtime, records out.

No input or output here: server.py speaks CoAP. What a request may do in which state is firmware/SPEC.md's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from wasmote.errors import WasmoteError
from wasmote.runtime.engine import ModuleRefused
from wasmote.runtime.functions import Emission
from wasmote.runtime.guest import GuestTrap
from wasmote.runtime.module import HostModule, check_config
from wasmote.runtime.probation import GOOD_EVENTS, Clock, Fallback, Probation, Timer, back_off_s
from wasmote.runtime.ring import Ring
from wasmote.wire.bundle import Bundle
from wasmote.wire.log import LogLevel
from wasmote.wire.manifest import Manifest
from wasmote.wire.modules import (
    Cause,
    Control,
    Failure,
    HandOver,
    ModuleState,
)
from wasmote.wire.records import SHORT_DIGEST_BYTES
from wasmote.wire.samples import Sample
from wasmote.wire.state import Snapshot
from wasmote.wire.trace import EventKind, TracedEvent

DEVICE_CLASSES = ("any", "host")


class Conflict(WasmoteError):
    """The slot's state does not allow it: 4.09."""


class Unfit(WasmoteError):
    """The module, or the snapshot, cannot run here: 4.22."""


Event = Callable[[HostModule, Manifest], list[Emission]]


@dataclass(slots=True)
class HostSlot:
    """One slot.

    `emitted` is called with its index and the name of a stream that has grown, `traced` with its index and
    each event of its module, `log` with its index, level and text of each line.
    """

    index: int
    emitted: Callable[[int, str], None]
    clock: Clock
    traced: Callable[[int, TracedEvent], None] = lambda _index, _event: None
    log: Callable[[int, int, str], None] = lambda _index, _level, _text: None
    state: ModuleState = ModuleState.EMPTY
    active: Bundle | None = None
    candidate: Bundle | None = None
    module: HostModule | None = None
    config: dict[str, float] = field(default_factory=dict)
    rings: dict[str, Ring] = field(default_factory=dict)
    probation: Probation | None = None
    failure: Failure | None = None
    traps: int = 0
    traps_in_a_row: int = 0
    good: int = 0  # events without a trap since it was started
    restart: Timer | None = None
    error: str | None = None
    handed: HandOver | None = None

    @property
    def is_live(self) -> bool:
        """Whether a module is loaded."""
        return self.state in (ModuleState.RUNNING, ModuleState.PAUSED)

    @property
    def fallback(self) -> Fallback | None:
        """What a roll-back goes back to."""
        return self.probation.fallback if self.probation else None

    def snapshot(self) -> bytes:
        """Encode what runs. Raises Conflict when nothing does."""
        if self.module is None:
            raise Conflict("nothing runs in this slot: there is no state")
        return self.module.snapshot().to_bytes()

    # ---- what is asked ---------------------------------------------------------------------------------

    def install(self, bundle: Bundle) -> None:
        """Check a bundle and make it the candidate."""
        self.candidate = None
        if bundle.manifest.device_class not in DEVICE_CLASSES:
            raise Unfit(f"made for device class {bundle.manifest.device_class}, this is a host")
        try:
            HostModule(bundle)
        except (ModuleRefused, GuestTrap) as fault:
            raise Unfit(str(fault)) from fault
        self.candidate = bundle

    def control(self, operation: Control, numbers: Mapping[str, int]) -> None:
        """Do what `POST /modules/N/control` asks. Raises Conflict, Unfit."""
        match operation:
            case Control.START:
                self._start(numbers)
            case Control.SWAP:
                self._swap(numbers)
            case Control.STOP if self.is_live or self.restart:
                self._unload(ModuleState.STOPPED)
                self._say(LogLevel.INFO, "stopped")
            case Control.PAUSE if self.state is ModuleState.RUNNING:
                self.state = ModuleState.PAUSED
            case Control.RESUME if self.state is ModuleState.PAUSED:
                self.state = ModuleState.RUNNING
            case Control.CONFIRM if self.probation:
                self._confirm()
            case Control.ROLL_BACK if self.fallback:
                self._roll_back(self.fallback, Cause.REQUESTED)
            case Control.CONFIRM | Control.ROLL_BACK:
                raise Conflict("nothing is on probation that could be confirmed or rolled back")
            case _:
                raise Conflict(f"the slot is {self.state.name.lower()}")

    def remove(self) -> None:
        """Forget everything."""
        self._unload(ModuleState.EMPTY)
        self.active = self.candidate = self.probation = self.failure = self.error = self.handed = None
        self.traps = 0
        self.config.clear()
        self.rings.clear()

    def restore(self, snapshot: Snapshot) -> None:
        """Let the candidate, or what was stopped, go on from a snapshot; it is paused then."""
        if self.is_live:
            raise Conflict("stop what runs in this slot before it gets another state")
        fitting = [one for one in (self.candidate, self.active) if one is not None]
        same = [one for one in fitting if one.manifest.digest == snapshot.digest]
        for bundle in same or fitting[:1]:
            module = HostModule(bundle, on_log=self._say)
            try:
                module.resume(snapshot)
            except WasmoteError as fault:
                raise Unfit(str(fault)) from fault
            for name, number in snapshot.next_seq.items():
                if name in self.rings and self.rings[name].next_seq != number:
                    del self.rings[name]
            self._activate(bundle, None)
            self._runs(bundle, module, snapshot.next_seq)
            self.state = ModuleState.PAUSED
            return
        raise Unfit("there is no module in the slot that the snapshot could go on in")

    def configure(self, config: Mapping[str, float]) -> None:
        """Change parameters; those that are not named go back to their defaults.

        Raises Conflict, UsageFault for an unknown one, Unfit when the module traps.
        """
        if self.active is None:
            raise Conflict("the slot is empty")
        check_config(self.active.manifest, config)
        self.config = {**self.active.manifest.config, **config}
        if self.module is None:
            return

        def give(module: HostModule, _: Manifest) -> list[Emission]:
            module.set_config(self.config)
            return []

        if not self._event(give):
            raise Unfit(self.error or "the module trapped")

    # ---- events ----------------------------------------------------------------------------------------

    def feed(self, sensor: str, sample: Sample) -> None:
        """Hand a reading to the module, if it listens and runs."""

        def give(module: HostModule, manifest: Manifest) -> list[Emission]:
            for index, one in enumerate(manifest.inputs):
                if one.sensor == sensor:
                    return module.on_sample(index, sample.time_ms, sample.values)
            return []

        if self.state is ModuleState.RUNNING:
            self._event(give)

    def tick(self, now_ms: int) -> None:
        """Tell the module that a second has passed."""
        if self.state is ModuleState.RUNNING:
            self._event(lambda module, _: module.on_tick(now_ms))

    def replay(self, event: TracedEvent) -> None:
        """Let a recorded event enter the paused module again; one that traps stays so.

        Raises Conflict, GuestTrap, and what `HostModule.replay` does.
        """
        if self.state is not ModuleState.PAUSED or self.module is None:
            raise Conflict("events are replayed to a paused module: put a snapshot first")
        try:
            self._keep(self.module.replay(event))
        except GuestTrap as fault:
            self._keep(fault.emissions)
            self.traps += 1
            self._unload(ModuleState.TRAPPED)
            self._remember(str(fault))
            raise

    def _event(self, event: Event) -> bool:
        """Let the module handle an event; False when it trapped. A fallback gets the same event again."""
        assert self.active is not None
        assert self.module is not None
        state, events = None, self.module.events
        try:
            state = self._state()
            emissions = event(self.module, self.active.manifest)
        except GuestTrap as fault:
            self._keep(fault.emissions)
            self._trapped(str(fault), state, event)
            return False
        self._keep(emissions)
        self._passed((self.module.events - events) & 0xFFFF_FFFF)
        return True

    def _passed(self, events: int) -> None:
        self.good += events
        if self.good >= GOOD_EVENTS:
            self.traps_in_a_row = 0
        assert self.module is not None  # it has handled them
        proofs = 0 if self.module.event_refused else events
        if self.probation and self.probation.passed(proofs):
            self._confirm()

    def _trapped(self, error: str, state: bytes | None, event: Event) -> None:
        self.traps += 1
        self._remember(error)
        if self.fallback is None:
            self._back_off(state)
            return
        self._roll_back(self.fallback, Cause.TRAP)
        self.error = error
        if self.state is ModuleState.RUNNING:
            self._event(event)

    def _keep(self, emissions: Sequence[Emission]) -> None:
        assert self.active is not None  # it has just run
        for emission in emissions:
            if self.module is not None:
                self.module.number(emission.stream)
            self.rings[emission.stream].append(emission, self.active.manifest.digest)
            self.emitted(self.index, emission.stream)

    # ---- what is remembered ----------------------------------------------------------------------------

    def _say(self, level: int, text: str) -> None:
        self.log(self.index, level, text)

    def _remember(self, error: str) -> None:
        self.error = error
        self._say(LogLevel.ERROR, error)

    def _confirm(self) -> None:
        assert self.active is not None  # or nothing was on probation
        self.probation = None
        self._say(LogLevel.INFO, f"confirmed {self.active.manifest.name} {self.active.manifest.version}")

    # ---- from one module to another --------------------------------------------------------------------

    def _start(self, numbers: Mapping[str, int]) -> None:
        bundle = self.candidate or self.active
        if self.is_live or bundle is None:
            raise Conflict("the slot is empty" if bundle is None else "the slot runs already")
        module, _ = self._tried(bundle, None, None)
        self._activate(bundle, None)
        self._runs(bundle, module, numbers)

    def _swap(self, numbers: Mapping[str, int]) -> None:
        if self.state is not ModuleState.RUNNING or self.candidate is None:
            raise Conflict("a swap needs a running module and a candidate")
        assert self.active is not None
        schema, state = self.active.manifest.state, self._state()
        module, handed = self._tried(self.candidate, state, schema.schema if schema else None)
        self._activate(self.candidate, state)
        self._runs(self.active, module, numbers)
        self.handed = handed

    def start_beside(self, other: HostSlot | None, numbers: Mapping[str, int]) -> None:
        """Start the candidate with what the module of another slot has. Raises Conflict, Unfit."""
        if self.state is not ModuleState.EMPTY or self.candidate is None:
            raise Conflict("beside another it starts as the candidate of an empty slot")
        if other is None or other.state is not ModuleState.RUNNING or other.active is None:
            raise Conflict("nothing runs that it could start beside")
        schema = other.active.manifest.state
        self.config = dict(other.config)
        module, handed = self._tried(self.candidate, other._state(), schema.schema if schema else None)
        bundle = self.candidate
        self._activate(bundle, None)
        self.probation = Probation(0, None)  # what is only watched proves nothing by itself
        self._runs(bundle, module, numbers)
        self.handed = handed

    def _activate(self, bundle: Bundle, state: bytes | None) -> None:
        """Put the candidate on probation; what was confirmed before it is what it may go back to."""
        if bundle is not self.candidate:
            return
        confirmed = Fallback(self.active, state) if self.active and self.probation is None else None
        self.probation = Probation.of(bundle.manifest, confirmed or self.fallback)
        self.active, self.candidate = bundle, None

    def _roll_back(self, fallback: Fallback, cause: Cause) -> None:
        """Let the module before go on, with the state that it had at the swap."""
        assert self.active is not None
        self.failure = Failure(cause, self.active.manifest.digest[:SHORT_DIGEST_BYTES])
        self.probation, self.active = None, fallback.bundle
        made = fallback.bundle.manifest
        self._say(LogLevel.WARNING, f"back to {made.name} {made.version}")
        self._begin_again(fallback.state)

    def _back_off(self, state: bytes | None) -> None:
        """Stop what trapped; start it again later, unless it was tried enough."""
        assert self.active is not None
        self._unload(ModuleState.TRAPPED, self.traps_in_a_row + 1)
        if self.probation and self.probation.events_left:
            self.probation = Probation.of(self.active.manifest, self.fallback)
        kept = state if self.traps_in_a_row == 1 else None  # it may be the state that makes it trap
        delay = back_off_s(self.traps_in_a_row)
        if delay is not None:
            self.restart = self.clock.call_later(delay, lambda: self._begin_again(kept))

    def _begin_again(self, state: bytes | None) -> None:
        assert self.active is not None
        try:
            module, _ = self._loaded(self.active, state, None)
        except Unfit as fault:
            self._remember(str(fault))
            self._back_off(state)
            return
        traps = self.traps_in_a_row
        self._runs(self.active, module, {})
        self.traps_in_a_row = traps

    def _tried(self, bundle: Bundle, state: bytes | None, schema: str | None) -> tuple[HostModule, HandOver]:
        """Load what is to run; where it cannot, the candidate is dropped and its reason kept."""
        try:
            return self._loaded(bundle, state, schema)
        except Unfit as fault:
            self.candidate = None
            self._remember(str(fault))
            raise

    def _loaded(self, bundle: Bundle, state: bytes | None, schema: str | None) -> tuple[HostModule, HandOver]:
        try:
            module = HostModule(bundle, on_log=self._say)
            kept = {name: value for name, value in self.config.items() if name in bundle.manifest.config}
            module.set_config(kept)
            return module, module.start(state, schema)
        except (ModuleRefused, GuestTrap) as fault:
            raise Unfit(str(fault)) from fault

    def _runs(self, bundle: Bundle, module: HostModule, numbers: Mapping[str, int]) -> None:
        names = [stream.name for stream in bundle.manifest.streams]
        self.rings = {name: self.rings.get(name) or Ring(numbers.get(name, 0)) for name in names}
        module.go_on_at({name: ring.next_seq for name, ring in self.rings.items()})
        self._unload(ModuleState.RUNNING)
        self.module, self.config, self.error = module, module.config, None
        self._say(LogLevel.INFO, f"running {bundle.manifest.name} {bundle.manifest.version}")
        digest = bundle.manifest.digest[:SHORT_DIGEST_BYTES]
        self.traced(self.index, TracedEvent(EventKind.BEGAN, module.events, digest=digest))
        module.on_event = lambda event: self.traced(self.index, event)

    def _unload(self, state: ModuleState, traps_in_a_row: int = 0) -> None:
        if self.restart is not None:
            self.restart.cancel()
        self.module, self.restart, self.state, self.good = None, None, state, 0
        self.traps_in_a_row = traps_in_a_row

    def _state(self) -> bytes | None:
        """The declared state of what runs, where it declares one."""
        assert self.module is not None
        assert self.active is not None
        return self.module.state() if self.active.manifest.state else None
