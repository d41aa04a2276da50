"""Recording a module that runs on a node: its state now, then all that enters it and all that it emits.

The node keeps both in rings. A notification of the trace wakes us; `?since=` then brings what is new, so that
a record is lost only where a ring was overrun, and that is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from wasmote.coap import RepresentationChanged
from wasmote.errors import LinkDown, UsageFault, WasmoteError
from wasmote.recording import Recording
from wasmote.wire.modules import Control, ModuleState, ModuleStatus
from wasmote.wire.state import Snapshot
from wasmote.wire.trace import EventKind, TracedEvent

if TYPE_CHECKING:
    from wasmote.node import Node
    from wasmote.wire.bundle import Bundle
    from wasmote.wire.records import Record

_U32 = 0xFFFF_FFFF


async def running(node: Node, bundle: Bundle) -> ModuleStatus:
    """The slot in which the module of a bundle runs. Raises UsageFault when it does not."""
    for module in await node.modules():
        if module.digest == bundle.manifest.digest and module.state is ModuleState.RUNNING:
            return module
    raise UsageFault(
        f"{bundle.manifest.name} {bundle.manifest.version} does not run there",
        "`wasmote ls` shows what does; the bundle must be the one that runs, byte for byte",
    )


class Recorder:
    """Records the module that runs in a slot. Enter it to begin, `follow()`, leave it; then `recording()`."""

    def __init__(self, node: Node, status: ModuleStatus) -> None:
        self._node = node
        self._slot = status.slot
        self._digest = status.digest
        self._board = ""
        self._boot_id = b""
        self._snapshot = b""
        self._next_event = 0
        self._leaving = False
        self._last_seq = _U32  # of the trace
        self._last_record: dict[str, int] = {}
        self._lost_events = 0
        self._lost_records: Counter[str] = Counter()
        self._outputs: dict[str, list[Record]] = {stream.name: [] for stream in status.streams}
        self.events: list[TracedEvent] = []
        self.ended: str | None = None  # why nothing more can follow

    @property
    def snapshot(self) -> bytes:
        """The state that the first event entered."""
        return self._snapshot

    @property
    def lost_records(self) -> int:
        """Records of all streams that the node no longer had."""
        return self._lost_records.total()

    def records(self, stream: str) -> list[Record]:
        """What was emitted to a stream so far."""
        return self._outputs[stream]

    async def __aenter__(self) -> Recorder:
        self._board = (await self._node.info()).board
        before = await self._node.trace(self._slot, None)
        self._boot_id, self._last_seq = before.boot_id, (before.next_seq - 1) & _U32
        await self._node.set_trace(self._slot, True)
        try:
            taken = await self._begin()
        except BaseException:
            await self._node.set_trace(self._slot, False)
            raise
        self._next_event = taken.events
        self._last_record = {name: (seq - 1) & _U32 for name, seq in taken.next_seq.items()}
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leaving = True
        with suppress(WasmoteError):  # a link that broke, or a node that was restarted, has nothing to end
            await self._node.set_trace(self._slot, False)
            await self._drain()

    async def _begin(self) -> Snapshot:
        self._snapshot = await self._take_snapshot()
        taken = Snapshot.from_bytes(self._snapshot)
        if taken.digest != self._digest:
            raise WasmoteError(f"slot {self._slot} runs another module by now: {taken.name}")
        return taken

    async def _take_snapshot(self) -> bytes:
        """Without a pause where that can be: a paused module misses readings of the board."""
        try:
            return await self._node.snapshot(self._slot)
        except RepresentationChanged:
            await self._node.control(self._slot, Control.PAUSE)
            try:
                return await self._node.snapshot(self._slot)
            finally:
                await self._node.control(self._slot, Control.RESUME)

    async def follow(
        self,
        enough: Callable[[Recorder], bool],
        interrupted: Callable[[WasmoteError], None] = lambda _: None,
    ) -> None:
        """Record until it is enough, or nothing more can follow (`ended`).

        `interrupted` gets each LinkDown after which the node is waited for.
        """
        path = f"/modules/{self._slot}/trace"
        while True:
            try:
                async with aclosing(self._node.observe(path)) as changes:
                    async for _ in changes:
                        await self._drain()
                        if self.ended or enough(self):
                            return
            except LinkDown as fault:
                interrupted(fault)
                await self._node.wait_up()

    async def _drain(self) -> None:
        while not self.ended:
            answer = await self._node.trace(self._slot, self._last_seq)
            if answer.boot_id != self._boot_id:
                self.ended = "the node was restarted"
                return
            if answer.lost:
                self._lost_events += answer.lost
                self.ended = f"the node's ring was overrun: {answer.lost} events are lost"
                break
            for event in answer.events:
                self._last_seq = event.seq
                self._take(event)
            if not answer.events or (self._last_seq + 1) & _U32 == answer.next_seq:
                if not answer.on and not self._leaving:
                    self.ended = "somebody else has ended the trace"
                break
        for stream in self._outputs:
            await self._drain_stream(stream)

    def _take(self, event: TracedEvent) -> None:
        if self.ended or (event.kind is not EventKind.BEGAN and self._is_before(event.number)):
            return  # it is in the snapshot already
        if event.kind is EventKind.BEGAN:
            self.ended = "the module was stopped, or another one took its place"
        elif event.number != self._next_event:
            self.ended = f"event {self._next_event} is not in the trace"
        elif event.cut:
            self._lost_events += 1
            self.ended = f"event {event.number} is larger than what the node can record of one"
        else:
            self.events.append(event)
            self._next_event = (self._next_event + 1) & _U32
            if event.trap is not None:
                self.ended = f"the module trapped: {event.trap}"

    def _is_before(self, number: int) -> bool:
        """Whether an event comes before the next one; they are counted modulo 2^32, as RFC 1982 compares."""
        return number != self._next_event and (self._next_event - number) & _U32 < 1 << 31

    async def _drain_stream(self, stream: str) -> None:
        while True:
            since = self._last_record.get(stream, _U32)
            answer = await self._node.records(self._slot, stream, since)
            if answer.boot_id != self._boot_id:
                return
            self._lost_records[stream] += answer.lost
            if not answer.records:
                return
            self._outputs[stream] += answer.records
            self._last_record[stream] = answer.records[-1].seq
            if (answer.records[-1].seq + 1) & _U32 == answer.next_seq:
                return

    def recording(self, bundle: Bundle, events: int | None = None) -> Recording:
        """What was recorded of the module of this bundle; of the events at most the first so many."""
        kept = self.events[:events]
        names = [stream.name for stream in bundle.manifest.streams]
        emitted = Counter(names[index] for event in kept for index in event.emitted)
        outputs, lost = {}, {}
        for name in names:
            start = Snapshot.from_bytes(self._snapshot).next_seq.get(name, 0)
            outputs[name] = tuple(r for r in self._outputs[name] if (r.seq - start) & _U32 < emitted[name])
            lost[name] = emitted[name] - len(outputs[name])
        whole = len(kept) < len(self.events)
        return Recording(
            bundle=bundle,
            snapshot=self._snapshot,
            events=tuple(kept),
            outputs=outputs,
            board=self._board,
            lost_events=0 if whole else self._lost_events,
            lost_records={name: count for name, count in lost.items() if count},
        )
