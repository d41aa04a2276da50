"""Runs a recording again on a node, and compares what is emitted with what was emitted then, bit for bit.

The node gets the module and its snapshot, then the recorded events with the answers of then; its clock,
sensors and random numbers have no part in it. NaNs are made equal: which payload a processor gives to one is
its own affair.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from aiocoap import Code

from wasmote.errors import CoapError, UsageFault
from wasmote.wire.modules import ModuleState
from wasmote.wire.trace import REQUEST_BYTES_MAX

if TYPE_CHECKING:
    from wasmote.node import Node
    from wasmote.recording import Recording
    from wasmote.wire.records import Record
    from wasmote.wire.trace import TracedEvent

QEMU_BOARD = "netduinoplus2"  # what `qemu` means
OUTPUT_BYTES_MAX = 2560  # that one request may cause in a stream: the smallest ring of a board holds 3072
_RECORD_OVERHEAD = 48  # bytes of a record beside its values
_ARRAY_HEAD = 3  # bytes
_CANONICAL_NAN = np.array([0x7FC0_0000], "<u4").view("<f4")[0]
_U32 = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Reproduction:
    """How far a recording was run again; `difference` is the first one, or why equality is not claimed."""

    board: str
    events: int
    records: int
    difference: str | None = None


@asynccontextmanager
async def target(name: str) -> AsyncIterator[Node]:
    """A node to run on: `host`, a board that can be emulated, `qemu`, or the link of one that is there."""
    from wasmote.node import Node

    if ":" in name:
        async with await Node.connect(name) as node:
            yield node
    elif name == "host":
        from wasmote.runtime.server import serve

        async with serve() as (_, link), await Node.connect(link) as node:
            yield node
    else:
        from wasmote.sim import Simulator

        board = QEMU_BOARD if name == "qemu" else name
        async with await Simulator.start(board) as simulator, await Node.connect(simulator.url) as node:
            yield node


async def reproduce(
    recording: Recording, node: Node, progress: Callable[[int], None] = lambda _: None
) -> Reproduction:
    """Run a recording again in a free slot, which is empty afterwards.

    `progress` gets the number of events so far. Raises UsageFault for a node that allows no injection or has
    no slot, and what the node refuses.
    """
    info = await node.info()
    if not info.injection:
        raise UsageFault(
            f"{node.url}: a {info.board} does not let events be injected",
            "choose one that does (`wasmote ls` shows it), or an emulated one: --on qemu, native or host",
        )
    slot = await _free_slot(node)
    try:
        await node.install(slot, recording.bundle.to_bytes())
        await node.restore(slot, recording.snapshot)
        return await _Run(recording, node, slot, info.board, progress).run()
    finally:
        await node.remove(slot)


async def _free_slot(node: Node) -> int:
    for module in await node.modules():
        if module.state is ModuleState.EMPTY and module.candidate is None:
            return module.slot
    raise UsageFault(f"{node.url}: no slot is free", "remove a module there, or replay on another target")


class _Run:
    """One run of a recording on a node."""

    def __init__(
        self, recording: Recording, node: Node, slot: int, board: str, progress: Callable[[int], None]
    ) -> None:
        self._recording = recording
        self._node = node
        self._slot = slot
        self._board = board
        self._progress = progress
        self._expected = {name: list(records) for name, records in recording.outputs.items()}
        self._of_event: dict[str, list[int]] = defaultdict(list)
        for event, stream in recording.emissions():
            self._of_event[stream].append(event.number)
        self._seen: dict[str, int] = defaultdict(int)  # records that were compared
        self._done = 0

    async def run(self) -> Reproduction:
        for batch in self._batches():
            refused = await self._replay(batch)
            difference = await self._compare() or refused
            if difference:
                return self._result(difference)
        return self._result(self._missing() or self._lost())

    async def _replay(self, batch: list[TracedEvent]) -> str | None:
        """Bring events; return what went otherwise than recorded."""
        trap = batch[-1].trap
        try:
            await self._node.replay(self._slot, batch)
        except CoapError as fault:
            if fault.code is Code.CONFLICT:
                return fault.diagnostic
            if fault.code is not Code.UNPROCESSABLE_ENTITY:
                raise
            if trap is None:
                return f"it trapped, {fault.diagnostic}"
        else:
            if trap is not None:
                return f"event {batch[-1].number} did not trap; recorded: {trap}"
        self._done += len(batch)
        self._progress(self._done)
        return None

    async def _compare(self) -> str | None:
        """Compare what was emitted since the last time; return the first difference, by event."""
        differences = [await self._compare_stream(name) for name in self._expected]
        found = [one for one in differences if one is not None]
        return min(found)[1] if found else None

    async def _compare_stream(self, stream: str) -> tuple[int, str] | None:
        expected, events = self._expected[stream], self._of_event[stream]
        while True:
            since = (self._first_seq(stream) + self._seen[stream] - 1) & _U32
            answer = await self._node.records(self._slot, stream, since)
            if answer.lost:
                last = self._recording.events[-1].number
                return last, f"{answer.lost} records of {stream} were overrun on the node: not compared"
            for record in answer.records:
                index = self._seen[stream]
                self._seen[stream] += 1
                if index >= len(events):
                    return record.seq, f"record {record.seq} of {stream} was not in the recording"
                difference = self._differs(stream, record, expected)
                if difference:
                    return events[
                        index
                    ], f"event {events[index]}, record {record.seq} of {stream}: {difference}"
            if not answer.records or (answer.records[-1].seq + 1) & _U32 == answer.next_seq:
                return None

    def _first_seq(self, stream: str) -> int:
        from wasmote.wire.state import Snapshot

        return Snapshot.from_bytes(self._recording.snapshot).next_seq.get(stream, 0)

    def _differs(self, stream: str, record: Record, expected: list[Record]) -> str | None:
        then = next((one for one in expected if one.seq == record.seq), None)
        if then is None:
            return None  # lost when it was recorded: _lost() tells
        if then.time_ms != record.time_ms:
            return f"time {record.time_ms}; recorded: {then.time_ms}"
        was, now = _canonical(then), _canonical(record)
        if was == now:
            return None
        at = next(i for i in range(len(then.values)) if was[4 * i : 4 * i + 4] != now[4 * i : 4 * i + 4])
        declared = next(one for one in self._recording.bundle.manifest.streams if one.name == stream)
        field = declared.fields[at] if declared.fields else f"value {at}"
        is_now, was_then = f"{record.values[at]} ({_bits(now, at)})", f"{then.values[at]} ({_bits(was, at)})"
        return f"{field} is {is_now}; recorded: {was_then}"

    def _missing(self) -> str | None:
        """The first record that did not come again."""
        short = [
            (events[self._seen[name]], name)
            for name, events in self._of_event.items()
            if self._seen[name] < len(events)
        ]
        return f"event {min(short)[0]} emitted nothing to {min(short)[1]}, as it did then" if short else None

    def _lost(self) -> str | None:
        """Why equality cannot be claimed though nothing differs."""
        recording = self._recording
        if recording.lost_events:
            behind = recording.first_event + len(recording.events) - 1
            return f"{recording.lost_events} events behind event {behind} were lost when it was recorded"
        lost = sum(recording.lost_records.values())
        return f"{lost} records were lost when it was recorded" if lost else None

    def _result(self, difference: str | None) -> Reproduction:
        return Reproduction(self._board, self._done, sum(self._seen.values()), difference)

    def _batches(self) -> Iterator[list[TracedEvent]]:
        """Events that fit one request, and whose records fit the node's rings."""
        streams = self._recording.bundle.manifest.streams
        batch: list[TracedEvent] = []
        request, outputs = 0, Counter[int]()
        for event in self._recording.events:
            size = len(event.to_cbor())
            emitted = Counter[int]()
            for index in event.emitted:
                emitted[index] += 4 * streams[index].count + _RECORD_OVERHEAD
            overrun = any(outputs[index] + more > OUTPUT_BYTES_MAX for index, more in emitted.items())
            alone = event.trap is not None  # so that what traps before it is told from it
            if batch and (alone or overrun or request + size > REQUEST_BYTES_MAX - _ARRAY_HEAD):
                yield batch
                batch, request, outputs = [], 0, Counter()
            batch.append(event)
            request += size
            outputs += emitted
        if batch:
            yield batch


def _canonical(record: Record) -> bytes:
    values = record.values.astype("<f4")
    values[np.isnan(values)] = _CANONICAL_NAN
    return values.tobytes()


def _bits(values: bytes, index: int) -> str:
    return f"0x{int.from_bytes(values[4 * index : 4 * index + 4], 'little'):08x}"
