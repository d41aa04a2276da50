"""Modules that move while they are followed: one stream, read from one place after the other.

Whoever moves a module - `wasmote move`, or the gateway when it is asked to - stops it where it was and lets
it go on elsewhere with the same streams, at the next numbers. So a stream that appears with the module
(SHA-256) of one that has stopped, from the number on that this one has reached, is the same stream. Its
numbering goes on at the new place as soon as the old one has given all that its ring holds: nothing is
missing, nothing is there twice. Where several stopped streams fit, the new one is not read, and a warning
says so: have the gateway do such moves.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from wasmote.errors import WasmoteError
from wasmote.gateway.entities import Numbering, Place, StreamKey
from wasmote.gateway.store import MOVED
from wasmote.wire.modules import SHORT_DIGEST_BYTES, ModuleState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmote.gateway.entities import StoredRecord
    from wasmote.gateway.reader import Gap
    from wasmote.gateway.session import BoardSession
    from wasmote.gateway.store import Store
    from wasmote.node import Node
    from wasmote.wire.bundle import Bundle
    from wasmote.wire.modules import ModuleStatus, StreamStatus
    from wasmote.wire.records import Record


@dataclass(frozen=True)
class _Standing:
    """What the place that a stream is read from says."""

    runs: bool  # its module is still there
    reached: bool  # it could be asked
    next_seq: int | None = None  # of the stream


class Moves:
    """Knows the sessions of all boards; `lock` is held while a stream changes its place, and in a move."""

    def __init__(self, store: Store) -> None:
        self.lock = asyncio.Lock()
        self.sessions: dict[str, BoardSession] = {}
        self._store = store
        self._bundles: dict[bytes, Bundle] = {}
        self._expected: dict[tuple[Place, str], StreamKey] = {}
        self._waited: set[StreamKey] = set()  # whose old place could not be asked before
        self._log = structlog.get_logger()

    def bundle(self, digest: bytes | None) -> Bundle | None:
        """The bundle of a module that a board was given."""
        return self._bundles.get(digest or b"")

    def given(self, bundle: Bundle) -> None:
        """Note a bundle that a board is given."""
        self._bundles[bundle.manifest.digest] = bundle

    def expect(self, source: Place, target: Place) -> list[StreamKey]:
        """Note that a module has moved, of which we know from where: nothing has to be guessed."""
        keys = [
            key
            for key, numbering in self.sessions[source.board].streams.read.items()
            if numbering.source == source
        ]
        self._expected |= {(target, key.stream): key for key in keys}
        return keys

    async def runs_elsewhere(self, key: StreamKey, digest: bytes) -> bool:
        """Whether the module of a stream was moved away, and is - as far as can be known - still there."""
        numbering = await self._store.numbering(key)
        if numbering is None or numbering.source == key.place:
            return False
        return (await self._standing(key, numbering, digest)).runs

    async def find(
        self, place: Place, stream: StreamStatus, status: ModuleStatus
    ) -> tuple[StreamKey, Numbering] | None:
        """The stream that goes on in this slot, which none is read from yet."""
        candidates = [
            (key, numbering, session)
            for session in self.sessions.values()
            for key, numbering in session.streams.read.items()
            if key.stream == stream.name and numbering.source != place
        ]
        fits: list[tuple[StreamKey, Numbering]] = []
        for key, numbering, session in candidates:
            if self._expected.get((place, stream.name)) == key:
                return key, numbering
            there = session.slots.get(numbering.source.slot)
            if there is not None and there.digest == status.digest:
                standing = await self._standing(key, numbering, status.digest or b"")
                stopped = not (standing.runs and standing.reached)
                if stopped and await self._continues(place, stream, numbering, standing.next_seq):
                    fits.append((key, numbering))
        if len(fits) > 1:
            self._log.warning(
                "a stream that may be one of several is not read",
                board=place.board,
                slot=place.slot,
                stream=stream.name,
            )
        return fits[0] if len(fits) == 1 else None

    async def take(
        self, key: StreamKey, numbering: Numbering, place: Place, status: ModuleStatus
    ) -> Numbering | None:
        """Have a numbering go on at `place` when its old place has given what it has; None: not now.

        A place that cannot be asked is waited for until the next look, unless nothing is missing without it.
        """
        async with self.lock:
            source = self.sessions.get(numbering.source.board)
            standing = await self._standing(key, numbering, status.digest or b"")
            if standing.runs and standing.reached:
                return None
            known = standing.reached or key in self._waited or await self._covers(key, numbering, place)
            if not known:
                self._waited.add(key)
                return None
            if source is not None and standing.next_seq is not None:
                await source.streams.drain(key, standing.next_seq)
            numbering = await self._store.read_again(numbering)
            reached = await self._reached(key.stream, place)
            goes_on = reached >= (numbering.position.next_seq or 0)
            if not goes_on and place != key.place:
                return None  # it was only there for a moment
            self._waited.discard(key)
            self._expected.pop((place, key.stream), None)
            if source is not None:
                await source.streams.give_up(key)
            boot_id = numbering.position.boot_id  # at home again, but started anew: its numbering has ended
            if goes_on:
                boot_id = self.sessions[place.board].streams.boot_id
                await self._tell(numbering, place, status)
            return await self._store.go_on_at(key, numbering, place, boot_id)

    async def _reached(self, stream: str, place: Place) -> int:
        """The number that the next record of a stream gets there."""
        status = await self.sessions[place.board].node.module(place.slot)
        return next((one.next_seq for one in status.streams if one.name == stream), 0)

    async def _tell(self, numbering: Numbering, place: Place, status: ModuleStatus) -> None:
        before, now = (f"{at.board}, slot {at.slot}" for at in (numbering.source, place))
        self._log.info("module moved", module=status.name, source=before, target=now)
        digest = (status.digest or b"")[:SHORT_DIGEST_BYTES]
        await self._store.happened(place, MOVED, digest, f"{status.name}: from {before} to {now}")

    async def _standing(self, key: StreamKey, numbering: Numbering, digest: bytes) -> _Standing:
        """Ask the place that a numbering is read from."""
        session = self.sessions.get(numbering.source.board)
        if session is None:
            return _Standing(runs=False, reached=True)  # no board of ours any more
        if not session.follows:
            seen = session.slots.get(numbering.source.slot)
            return _Standing(runs=seen is None or _runs(seen, digest), reached=False)
        try:
            status = await session.node.module(numbering.source.slot)
        except WasmoteError:
            return _Standing(runs=True, reached=False)
        numbers = {stream.name: stream.next_seq for stream in status.streams}
        same_boot = numbering.position.boot_id == session.streams.boot_id
        return _Standing(_runs(status, digest), True, numbers.get(key.stream) if same_boot else None)

    async def _covers(self, key: StreamKey, numbering: Numbering, place: Place) -> bool:
        """Whether the new place has all that was not read yet."""
        node = self.sessions[place.board].node
        answer = await node.records(place.slot, key.stream, numbering.position.since)
        return answer.lost == 0

    # ---- modules that were somewhere for a moment -----------------------------------------

    async def elsewhere(
        self, numbering: Numbering, status: ModuleStatus, key: StreamKey, gap: Gap
    ) -> list[Record]:
        """The first records of a gap, from where the module was while nobody looked.

        Such a place has the module, and its stream goes on there where ours stands; `status` is of the slot
        that is read.
        """
        before: StoredRecord | Record | None = await self._store.record(numbering.id, gap.first - 1)
        found: list[Record] = []
        first = gap.first
        while first <= gap.last:
            piece = await self._going_on_from(first, before, numbering.source, status, key)
            if not piece:
                break
            found += [record for record in piece if record.seq <= gap.last]
            before, first = found[-1], found[-1].seq + 1
        return found

    async def _going_on_from(
        self,
        first: int,
        before: StoredRecord | Record | None,
        source: Place,
        status: ModuleStatus,
        key: StreamKey,
    ) -> Sequence[Record]:
        for name, session in self.sessions.items():
            if not session.follows:
                continue
            known = {one.source for other, one in session.streams.read.items() if other.stream == key.stream}
            for there in await session.node.modules():
                place = Place(name, there.slot)
                streams = [stream.name for stream in there.streams]
                if place in {source, *known} or there.digest != status.digest or key.stream not in streams:
                    continue
                records = await _after(session.node, there.slot, key.stream, first - 1, before)
                if records and records[0].seq == first:
                    return records
        return []

    async def _continues(
        self, place: Place, stream: StreamStatus, numbering: Numbering, reached: int | None
    ) -> bool:
        """Whether a new stream begins where a numbering ends, or repeats the end of it."""
        numbering = await self._store.read_again(numbering)
        end = numbering.position.next_seq or 0 if reached is None else reached
        if stream.next_seq < end:
            return False
        before = await self._store.record(numbering.id, end - 1)
        node = self.sessions[place.board].node
        return await _after(node, place.slot, stream.name, end - 1, before) is not None


async def _after(
    node: Node, slot: int, stream: str, seq: int, known: StoredRecord | Record | None
) -> Sequence[Record] | None:
    """What a ring holds after a number, oldest first; None where it has another record of that number."""
    since = seq - 1 if seq > 0 else None
    kept = (await node.records(slot, stream, since)).records
    if not kept or kept[0].seq > seq:
        return kept
    first = kept[0]
    if known is None or (first.time_ms, first.digest) != (known.time_ms, known.digest):
        return None
    return kept[1:] if first.values.tobytes() == known.values.tobytes() else None


def _runs(status: ModuleStatus, digest: bytes) -> bool:
    """Whether a slot has this module in service; one that is paused may be on the move."""
    up = status.state in (ModuleState.RUNNING, ModuleState.PAUSED) or status.restart_in_ms is not None
    return up and status.digest == digest
