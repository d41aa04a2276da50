"""A board as a gateway's session sees it: the interface of `Node`, without a link in between.

`fake_node.py` is a node behind real datagrams; this one is for the timing of faults: a test decides between
which two calls the link breaks, the board restarts or a notification goes missing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import numpy as np
from aiocoap import Code

from fake_node import INFO
from wasmote.errors import CoapError, LinkDown
from wasmote.gateway.pulse import Clock
from wasmote.wire.bundle import Bundle
from wasmote.wire.manifest import Manifest, Stream
from wasmote.wire.modules import (
    Candidate,
    Cause,
    Control,
    Failure,
    ModuleState,
    ModuleStatus,
    StreamStatus,
)
from wasmote.wire.node import NodeInfo
from wasmote.wire.records import Record, RecordFlags, Records

FIELDS = ("rain", "flow")
UNITS = ("mm", "m3/s")


def make_bundle(sequence: int = 1, *, name: str = "flood", fields: tuple[str, ...] = FIELDS) -> Bundle:
    module = b"\0asm\1\0\0\0" + f"{name} {sequence} {fields}".encode()
    stream = Stream("features", (len(fields),), fields, UNITS[: len(fields)])
    digest = hashlib.sha256(module).digest()
    version = f"{sequence}.0.0"
    manifest = Manifest(name, version, sequence, digest, len(module), 1, 1024, (stream,))
    return Bundle(manifest, module)


class FakeBoard:
    """One board with slot 0 and the stream `features`; its ring drops the oldest records."""

    def __init__(self, ring_size: int = 8, answer_max: int = 4) -> None:
        self.info_now = INFO
        self.status = ModuleStatus(0, ModuleState.EMPTY)
        self.ring: deque[Record] = deque(maxlen=ring_size)
        self.next_seq = 0
        self.answer_max = answer_max  # records in one answer
        self.watchers: list[asyncio.Queue[Records | Exception]] = []
        self.requests: list[str] = []
        self.deaf = False  # notifications go missing
        self.down = False
        self.refusal: CoapError | None = None  # of the next installs
        self.honours_next_seq = True
        self.has_probation = False
        self.closed = False
        self._bundle: Bundle | None = None
        self._boots = 0

    async def connect(self, url: str) -> FakeBoard:
        self._request("connect")
        return self

    # what happens to it

    def emit(self, *values: float, time_ms: int | None = None) -> None:
        numbers = np.array(values or (1.0, 2.0), np.float32)
        flags = RecordFlags.NAN if np.isnan(numbers).any() else RecordFlags.NONE
        time_ms = self.next_seq * 1000 if time_ms is None else time_ms
        digest = (self.status.digest or bytes(8))[:8]
        self.ring.append(Record(self.next_seq, time_ms, digest, numbers, flags))
        self.next_seq += 1
        self._notify()

    def reboot(self) -> None:
        """Power comes back: the link breaks, modules and rings are gone."""
        self._boots += 1
        self.info_now = replace(self.info_now, boot_id=self._boots.to_bytes(4, "big"))
        self.status = ModuleStatus(0, ModuleState.EMPTY)
        self.ring.clear()
        self.next_seq = 0
        self.cut()

    def start_by_itself(self) -> None:
        """Power comes back, and the module runs again from its flash; its stream begins at 0."""
        status = self.status
        self.reboot()
        self.status = replace(status, probation=None, fallback=None)

    def roll_back(self, cause: Cause = Cause.TRAP) -> None:
        """The module on probation is taken out of service; the one before goes on."""
        failed, back = self.status.digest or b"", self.status.fallback
        assert back is not None
        self.status = ModuleStatus(
            0,
            ModuleState.RUNNING,
            *(back.name, back.version, back.sequence, back.digest),
            error="unreachable in on_sample",
            failure=Failure(cause, failed[:8]),
        )

    def cut(self) -> None:
        """The link breaks, and is there again for the next request."""
        for watcher in self.watchers:
            watcher.put_nowait(LinkDown("cut"))

    def _notify(self) -> None:
        if not self.deaf:
            for watcher in self.watchers:
                watcher.put_nowait(self._records(list(self.ring)[-1:]))

    def _records(self, records: list[Record], lost: int = 0) -> Records:
        return Records(self.info_now.boot_id, lost, self.next_seq, tuple(records))

    def _request(self, what: str) -> None:
        self.requests.append(what)
        if self.down:
            raise LinkDown("the link is down")

    # Node

    async def close(self) -> None:
        self.closed = True

    async def info(self) -> NodeInfo:
        self._request("info")
        return self.info_now

    async def module(self, slot: int) -> ModuleStatus:
        self._request("module")
        if self.status.state is ModuleState.EMPTY:
            return self.status
        return replace(self.status, streams=(StreamStatus("features", self.next_seq),))

    async def modules(self) -> list[ModuleStatus]:
        return [await self.module(0)]

    async def install(self, slot: int, bundle: bytes, progress: object = None) -> None:
        self._request("install")
        if self.refusal is not None:
            raise self.refusal
        self._bundle = Bundle.from_bytes(bundle)
        made = self._bundle.manifest
        candidate = Candidate(made.name, made.version, made.sequence, made.digest)
        self.status = replace(self.status, candidate=candidate)

    async def control(self, slot: int, operation: Control, next_seq: Mapping[str, int] | None = None) -> None:
        self._request(f"control {operation.name} {dict(next_seq) if next_seq else None}")
        if operation is Control.SWAP and self.status.state is not ModuleState.RUNNING:
            raise CoapError("nothing runs", Code.CONFLICT)
        if self.status.state is ModuleState.EMPTY and next_seq and self.honours_next_seq:
            self.next_seq = next_seq["features"]
        if operation is Control.CONFIRM:
            if self.status.probation is None:
                raise CoapError("nothing is on probation", Code.CONFLICT)
            self.status = replace(self.status, probation=None, fallback=None)
            return
        new, old = self.status.candidate or self.status, self.status
        gap = 100 if operation is Control.SWAP else None
        self.status = ModuleStatus(
            *(0, ModuleState.RUNNING, new.name, new.version, new.sequence, new.digest),
            swap_gap_us=gap,
            probation=60 if self.has_probation else None,
            fallback=Candidate(old.name or "", old.version or "", old.sequence or 0, old.digest or b"")
            if self.has_probation and old.digest
            else None,
            failure=old.failure,
        )

    async def records(self, slot: int, stream: str, since: int | None) -> Records:
        self._request(f"since {since}")
        kept = [record for record in self.ring if since is None or record.seq > since]
        oldest = kept[0].seq if kept else self.next_seq
        lost = 0 if since is None else max(0, oldest - since - 1)
        return self._records(kept[: self.answer_max], lost)

    async def watch(self, slot: int, stream: str) -> AsyncIterator[Records]:
        self._request("watch")
        queue: asyncio.Queue[Records | Exception] = asyncio.Queue()
        queue.put_nowait(self._records(list(self.ring)[-1:]))
        self.watchers.append(queue)
        try:
            while True:
                event = await queue.get()
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.watchers.remove(queue)


class FakeClock(Clock):
    """Time that passes when a test says so; `asleep` tells what is waited for."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleepers: list[tuple[float, asyncio.Event]] = []

    async def sleep(self, seconds: float) -> None:
        entry = (self.now + seconds, asyncio.Event())
        self.sleepers.append(entry)
        try:
            await entry[1].wait()
        finally:
            self.sleepers.remove(entry)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for due, event in self.sleepers:
            if due <= self.now:
                event.set()
