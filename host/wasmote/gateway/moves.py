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
    from wasmote.gateway.session import BoardSession
    from wasmote.gateway.store import Store
    from wasmote.wire.bundle import Bundle
    from wasmote.wire.modules import ModuleStatus, StreamStatus


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
        self._expected: dict[tuple[Place, str], StreamKey] = {}
        self._waited: set[StreamKey] = set()  # whose old place could not be asked before
        self._log = structlog.get_logger()

    def bundle(self, digest: bytes | None) -> Bundle | None:
        """The bundle of a module that a board was given."""
        given = (bundle for session in self.sessions.values() for bundle in session.modules.values())
        return next((bundle for bundle in given if bundle.manifest.digest == digest), None)

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
            self._waited.discard(key)
            self._expected.pop((place, key.stream), None)
            if source is not None:
                if standing.next_seq is not None:
                    await source.streams.drain(key, standing.next_seq)
                await source.streams.give_up(key)
            return await self._go_on(key, await self._store.read_again(numbering), place, status)

    async def _go_on(
        self, key: StreamKey, numbering: Numbering, place: Place, status: ModuleStatus
    ) -> Numbering:
        counts = {stream.name: stream.next_seq for stream in status.streams}
        boot_id = self.sessions[place.board].streams.boot_id
        if counts.get(key.stream, 0) < (numbering.position.next_seq or 0):
            boot_id = numbering.position.boot_id  # it was started anew: no continuation, and found to be none
        else:
            await self._tell(numbering, place, status)
        return await self._store.go_on_at(key, numbering, place, boot_id)

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

    async def _continues(
        self, place: Place, stream: StreamStatus, numbering: Numbering, reached: int | None
    ) -> bool:
        """Whether a new stream begins where a numbering ends, or repeats the end of it."""
        numbering = await self._store.read_again(numbering)
        end = numbering.position.next_seq or 0 if reached is None else reached
        if stream.next_seq < end:
            return False
        node = self.sessions[place.board].node
        kept = (await node.records(place.slot, stream.name, end - 2 if end > 1 else None)).records
        if not kept or kept[0].seq >= end:
            return True
        stored = await self._store.record(numbering.id, kept[0].seq)
        return stored is not None and (stored.time_ms, stored.digest, stored.values.tobytes()) == (
            kept[0].time_ms,
            kept[0].digest,
            kept[0].values.tobytes(),
        )


def _runs(status: ModuleStatus, digest: bytes) -> bool:
    """Whether a slot has this module in service; one that is paused may be on the move."""
    up = status.state in (ModuleState.RUNNING, ModuleState.PAUSED) or status.restart_in_ms is not None
    return up and status.digest == digest
