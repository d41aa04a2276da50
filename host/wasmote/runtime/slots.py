"""The slots of a node that is this machine: bundles in, modules under wasmtime, records out.

No input or output here: server.py speaks CoAP. What a request may do in which state is firmware/SPEC.md's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from wasmote.errors import WasmoteError
from wasmote.runtime.engine import ModuleRefused
from wasmote.runtime.functions import Emission
from wasmote.runtime.guest import GuestTrap
from wasmote.runtime.module import HostModule
from wasmote.wire.bundle import Bundle
from wasmote.wire.modules import Candidate, Control, HandOver, ModuleState, ModuleStatus, StreamStatus
from wasmote.wire.records import SHORT_DIGEST_BYTES, Record, RecordFlags, Records
from wasmote.wire.samples import Sample
from wasmote.wire.state import Snapshot

RING_RECORDS = 4096
DEVICE_CLASSES = ("any", "host")


class Conflict(WasmoteError):
    """The slot's state does not allow it: 4.09."""


class Unfit(WasmoteError):
    """The module, or the snapshot, cannot run here: 4.22."""


@dataclass(slots=True)
class Ring:
    """The newest records of one stream; `next_seq` is the number of the one to come."""

    next_seq: int = 0
    records: deque[Record] = field(default_factory=lambda: deque(maxlen=RING_RECORDS))

    def append(self, emission: Emission, digest: bytes) -> None:
        """Take what a module emitted."""
        nan, infinite = np.isnan(emission.values).any(), np.isinf(emission.values).any()
        flags = (RecordFlags.NAN if nan else RecordFlags.NONE) | (
            RecordFlags.INFINITY if infinite else RecordFlags.NONE
        )
        self.records.append(
            Record(self.next_seq, emission.time_ms, digest[:SHORT_DIGEST_BYTES], emission.values, flags)
        )
        self.next_seq = (self.next_seq + 1) & 0xFFFF_FFFF

    def after(self, boot_id: bytes, since: int | None, most: int) -> Records:
        """Those after `since` (None: all), oldest first, at most `most`."""
        first = self.next_seq if not self.records else self.records[0].seq
        wanted = first if since is None else (since + 1) & 0xFFFF_FFFF
        lost = max(first - wanted, 0) if wanted < self.next_seq else 0
        found = [record for record in self.records if record.seq >= wanted][:most]
        return Records(boot_id, lost, self.next_seq, tuple(found))

    def newest(self, boot_id: bytes) -> Records:
        """The last one."""
        return Records(boot_id, 0, self.next_seq, tuple(self.records)[-1:])


