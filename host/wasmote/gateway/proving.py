"""How new modules prove themselves to the gateway, by good records, and what is noted of those that fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog
from aiocoap import Code

from wasmote.errors import CoapError
from wasmote.evidence import Evidence
from wasmote.gateway.entities import Place
from wasmote.gateway.store import ROLLED_BACK
from wasmote.life import refused_text
from wasmote.wire.modules import Control

if TYPE_CHECKING:
    from wasmote.gateway.store import Store
    from wasmote.node import Node
    from wasmote.wire.modules import ModuleStatus
    from wasmote.wire.records import Record


class Proving:
    """A module on probation, as `status` says; `needed` good records of its `evidence` confirm it.

    A record is good when it holds neither NaN nor infinity. `is_held`: whatever it emits, it is left to the
    board.
    """

    def __init__(self, status: ModuleStatus, boot_id: bytes, evidence: Evidence, needed: int) -> None:
        assert status.digest is not None
        self.digest = status.digest
        self.boot_id = boot_id
        self.good = 0
        self.is_held = False
        self._evidence = evidence
        self._needed = needed

    @property
    def proved(self) -> bool:
        """Whether it has emitted enough."""
        return self.good >= self._needed and not self.is_held

    def took(self, stream: str, records: Sequence[Record]) -> bool:
        """Count records. True when it is proved with them, or when a later one is another module's."""
        evidence = self._evidence
        self.good += sum(evidence.holds(stream, record) and record.flags == 0 for record in records)
        others = (record for record in records if record.digest != evidence.digest)
        return self.proved or any(evidence.is_new(stream, record) for record in others)


class Probations:
    """The modules of one board that have to prove themselves; `needed` 0 leaves all of them to the board."""

    def __init__(self, board: str, store: Store, needed: int) -> None:
        self._board = board
        self._store = store
        self._needed = needed
        self._proving: dict[int, Proving] = {}
        self._log = structlog.get_logger().bind(board=board)

    def begin(
        self, slot: int, status: ModuleStatus, boot_id: bytes, before: ModuleStatus | None = None
    ) -> None:
        """Count the good records of what is on probation in a slot.

        `before`: how the slot was when the module was started just now. Without a start in between, and
        without a restart of its node, it goes on with those it had.
        """
        known = self._proving.get(slot)
        if status.probation is None or status.digest is None or not self._needed:
            self._proving.pop(slot, None)
            return
        goes_on = known is not None and (known.digest, known.boot_id) == (status.digest, boot_id)
        if before is not None or not goes_on:
            evidence = Evidence.since(before, status)
            self._proving[slot] = Proving(status, boot_id, evidence, self._needed)

    def took(self, slot: int, stream: str, records: Sequence[Record]) -> bool:
        """Count records of a slot. True when the board has to be looked at: for good or for bad."""
        proving = self._proving.get(slot)
        return proving is not None and proving.took(stream, records)

    async def confirm(self, node: Node) -> None:
        """Confirm what has proved itself; what the board refuses to confirm stays on probation there."""
        for slot, proving in [*self._proving.items()]:
            if not proving.proved:
                continue
            status = await node.module(slot)
            if status.digest == proving.digest and self._is_held(proving, status):
                continue
            del self._proving[slot]
            if status.digest != proving.digest:
                continue  # another one took its place meanwhile, and has proved nothing
            try:
                await node.control(slot, Control.CONFIRM)
            except CoapError as fault:
                if fault.code is not Code.CONFLICT:  # that is: not on probation any more
                    self._log.warning("module not confirmed", slot=slot, fault=str(fault))
            else:
                self._log.info("module confirmed", slot=slot, records=proving.good)

    def _is_held(self, proving: Proving, status: ModuleStatus) -> bool:
        """Whether the module had host calls refused: records of a call that was not are no proof of those."""
        if status.refused:
            proving.is_held = True
            self._log.warning("module not confirmed", slot=status.slot, fault=refused_text(status.refused))
        return proving.is_held

    async def note_failure(self, slot: int, before: ModuleStatus | None, status: ModuleStatus) -> bool:
        """Store that a module was taken out of service since `before`, once; True when that is new."""
        failure = status.failure
        if failure is None or not _is_news(before, status):
            return False
        place = Place(self._board, slot)
        last = await self._store.last_roll_back(place) if before is None else None
        if last is not None and last.digest == failure.digest:
            return False  # from before this gateway was started
        self._proving.pop(slot, None)
        detail = failure.cause.text + (f": {status.error}" if status.error else "")
        self._log.error("module rolled back", slot=slot, module=failure.digest.hex(), cause=detail)
        await self._store.happened(place, ROLLED_BACK, failure.digest, detail)
        return True


def _is_news(before: ModuleStatus | None, status: ModuleStatus) -> bool:
    """Whether a module was taken out of service since `before`."""
    if before is None or before.failure != status.failure:
        return True
    was_there = before.digest is not None and before.out_of_service(before.digest) is None
    return was_there and status.out_of_service(before.digest or b"") is not None
