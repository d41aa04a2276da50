"""Following one stream of one node: observation wakes it, `?since=` closes the gaps, the store keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from wasmote.errors import LinkDown, WasmoteError
from wasmote.gateway.entities import Numbering, StreamKey
from wasmote.gateway.pulse import Clock, Pulse, cancel
from wasmote.gateway.reader import Gap, Position, Step, absorb, announce, fill, restarted

if TYPE_CHECKING:
    from wasmote.gateway.store import Store
    from wasmote.node import Node
    from wasmote.wire.records import Record, Records

Elsewhere = Callable[[StreamKey, Gap], Awaitable["Sequence[Record]"]]


class Renumbered(WasmoteError):
    """The node was restarted, or the stream was made anew: what is known of it has to be checked."""


class StreamFollower:
    """Reads a stream from where its numbering stands, until the link breaks or the numbering ends.

    `stored` is called with the records of each commit; `elsewhere` asks other places for what is missing.
    """

    def __init__(
        self,
        key: StreamKey,
        numbering: Numbering,
        node: Node,
        store: Store,
        clock: Clock,
        stale_after_s: float,
        stored: Callable[[Sequence[Record]], None],
        elsewhere: Elsewhere,
    ) -> None:
        self.key = key
        self.slot = numbering.source.slot
        self._numbering = numbering.id
        self._position = numbering.position
        self._committed = numbering.position
        self._node = node
        self._store = store
        self._clock = clock
        self._stale_after_s = stale_after_s
        self._stored = stored
        self._elsewhere = elsewhere
        self._newest: Records | None = None
        self._wake = asyncio.Event()
        self._advanced = Pulse()
        self._log = structlog.get_logger().bind(board=key.board, slot=key.slot, stream=key.stream)

    @property
    def position(self) -> Position:
        """How far the stream is stored."""
        return self._committed

    async def until(self, next_seq: int) -> None:
        """Wait until all numbers below are stored or lost."""
        while (self._committed.next_seq or 0) < next_seq:
            await self._advanced.next().wait()

    async def run(self) -> None:
        """Follow, observing anew whenever nothing came for so long that the observation may be dead.

        Raises LinkDown, Renumbered, StoreFault, or what the node answers to a request.
        """
        try:
            while True:
                await self._follow_observation()
                self._log.debug("observation is stale, observing anew")
        finally:
            await self._keep_announcement()

    async def _follow_observation(self) -> None:
        watching = asyncio.create_task(self._watch(), name=f"watch {self.key}")
        try:
            while await self._clock.wait(self._wake, self._stale_after_s):
                self._wake.clear()
                await self._drain()
                if watching.done():
                    watching.result()
        finally:
            await cancel(watching)

    async def _watch(self) -> None:
        """Take notifications as announcements; whatever ends the observation wakes the follower, too."""
        try:
            async for notification in self._node.watch(self.slot, self.key.stream):
                if notification.boot_id != self._position.boot_id:
                    raise Renumbered(f"{self.key.board} was restarted")
                self._position = announce(self._position, notification)
                self._newest = notification
                self._wake.set()
            raise LinkDown(f"the observation of {self.key} ended")
        finally:
            self._wake.set()

    async def _drain(self) -> None:
        """Fetch until nothing that was announced is missing; return when all of it is committed."""
        commits: list[asyncio.Future[None]] = []
        records: list[Record] = []
        try:
            while self._position.behind:
                answer = self._next_in_order() or await self._fetch()
                step = await self._fill(absorb(self._position, answer))
                self._position = step.position
                self._report(step)
                records += step.records
                commits.append(self._store.advance(self._numbering, step))
        finally:
            await self._settle(commits, records)

    async def _fill(self, step: Step) -> Step:
        """Look for what is missing where the module may have been for a while."""
        for gap in step.gaps:
            step = fill(step, gap, await self._elsewhere(self.key, gap))
        return step

    def _next_in_order(self) -> Records | None:
        """The newest notification, where it holds just the record that comes next: no need to ask for it."""
        notification, self._newest = self._newest, None
        if notification is None or len(notification.records) != 1:
            return None
        in_order = notification.records[0].seq == self._position.next_seq
        return replace(notification, lost=0) if in_order else None

    async def _fetch(self) -> Records:
        answer = await self._node.records(self.slot, self.key.stream, self._position.since)
        if restarted(self._position, answer):
            raise Renumbered(f"{self.key.board} numbers {self.key.stream} anew")
        return answer

    async def _settle(self, commits: list[asyncio.Future[None]], records: Sequence[Record]) -> None:
        """Wait for commits. Raises the first fault; the session then goes on from what is stored."""
        if not commits:
            return
        position = self._position
        faults = [result for result in await asyncio.gather(*commits, return_exceptions=True) if result]
        if faults:
            raise faults[0]
        self._committed = position
        self._advanced.beat()
        self._stored(records)

    def _report(self, step: Step) -> None:
        for gap in step.gaps:
            self._log.warning("records lost", first=gap.first, last=gap.last, count=gap.count)
        flagged = sum(record.flags != 0 for record in step.records)
        if flagged:
            self._log.warning("records hold NaN or infinity", count=flagged)

    async def _keep_announcement(self) -> None:
        """Store what was announced but not fetched: if the node forgets it, it counts as lost."""
        announced = self._position.announced
        if announced > self._committed.announced:
            try:
                await self._store.announced(self._numbering, announced)
            except WasmoteError as fault:
                self._log.error("could not store what was announced", fault=str(fault))
