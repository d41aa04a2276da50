"""The slots of one board: what each should run, and how it is brought to run that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from wasmote.errors import CoapError
from wasmote.gateway.deployment import Action, activation, is_candidate, plan
from wasmote.gateway.entities import StreamKey
from wasmote.gateway.reader import going_on

if TYPE_CHECKING:
    from wasmote.gateway.moves import Moves
    from wasmote.gateway.proving import Probations
    from wasmote.gateway.store import Store
    from wasmote.gateway.streams import BoardStreams
    from wasmote.node import Node
    from wasmote.wire.bundle import Bundle
    from wasmote.wire.manifest import Manifest
    from wasmote.wire.modules import ModuleStatus


class BoardSlots:
    """What is `wanted` of each slot, and what was last `seen` there.

    `check` is called when the board has to be looked at from the beginning.
    """

    def __init__(
        self,
        board: str,
        wanted: Mapping[int, Bundle],
        store: Store,
        streams: BoardStreams,
        moves: Moves,
        probations: Probations,
        check: Callable[[], None],
    ) -> None:
        self.wanted = dict(wanted)
        self.seen: dict[int, ModuleStatus] = {}
        self.refused: dict[int, str] = {}  # is tried again
        self._left: dict[int, str] = {}  # is not
        self._moved: set[int] = set()  # whose modules run elsewhere
        self._board = board
        self._store = store
        self._streams = streams
        self._moves = moves
        self._probations = probations
        self._check = check
        self._deploying = asyncio.Lock()
        self._log = structlog.get_logger().bind(board=board)

    @property
    def fault(self) -> str:
        """Why slots do not run what they should; empty where all do."""
        return "; ".join([*self.refused.values(), *self._left.values()])

    async def bring_all(self, node: Node) -> None:
        """Bring every slot to what it should run; what the node refuses is noted."""
        self.refused.clear()
        self._left.clear()
        self._moved.clear()
        for slot, bundle in self.wanted.items():
            try:
                await self._bring(node, slot, bundle)
            except CoapError as fault:
                self.refused[slot] = str(fault)
                self._log.error("module refused", slot=slot, module=bundle.manifest.name, fault=str(fault))

    async def deploy(self, node: Node, slot: int, bundle: Bundle) -> ModuleStatus:
        """Bring a slot to a bundle that somebody asks for, and want that from now on. Raises CoapError."""
        self._left.pop(slot, None)
        status = await self._bring(node, slot, bundle, asked=True)
        before, self.wanted[slot] = self.wanted.get(slot), bundle
        if before is None or _stream_names(before.manifest) != _stream_names(bundle.manifest):
            self._check()
        return status

    async def lost(self) -> bool:
        """Whether a module that had moved away runs nowhere any more."""
        for slot in self._moved:
            if not await self._is_elsewhere(slot, self.wanted[slot].manifest):
                return True
        return False

    async def _bring(self, node: Node, slot: int, bundle: Bundle, *, asked: bool = False) -> ModuleStatus:
        """Do what `plan` finds, telling the node the numbers its streams go on with.

        What somebody has `asked` for is tried again, even if it had failed.
        """
        wanted = bundle.manifest
        async with self._deploying:
            self._moves.given(bundle)
            await self._store.module_known(wanted)
            status = await node.module(slot)
            await self._probations.note_failure(slot, self.seen.get(slot), status)
            existed = {stream.name for stream in status.streams}
            action = await self._plan(slot, bundle, status, asked=asked)
            ended = await self._streams.close_old(slot, _stream_names(wanted), status)
            refusal: CoapError | None = None
            replaced: ModuleStatus | None = None
            if action is Action.INSTALL:
                try:
                    await self._activate(node, slot, bundle, status, going_on([*ended.items()]))
                except CoapError as fault:
                    refusal = fault  # what ran before goes on, and is read on
                before, status = status, await node.module(slot)
                if refusal is None:
                    replaced = before
                    await self._see_whether_it_lasted(slot, replace(before, digest=wanted.digest), status)
            elif action is not Action.LEAVE:
                self._leave(slot, wanted, status, action)
            made_now = {stream.name for stream in status.streams} - existed
            await self._streams.open_new(slot, status, ended, made_now)
            self.seen[slot] = status
            self._probations.begin(slot, status, self._streams.boot_id, replaced)
            if refusal is not None:
                raise refusal
            return status

    async def _plan(self, slot: int, bundle: Bundle, status: ModuleStatus, *, asked: bool) -> Action:
        wanted = bundle.manifest
        last = await self._store.last_deployed(self._board, slot)
        changed = asked or last not in (None, wanted.digest)
        return plan(status, bundle, changed=changed, moved=await self._is_elsewhere(slot, wanted))

    async def _see_whether_it_lasted(self, slot: int, then: ModuleStatus, now: ModuleStatus) -> None:
        if await self._probations.note_failure(slot, then, now):
            self._check()

    async def _is_elsewhere(self, slot: int, wanted: Manifest) -> bool:
        """Whether the module of this slot has moved away and runs there."""
        keys = [StreamKey(self._board, slot, stream) for stream in _stream_names(wanted)]
        return any([await self._moves.runs_elsewhere(key, wanted.digest) for key in keys])

    def _leave(self, slot: int, wanted: Manifest, status: ModuleStatus, action: Action) -> None:
        what = f"slot {slot}: {wanted.name} {wanted.version}: {action.value}"
        self._log.warning("not deployed", slot=slot, module=wanted.name, why=action.value)
        if action is Action.LEAVE_MOVED:
            self._moved.add(slot)
        elif action is not Action.LEAVE_NEWER:
            self._left[slot] = f"{what}{f' ({status.error})' if status.error else ''}"

    async def _activate(
        self, node: Node, slot: int, bundle: Bundle, status: ModuleStatus, numbers: dict[str, int]
    ) -> None:
        operation = activation(status)
        if not is_candidate(status, bundle):
            await node.install(slot, bundle.to_bytes())
        await node.control(slot, operation, numbers or None)
        await self._store.deployed(self._board, slot, bundle.manifest.digest)
        made = bundle.manifest
        self._log.info(
            "module deployed", slot=slot, module=made.name, version=made.version, how=operation.name
        )


def _stream_names(manifest: Manifest) -> set[str]:
    return {stream.name for stream in manifest.streams}