@dataclass(slots=True)
class HostSlot:
    """One slot. `emitted` is called with the name of a stream that has grown."""

    index: int
    emitted: Callable[[int, str], None]
    state: ModuleState = ModuleState.EMPTY
    active: Bundle | None = None
    candidate: Bundle | None = None
    module: HostModule | None = None
    rings: dict[str, Ring] = field(default_factory=dict)
    events: int = 0
    traps: int = 0
    error: str | None = None
    handed: HandOver | None = None

    @property
    def is_live(self) -> bool:
        """Whether a module is loaded."""
        return self.state in (ModuleState.RUNNING, ModuleState.PAUSED)

    def status(self) -> ModuleStatus:
        """As `GET /modules/N` tells it."""
        common = {"slot": self.index, "state": self.state, "error": self.error}
        waiting = self.candidate.manifest if self.candidate else None
        candidate = (
            Candidate(waiting.name, waiting.version, waiting.sequence, waiting.digest) if waiting else None
        )
        if self.active is None:
            return ModuleStatus(**common, candidate=candidate)  # type: ignore[arg-type]
        made = self.active.manifest
        return ModuleStatus(
            **common,  # type: ignore[arg-type]
            candidate=candidate,
            name=made.name,
            version=made.version,
            sequence=made.sequence,
            digest=made.digest,
            events=self.module.events if self.module else 0,
            traps=self.traps,
            streams=tuple(StreamStatus(name, ring.next_seq) for name, ring in self.rings.items()),
            state_handed_over=None
            if self.handed is None
            else self.handed in (HandOver.SAME, HandOver.MIGRATED),
            swap_gap_us=None if self.handed is None else 0,
            hand_over=self.handed,
            in_place=None if self.handed is None else False,
        )

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
        """Start, stop, swap, pause or resume. Raises Conflict, Unfit."""
        match operation:
            case Control.START:
                self._start(numbers)
            case Control.SWAP:
                self._swap(numbers)
            case Control.STOP if self.is_live:
                self.module, self.state = None, ModuleState.STOPPED
            case Control.PAUSE if self.state is ModuleState.RUNNING:
                self.state = ModuleState.PAUSED
            case Control.RESUME if self.state is ModuleState.PAUSED:
                self.state = ModuleState.RUNNING
            case _:
                raise Conflict(f"the slot is {self.state.name.lower()}")

    def remove(self) -> None:
        """Forget everything but the number of traps."""
        self.module = self.active = self.candidate = self.error = self.handed = None
        self.state, self.traps = ModuleState.EMPTY, 0
        self.rings.clear()

    def snapshot(self) -> bytes:
        """Encode what runs. Raises Conflict when nothing does."""
        if self.module is None:
            raise Conflict("nothing runs in this slot: there is no state")
        return self.module.snapshot().to_bytes()

    def restore(self, snapshot: Snapshot) -> None:
        """Let the candidate, or what was stopped, go on from a snapshot; it is paused then."""
        if self.is_live:
            raise Conflict("stop what runs in this slot before it gets another state")
        fitting = [one for one in (self.candidate, self.active) if one is not None]
        same = [one for one in fitting if one.manifest.digest == snapshot.digest]
        for bundle in same or fitting[:1]:
            module = HostModule(bundle)
            try:
                module.resume(snapshot)
            except WasmoteError as fault:
                raise Unfit(str(fault)) from fault
            for name, number in snapshot.next_seq.items():
                if name in self.rings and self.rings[name].next_seq != number:
                    del self.rings[name]
            self._runs(bundle, module, snapshot.next_seq)
            self.state = ModuleState.PAUSED
            return
        raise Unfit("there is no module in the slot that the snapshot could go on in")

    def feed(self, sensor: str, sample: Sample) -> None:
        """Hand a reading to the module, if it listens and runs."""
        if self.active is None:
            return
        for index, one in enumerate(self.active.manifest.inputs):
            if one.sensor == sensor and self.module is not None and self.state is ModuleState.RUNNING:
                module = self.module
                self._event(lambda at=index, to=module: to.on_sample(at, sample.time_ms, sample.values))  # type: ignore[misc]

    def tick(self, now_ms: int) -> None:
        """Tell the module that a second has passed."""
        if self.module is not None and self.state is ModuleState.RUNNING:
            module = self.module
            self._event(lambda: module.on_tick(now_ms))

    def _event(self, run: Callable[[], list[Emission]]) -> None:
        try:
            emissions = run()
        except GuestTrap as fault:
            self._keep(list(fault.emissions))
            self.module, self.state = None, ModuleState.TRAPPED
            self.traps += 1
            self.error = str(fault)
            return
        self._keep(emissions)

    def _keep(self, emissions: list[Emission]) -> None:
        assert self.active is not None  # it has just run
        for emission in emissions:
            if self.module is not None:
                self.module.number(emission.stream)
            self.rings[emission.stream].append(emission, self.active.manifest.digest)
            self.emitted(self.index, emission.stream)

    def _start(self, numbers: Mapping[str, int]) -> None:
        bundle = self.candidate or self.active
        if self.is_live or bundle is None:
            raise Conflict("the slot is empty" if bundle is None else "the slot runs already")
        self._runs(bundle, self._started(bundle, None, None)[0], numbers)

    def _swap(self, numbers: Mapping[str, int]) -> None:
        if self.state is not ModuleState.RUNNING or self.candidate is None:
            raise Conflict("a swap needs a running module and a candidate")
        assert self.module is not None
        assert self.active is not None
        schema = self.active.manifest.state
        state = self.module.state() if schema else None
        module, handed = self._started(self.candidate, state, schema.schema if schema else None)
        self._runs(self.candidate, module, numbers)
        self.handed = handed

    def _started(
        self, bundle: Bundle, state: bytes | None, schema: str | None
    ) -> tuple[HostModule, HandOver]:
        try:
            module = HostModule(bundle)
            return module, module.start(state, schema)
        except (ModuleRefused, GuestTrap) as fault:
            self.candidate = None
            self.error = str(fault)
            raise Unfit(str(fault)) from fault

    def _runs(self, bundle: Bundle, module: HostModule, numbers: Mapping[str, int]) -> None:
        names = [stream.name for stream in bundle.manifest.streams]
        self.rings = {name: self.rings.get(name) or Ring(numbers.get(name, 0)) for name in names}
        module.go_on_at({name: ring.next_seq for name, ring in self.rings.items()})
        self.active, self.module, self.error = bundle, module, None
        self.candidate = None
        self.state = ModuleState.RUNNING
