"""A shadow run: a candidate gets the samples that a running module gets, and their outputs are compared.

It runs on the board, in a free slot, from the state that the running module has then. Where there is no slot
or no memory it runs here under wasmtime, fed from the running module's trace. That one notices neither.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiocoap import Code

from wasmote.comparison import Comparison
from wasmote.errors import CoapError, UsageFault, WasmoteError
from wasmote.record import Recorder
from wasmote.wire.modules import SHORT_DIGEST_BYTES, ModuleState, ModuleStatus
from wasmote.wire.state import Snapshot
from wasmote.wire.trace import EventKind, Function, TracedEvent

if TYPE_CHECKING:
    from wasmote.node import Node
    from wasmote.runtime.functions import Emission
    from wasmote.runtime.module import HostModule
    from wasmote.wire.bundle import Bundle

HOST = "host"

_U32 = 0xFFFF_FFFF
_NO_ROOM = (Code.UNPROCESSABLE_ENTITY, Code.SERVICE_UNAVAILABLE, Code.REQUEST_ENTITY_TOO_LARGE)


@dataclass(frozen=True, slots=True)
class Load:
    """What a module took during the run; None where it was not measured."""

    events: int | None = None
    event_us: float | None = None
    longest_us: int | None = None
    ram_bytes: int | None = None

    @classmethod
    def between(cls, before: ModuleStatus | None, after: ModuleStatus) -> Load:
        """What a node says; `before` None: since it was started."""
        events = (after.events or 0) - ((before and before.events) or 0)
        spent = (after.time_us or 0) - ((before and before.time_us) or 0)
        return cls(events, spent / events if events else None, after.longest_event_us, after.arena_bytes)


@dataclass(frozen=True, slots=True)
class Shadowed:
    """What came of a shadow run; `where` the candidate ran: `slot N`, or `host`."""

    where: str
    comparison: Comparison
    running: Load
    candidate: Load
    trap: str | None

    @property
    def metrics(self) -> dict[str, float | None]:
        """What a rule may name (`comparison.METRICS`)."""
        return {
            "max_abs": self.comparison.max_abs,
            "max_rel": self.comparison.max_rel,
            "traps": 0 if self.trap is None else 1,
            "missing": self.comparison.missing,
            "event_us": self.candidate.event_us,
            "longest_us": self.candidate.longest_us,
            "ram_bytes": self.candidate.ram_bytes,
        }


async def running_module(node: Node, candidate: Bundle, slot: int | None) -> ModuleStatus:
    """The module to run beside: of that slot, or of the candidate's name. Raises UsageFault without one."""
    for module in await node.modules():
        wanted = module.name == candidate.manifest.name if slot is None else module.slot == slot
        if wanted and module.state is ModuleState.RUNNING:
            return module
    where = f"in slot {slot}" if slot is not None else f"that is called {candidate.manifest.name}"
    raise UsageFault(
        f"nothing runs {where}, beside which the candidate could run",
        "`wasmote ls` shows what does; name its --slot, or push without --shadow",
    )


