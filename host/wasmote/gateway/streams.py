"""The streams that are read from one board: which numbering each goes on with, and which has ended.

A module's stream belongs to the slot it was deployed to. When the module moves, the numbering goes with it
(moves.py), and is then read from another board.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import structlog

from wasmote.gateway.entities import Numbering, Place, StreamKey
from wasmote.gateway.pulse import cancel
from wasmote.gateway.reader import Position, close, going_on
from wasmote.wire.modules import ModuleState

if TYPE_CHECKING:
    from wasmote.gateway.follower import StreamFollower
    from wasmote.gateway.moves import Moves
    from wasmote.gateway.store import Store
    from wasmote.wire.modules import ModuleStatus


class BoardStreams:
    """What is read from a board. `boot_id` is its node's, once that was asked."""

    def __init__(self, board: str, store: Store, moves: Moves) -> None:
        self.read: dict[StreamKey, Numbering] = {}
        self.away: set[StreamKey] = set()  # streams of this board that are read from elsewhere
        self.boot_id = b""
        self._board = board
        self._store = store
        self._moves = moves
        self._following: dict[StreamKey, tuple[StreamFollower, asyncio.Task[None]]] = {}
        self._log = structlog.get_logger().bind(board=board)

    # ---- streams of modules that were deployed here ---------------------------------------

    async def close_old(self, slot: int, names: Collection[str], status: ModuleStatus) -> dict[str, Position]:
        """Find the numberings of a slot's streams, and count as lost what went with a node's restart.

        Returns, by stream, where each numbering ended or stands.
        """
        alive = {stream.name: stream.next_seq for stream in status.streams}
        positions: dict[str, Position] = {}
        for stream in {*names, *alive}:
            key = StreamKey(self._board, slot, stream)
            self.read.pop(key, None)
            self.away.discard(key)
            numbering = await self._store.numbering(key)
            if numbering is not None and numbering.source != key.place:
                numbering = await self._bring_home(key, numbering, status)
                if numbering is None:
                    self.away.add(key)
            if numbering is not None:
                positions[stream] = await self._go_on_or_end(key, numbering, alive.get(stream))
        return positions

    async def open_new(
        self, slot: int, status: ModuleStatus, ended: Mapping[str, Position], made_now: Collection[str]
    ) -> None:
        """Begin a numbering for each stream without one.

        Of a stream that our start or swap made we know its first number. One that the node started by itself
        after a restart began at 0; of any other that was there we know nothing.
        """
        first = going_on([*ended.items()])
        for stream in status.streams:
            key = StreamKey(self._board, slot, stream.name)
            if key in self.read or key in self.away:
                continue
            position = Position(self.boot_id)
            number = first.get(stream.name, 0)
            if stream.name in made_now:
                if stream.next_seq >= number:
                    position = Position(self.boot_id, number, number)
            elif stream.name in ended and ended[stream.name].boot_id != self.boot_id:
                position = Position(self.boot_id, 0, 0)
            self.read[key] = await self._store.open_numbering(key, position)

    async def _bring_home(
        self, key: StreamKey, numbering: Numbering, status: ModuleStatus
    ) -> Numbering | None:
        """Take a stream back whose module has come back; None while it has not."""
        if status.state is not ModuleState.RUNNING:
            return None
        return await self._moves.take(key, numbering, key.place, status)

    async def _go_on_or_end(self, key: StreamKey, numbering: Numbering, next_seq: int | None) -> Position:
        """Read a numbering on, if it is still the node's: same boot, and its counter is not behind ours."""
        position = numbering.position
        same_boot = position.boot_id == self.boot_id
        if same_boot and next_seq is not None and next_seq >= (position.next_seq or 0):
            self.read[key] = numbering
            return position
        step = close(position)
        await self._store.advance(numbering.id, step)
        for gap in step.gaps:
            self._log.warning(
                "records lost with a restart", stream=key.stream, first=gap.first, last=gap.last
            )
        return step.position

    # ---- streams of modules that moved here -----------------------------------------------

    async def resume_guests(self, statuses: Mapping[int, ModuleStatus], own: Collection[int]) -> set[int]:
        """Go on with the streams that were read from here before, but for slots in `own`; return their slots.

        Where the node was restarted and runs the module again, its stream begins at 0, as everywhere.
        """
        slots: set[int] = set()
        for key, numbering in await self._store.guests(self._board):
            slot = numbering.source.slot
            self.read.pop(key, None)
            if slot in own or slot not in statuses:
                continue
            alive = {stream.name: stream.next_seq for stream in statuses[slot].streams}
            await self._go_on_or_end(key, numbering, alive.get(key.stream))
            if key not in self.read and key.stream in alive:
                position = Position(self.boot_id, 0, 0)
                self.read[key] = await self._store.open_numbering(key, position, numbering.source)
            if key in self.read:
                slots.add(slot)
        return slots

    async def adopt(self, status: ModuleStatus) -> list[StreamKey]:
        """Go on here with the streams of a module that has moved to this slot, as far as it is one."""
        place = Place(self._board, status.slot)
        known = {(numbering.source.slot, key.stream) for key, numbering in self.read.items()}
        adopted = []
        for stream in status.streams:
            if (status.slot, stream.name) in known:
                continue
            found = await self._moves.find(place, stream, status)
            taken = found and await self._moves.take(*found, place, status)
            if found and taken:
                self.read[found[0]] = taken
                adopted.append(found[0])
        return adopted

    # ---- followers ------------------------------------------------------------------------

    def follows(self, follower: StreamFollower, task: asyncio.Task[None]) -> None:
        """Note who reads a stream."""
        self._following[follower.key] = follower, task

    async def drain(self, key: StreamKey, next_seq: int) -> None:
        """Wait until all numbers below are stored or lost, or nobody reads the stream any more."""
        if key not in self._following:
            return
        follower, task = self._following[key]
        reached = asyncio.create_task(follower.until(next_seq), name=f"draining {key}")
        try:
            await asyncio.wait({reached, task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel(reached)

    async def give_up(self, key: StreamKey) -> None:
        """Read a stream no more: it is read from elsewhere from now on."""
        self.read.pop(key, None)
        if key.board == self._board:
            self.away.add(key)
        _, task = self._following.pop(key, (None, None))
        if task is not None:
            await cancel(task)
