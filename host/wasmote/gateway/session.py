"""One board: connect, check, deploy, follow, and from any fault back to the start of that.

    CONNECTING --connected--> CHECKING --> DEPLOYING --> FOLLOWING
    FOLLOWING --node restarted, stream renumbered, streams changed--> CHECKING
    any --link broke, no answer, store failed--> BROKEN --back-off--> CONNECTING or CHECKING

The link below a `Node` re-opens itself; a session repeats what failed above it. It never gives up: a board
that is switched off for a month is read when it comes back.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import structlog

from wasmote.errors import CoapError, LinkDown, WasmoteError
from wasmote.gateway.deployment import Action, activation, is_candidate, plan
from wasmote.gateway.entities import Numbering, StreamKey
from wasmote.gateway.follower import Renumbered, StreamFollower
from wasmote.gateway.identities import Identities
from wasmote.gateway.pulse import Clock, Pulse
from wasmote.gateway.reader import Position, close, going_on
from wasmote.link.connection import backoff
from wasmote.node import Node
from wasmote.wire.modules import Control, ModuleState

if TYPE_CHECKING:
    from wasmote.gateway.store import Store
    from wasmote.wire.bundle import Bundle
    from wasmote.wire.manifest import Manifest
    from wasmote.wire.modules import ModuleStatus
    from wasmote.wire.node import NodeInfo

Connect = Callable[[str], Awaitable[Node]]


class SessionState(enum.StrEnum):
    """Where a session is."""

    CONNECTING = "connecting"
    CHECKING = "checking"
    DEPLOYING = "deploying"
    FOLLOWING = "following"
    BROKEN = "broken"
    ENDED = "ended"


class BoardSession:
    """Keeps the modules of one board deployed and its streams read, until it is cancelled.

    `modules` says what each slot should run; `stored` is called after each commit of records.
    """

    def __init__(
        self,
        name: str,
        url: str,
        modules: Mapping[int, Bundle],
        store: Store,
        *,
        stored: Callable[[], None],
        stale_after_s: float,
        clock: Clock,
        identities: Identities,
        connect: Connect = Node.connect,
    ) -> None:
        self.name = name
        self.url = url
        self.state = SessionState.CONNECTING
        self.changed = Pulse()
        self.fault = ""  # why it is broken, or what was refused
        self.info: NodeInfo | None = None
        self.slots: dict[int, ModuleStatus] = {}
        self._modules = dict(modules)
        self._store = store
        self._stored = stored
        self._stale_after_s = stale_after_s
        self._clock = clock
        self._identities = identities
        self._connect = connect
        self._node: Node | None = None
        self._numberings: dict[StreamKey, Numbering] = {}
        self._deploying = asyncio.Lock()
        self._check_again = asyncio.Event()
        self._refused: dict[int, str] = {}
        self._pauses = backoff()
        self._log = structlog.get_logger().bind(board=name)

    @property
    def reached(self) -> bool:
        """Whether there was a node at the other end of the link once."""
        return self._node is not None

    @property
    def node(self) -> Node:
        """The node, once it was reached. Raises LinkDown before that."""
        if self._node is None:
            raise LinkDown(f"board {self.name} was not reached yet: {self.fault or self.state}")
        return self._node

    async def run(self) -> None:
        """Run until cancelled; only a bug ends it otherwise."""
        steps = {
            SessionState.CONNECTING: self._connecting,
            SessionState.CHECKING: self._checking,
            SessionState.DEPLOYING: self._deploying_modules,
            SessionState.FOLLOWING: self._following,
            SessionState.BROKEN: self._waiting,
        }
        try:
            while True:
                try:
                    self._enter(await steps[self.state]())
                except WasmoteError as fault:
                    self._break(fault)
        finally:
            self._enter(SessionState.ENDED)
            if self._node is not None:
                await self._node.close()

    async def until(self, state: SessionState) -> None:
        """Wait until the session is in a state."""
        while self.state is not state:
            await self.changed.next().wait()

    async def deploy(self, slot: int, bundle: Bundle) -> ModuleStatus:
        """Install a bundle and start it, or swap it in; the slot keeps it from now on.

        Raises LinkDown when the board is not followed now, CoapError when the node refuses: what ran goes on.
        """
        if self.state is not SessionState.FOLLOWING:
            raise LinkDown(f"board {self.name} is {self.state}: {self.fault or 'try again in a moment'}")
        info = await self.node.info()
        if self.info is None or info.boot_id != self.info.boot_id:
            self._check_again.set()
            raise LinkDown(f"board {self.name} was restarted", "it is being checked: try again in a moment")
        status = await self._bring(slot, bundle.manifest, bundle)
        before, self._modules[slot] = self._modules.get(slot), bundle
        if before is None or _stream_names(before.manifest) != _stream_names(bundle.manifest):
            self._check_again.set()
        return status

    # ---- the states -----------------------------------------------------------------------

    async def _connecting(self) -> SessionState:
        self._node = await self._connect(self.url)
        return SessionState.CHECKING

    async def _checking(self) -> SessionState:
        self._check_again.clear()
        self.info = await self.node.info()
        self._identities.claim(self.name, self.info.unique_id)
        await self._store.board_seen(self.name, self.info)
        return SessionState.DEPLOYING

    async def _deploying_modules(self) -> SessionState:
        """Bring every slot to what it should run; what a refusing node runs instead is still read."""
        self._refused.clear()
        for slot, bundle in self._modules.items():
            try:
                await self._bring(slot, bundle.manifest, bundle)
            except CoapError as fault:
                self._refused[slot] = str(fault)
                self._log.error("module refused", slot=slot, module=bundle.manifest.name, fault=str(fault))
        self.fault = "; ".join(self._refused.values())
        return SessionState.FOLLOWING

    async def _following(self) -> SessionState:
        self._pauses = backoff()
        faults: list[BaseException] = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._attend(), name=f"attend {self.name}")
                for follower in self._followers():
                    group.create_task(follower.run(), name=f"follow {follower.key}")
        except* Renumbered as group_of_faults:
            self._log.info("checking the board again", reason=str(group_of_faults.exceptions[0]))
        except* WasmoteError as group_of_faults:
            faults.extend(group_of_faults.exceptions)
        if faults:
            raise faults[0]
        return SessionState.CHECKING

    async def _waiting(self) -> SessionState:
        await self._clock.sleep(next(self._pauses))
        return SessionState.CONNECTING if self._node is None else SessionState.CHECKING

    async def _attend(self) -> None:
        """Look at the node now and then; end the following when something about it changed."""
        while not await self._clock.wait(self._check_again, self._stale_after_s):
            info = await self.node.info()
            if self.info is None or info.boot_id != self.info.boot_id:
                raise Renumbered(f"board {self.name} was restarted ({info.reset_cause.name.lower()})")
            self.info = info
            for slot in self._modules:
                self.slots[slot] = await self.node.module(slot)
            if self._refused:
                raise Renumbered("a refused module is tried again")
        raise Renumbered("the streams of the board changed")

    # ---- modules and numberings -----------------------------------------------------------

    async def _bring(self, slot: int, wanted: Manifest, bundle: Bundle) -> ModuleStatus:
        """Do what `plan` finds, telling the node the numbers its streams go on with."""
        async with self._deploying:
            await self._store.module_known(wanted)
            status = await self.node.module(slot)
            existed = {stream.name for stream in status.streams}
            action = plan(status, wanted)
            numberings = await self._close_old_numberings(slot, wanted, status)
            refusal: CoapError | None = None
            if action is Action.LEAVE_NEWER:
                self._log.warning("the board has a newer release", slot=slot, version=status.version)
            elif action is not Action.LEAVE:
                try:
                    await self._activate(slot, bundle, status, action, going_on([*numberings.items()]))
                except CoapError as fault:
                    refusal = fault  # what ran before goes on, and is read on
                status = await self.node.module(slot)
            made_now = {stream.name for stream in status.streams} - existed
            await self._open_new_numberings(slot, status, numberings, made_now)
            self.slots[slot] = status
            if refusal is not None:
                raise refusal
            return status

    async def _activate(
        self, slot: int, bundle: Bundle, status: ModuleStatus, action: Action, numbers: dict[str, int]
    ) -> None:
        operation = Control.START
        if action is Action.INSTALL:
            operation = activation(status)
            if not is_candidate(status, bundle.manifest):
                await self.node.install(slot, bundle.to_bytes())
        await self.node.control(slot, operation, numbers or None)
        await self._store.deployed(self.name, slot, bundle.manifest.digest)
        made = bundle.manifest
        self._log.info(
            "module deployed", slot=slot, module=made.name, version=made.version, how=operation.name
        )

    async def _close_old_numberings(
        self, slot: int, wanted: Manifest, status: ModuleStatus
    ) -> dict[str, Position]:
        """Find the numberings of a slot's streams, and count as lost what went with a node's restart.

        Returns, by stream, where each numbering ended or stands.
        """
        alive = {stream.name: stream.next_seq for stream in status.streams}
        positions: dict[str, Position] = {}
        for stream in _stream_names(wanted) | alive.keys():
            key = StreamKey(self.name, slot, stream)
            numbering = await self._store.numbering(key)
            self._numberings.pop(key, None)
            if numbering is None:
                continue
            if self._goes_on(numbering.position, alive.get(stream)):
                self._numberings[key] = numbering
                positions[stream] = numbering.position
                continue
            step = close(numbering.position)
            await self._store.advance(numbering.id, step)
            positions[stream] = step.position
            for gap in step.gaps:
                self._log.warning(
                    "records lost with a restart", stream=stream, first=gap.first, last=gap.last
                )
        return positions

    def _goes_on(self, position: Position, node_next_seq: int | None) -> bool:
        """Whether a numbering is still the node's: same boot, and its counter is not behind ours."""
        same_boot = self.info is not None and position.boot_id == self.info.boot_id
        return same_boot and node_next_seq is not None and node_next_seq >= (position.next_seq or 0)

    async def _open_new_numberings(
        self, slot: int, status: ModuleStatus, ended: Mapping[str, Position], made_now: set[str]
    ) -> None:
        """Begin a numbering for each stream without one.

        Of a stream that our start or swap made we know its first number; of one that was there, nothing.
        """
        assert self.info is not None  # CHECKING has asked for it
        first = going_on([*ended.items()])
        for stream in status.streams:
            key = StreamKey(self.name, slot, stream.name)
            if key not in self._numberings:
                number = first.get(stream.name, 0)
                known = stream.name in made_now and stream.next_seq >= number
                position = Position(self.info.boot_id, *((number, number) if known else ()))
                self._numberings[key] = await self._store.open_numbering(key, position)

    def _followers(self) -> list[StreamFollower]:
        return [
            StreamFollower(
                key, numbering, self.node, self._store, self._clock, self._stale_after_s, self._stored
            )
            for key, numbering in self._numberings.items()
            if self.slots[key.slot].state is not ModuleState.EMPTY
        ]

    # ---- changes --------------------------------------------------------------------------

    def _enter(self, state: SessionState) -> None:
        if state is not self.state:
            self._log.debug("session", state=str(state))
        if state is SessionState.FOLLOWING:
            self._log.info("following", streams=[str(key.stream) for key in self._numberings])
        self.state = state
        self.changed.beat()

    def _break(self, fault: WasmoteError) -> None:
        if str(fault) != self.fault:
            self._log.warning("session broken", state=str(self.state), fault=str(fault))
        self.fault = str(fault)
        self._identities.release(self.name)
        self._enter(SessionState.BROKEN)


def _stream_names(manifest: Manifest) -> set[str]:
    return {stream.name for stream in manifest.streams}