async def shadow(
    node: Node,
    running: ModuleStatus,
    candidate: Bundle,
    count: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Shadowed:
    """Let a candidate run beside `running` until `count` records were compared, or it trapped.

    `progress` gets the number compared so far. Raises UsageFault for streams that cannot be compared, and
    what the node refuses other than for want of room.
    """
    comparison = Comparison([stream.name for stream in running.streams], candidate.manifest.streams)
    run = _Run(node, running, comparison, count, progress)
    slot = await _start_on_board(node, running, candidate)
    if slot is None:
        return await _OnHost(run, candidate).run()
    try:
        return await _OnBoard(run, slot).run()
    finally:
        await node.remove(slot)


async def _start_on_board(node: Node, running: ModuleStatus, candidate: Bundle) -> int | None:
    """The slot in which the candidate runs now; None where the board has no room for it."""
    for module in await node.modules():
        if module.state is not ModuleState.EMPTY or module.candidate is not None:
            continue
        try:
            await node.install(module.slot, candidate.to_bytes())
            await node.start_beside(module.slot, running.slot)
        except CoapError as fault:
            await node.remove(module.slot)
            if fault.code not in _NO_ROOM:
                raise
        except BaseException:
            await node.remove(module.slot)
            raise
        else:
            return module.slot
    return None


def _overrun(lost: int, slot: int) -> WasmoteError:
    return WasmoteError(
        f"{lost} records of slot {slot} are lost: nothing can be said of the candidate",
        "the board emits faster than they are read",
    )


@dataclass(slots=True)
class _Run:
    """A comparison under way; `before`: the running module, as it was then."""

    node: Node
    before: ModuleStatus
    comparison: Comparison
    count: int
    progress: Callable[[int], None]

    @property
    def is_enough(self) -> bool:
        """Whether so many records were compared."""
        return self.comparison.compared + self.comparison.missing >= self.count

    def catch_up(self) -> None:
        """Compare what both have emitted by now."""
        self.comparison.catch_up()
        self.progress(self.comparison.compared)


# ---- on the board ----------------------------------------------------------------------------------------


class _OnBoard:
    """Reads both modules' streams, and compares."""

    def __init__(self, run: _Run, slot: int) -> None:
        self._run = run
        self._slot = slot
        self._last: dict[tuple[int, str], int] = {}
        self._digest: dict[int, bytes] = {}  # of the two modules, short
        self._boot_id = b""

    async def run(self) -> Shadowed:
        """Until enough was compared, or the candidate trapped."""
        node, here, there = self._run.node, self._run.before.slot, self._slot
        self._boot_id = (await node.info()).boot_id
        for module in await node.modules():  # one answer: the same moment for both
            if module.slot in (here, there):
                now = self._run.before if module.slot == here else module
                self._digest[module.slot] = (now.digest or b"")[:SHORT_DIGEST_BYTES]
            for stream in module.streams:
                self._last[module.slot, stream.name] = (stream.next_seq - 1) & _U32
        first = next(iter(self._run.comparison.streams))
        trap: str | None = None
        async with aclosing(node.observe(f"/out/{here}/{first}")) as changes:
            async for _ in changes:
                trap = await self._compare()
                if trap is not None or self._run.is_enough:
                    break
        after, shadowed = await node.module(here), await node.module(there)
        return Shadowed(
            where=f"slot {there}",
            comparison=self._run.comparison,
            running=Load.between(self._run.before, after),
            candidate=Load.between(None, shadowed),
            trap=trap,
        )

    async def _compare(self) -> str | None:
        """Take what is new; return why the candidate trapped, if it did."""
        status = await self._run.node.module(self._slot)
        for name, compared in self._run.comparison.streams.items():
            # The running one first: the candidate is never behind.
            await self._take(self._run.before.slot, name, compared.running)
            await self._take(self._slot, name, compared.candidate)
        self._run.catch_up()
        return (status.error or "no reason given") if status.traps else None

    async def _take(self, slot: int, stream: str, take: Callable[..., None]) -> None:
        while True:
            answer = await self._run.node.records(slot, stream, self._last[slot, stream])
            if answer.boot_id != self._boot_id:
                raise WasmoteError("the shadow run ended early: the node was restarted")
            if answer.lost:
                raise _overrun(answer.lost, slot)
            for record in answer.records:
                if record.digest != self._digest[slot]:
                    raise WasmoteError(f"the shadow run ended early: slot {slot} runs another module by now")
                take(record.time_ms, record.values)
                self._last[slot, stream] = record.seq
            if not answer.records or (self._last[slot, stream] + 1) & _U32 == answer.next_seq:
                return


# ---- on this machine -------------------------------------------------------------------------------------


class _OnHost:
    """Feeds the candidate from the running module's trace."""

    def __init__(self, run: _Run, candidate: Bundle) -> None:
        self._run = run
        self._bundle = candidate
        self._event: TracedEvent | None = None
        self._fed = 0
        self._emitted = dict.fromkeys(run.comparison.streams, 0)
        self._trap: str | None = None

    async def run(self) -> Shadowed:
        """Until enough was compared, or the candidate trapped."""
        async with Recorder(self._run.node, self._run.before) as recorder:
            module = self._started(Snapshot.from_bytes(recorder.snapshot))
            await recorder.follow(lambda taken: self._compare(taken, module))
        if recorder.ended is not None and not self._enough:
            raise WasmoteError(f"the shadow run ended early: {recorder.ended}")
        after = await self._run.node.module(self._run.before.slot)
        return Shadowed(
            HOST, self._run.comparison, Load.between(self._run.before, after), Load(self._fed), self._trap
        )

    @property
    def _enough(self) -> bool:
        return self._trap is not None or self._run.is_enough

    def _started(self, snapshot: Snapshot) -> HostModule:
        """The candidate with the state of the running module, as a swap would hand it over."""
        from wasmote.runtime.module import HostModule

        module = HostModule(self._bundle, self._now)
        known = self._bundle.manifest.config
        module.set_config({name: value for name, value in snapshot.config.items() if name in known})
        if snapshot.declared is None:
            module.start()
        else:
            module.start(snapshot.state, snapshot.declared.schema)
        return module

    def _now(self) -> int:
        """The clock of the event that is being handled: what the running module was told, or its time."""
        if self._event is None:
            return 0
        for call in self._event.calls:
            if call.function is Function.NOW_MS:
                return int(call.items[0])
        return self._event.time_ms or 0

    def _compare(self, taken: Recorder, module: HostModule) -> bool:
        """Feed what is new, take what both emitted; tell whether it is enough."""
        from wasmote.runtime.guest import GuestTrap

        if taken.lost_records:
            raise _overrun(taken.lost_records, self._run.before.slot)
        while self._trap is None and self._fed < len(taken.events):
            self._event = taken.events[self._fed]
            self._fed += 1
            self._take_running(taken, self._event)
            try:
                emissions = self._feed(module, self._event)
            except GuestTrap as fault:
                emissions, self._trap = list(fault.emissions), str(fault)
            for emission in emissions:
                if emission.stream in self._run.comparison.streams:
                    self._run.comparison.streams[emission.stream].candidate(emission.time_ms, emission.values)
        self._run.catch_up()
        return self._enough

    def _take_running(self, taken: Recorder, event: TracedEvent) -> None:
        """What the running module emitted in an event: records of its time, and no more of them."""
        left = len(event.emitted)
        for name, compared in self._run.comparison.streams.items():
            for record in taken.records(name)[self._emitted[name] :][:left]:
                if record.time_ms != event.time_ms:
                    break
                compared.running(record.time_ms, record.values)
                self._emitted[name] += 1
                left -= 1

    def _feed(self, module: HostModule, event: TracedEvent) -> list[Emission]:
        import numpy as np

        from wasmote.wire.modules import config_from_cbor

        content, at_ms = event.content or b"", event.time_ms or 0
        match event.kind:
            case EventKind.SAMPLE:
                return module.on_sample(event.input or 0, at_ms, np.frombuffer(content, "<f4"))
            case EventKind.TICK:
                return module.on_tick(at_ms)
            case _:
                config = config_from_cbor(content, "config")
                known = self._bundle.manifest.config
                module.set_config({name: value for name, value in config.items() if name in known})
                return []
