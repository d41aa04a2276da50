"""One board: connect, check, deploy, follow, and from any fault back to the start of that.

    CONNECTING --connected--> CHECKING --> DEPLOYING --> FOLLOWING
    FOLLOWING --node restarted, stream renumbered, streams changed--> CHECKING
    any --link broke, no answer, store failed, bug--> BROKEN --back-off--> CONNECTING or CHECKING

The link below a `Node` re-opens itself; a session repeats what failed above it. It never gives up: a board
that is switched off for a month is read when it comes back.
"""

from __future__ import annotations

import asyncio
import enum
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import structlog

from wasmote.cancellation import heed_cancellation, together
from wasmote.errors import LinkDown, UsageFault, WasmoteError
from wasmote.gateway.entities import StreamKey
from wasmote.gateway.follower import Renumbered, StreamFollower
from wasmote.gateway.identities import Identities
from wasmote.gateway.logs import unexpected
from wasmote.gateway.proving import Probations
from wasmote.gateway.pulse import Clock, Pulse
from wasmote.gateway.slots import BoardSlots
from wasmote.gateway.streams import BoardStreams
from wasmote.link.connection import backoff
from wasmote.node import Node
from wasmote.wire.modules import ModuleState

if TYPE_CHECKING:
    from wasmote.gateway.moves import Moves
    from wasmote.gateway.store import Store
    from wasmote.wire.bundle import Bundle
    from wasmote.wire.modules import ModuleStatus
    from wasmote.wire.node import NodeInfo
    from wasmote.wire.records import Record

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

    `modules` says what each slot should run; `stored` is called after each commit of records. A new module
    that has emitted `confirm_after` good records is confirmed; with 0 that is left to the node.
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
        confirm_after: int,
        clock: Clock,
        identities: Identities,
        moves: Moves,
        connect: Connect = Node.connect,
    ) -> None:
        self.name = name
        self.url = url
        self.state = SessionState.CONNECTING
        self.changed = Pulse()
        self.looked = Pulse()
        self.fault = ""  # why it is broken, or what was refused
        self.info: NodeInfo | None = None
        self._store = store
        self._stored = stored
        self._stale_after_s = stale_after_s
        self._clock = clock
        self._identities = identities
        self._connect = connect
        self.streams = BoardStreams(name, store, moves)
        self._moves = moves
        self._node: Node | None = None
        self._probations = Probations(name, store, confirm_after)
        self._slots = BoardSlots(name, modules, store, self.streams, moves, self._probations, self._check)
        self._stirred = asyncio.Event()  # there is something to look at
        self._check_again = False
        self._pauses = backoff()
        self._bug = ""  # what failed unexpectedly, until the board was looked at since
        self._log = structlog.get_logger().bind(board=name)

    @property
    def reached(self) -> bool:
        """Whether there was a node at the other end of the link once."""
        return self._node is not None

    @property
    def slots(self) -> Mapping[int, ModuleStatus]:
        """How each slot was when it was last looked at."""
        return self._slots.seen

    @property
    def follows(self) -> bool:
        """Whether the board is there, and its streams are read."""
        return self.state is SessionState.FOLLOWING

    @property
    def node(self) -> Node:
        """The node, once it was reached. Raises LinkDown before that."""
        if self._node is None:
            raise LinkDown(f"board {self.name} was not reached yet: {self.fault or self.state}")
        return self._node

    async def run(self) -> None:
        """Run until cancelled. What nobody foresaw is this board's fault as well: the others go on."""
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
                    heed_cancellation()
                    self._break(fault)
                except Exception as bug:
                    heed_cancellation()
                    self._break_unexpectedly(bug)
        finally:
            self._enter(SessionState.ENDED)
            if self._node is not None:
                await self._node.close()

    async def until(self, state: SessionState) -> None:
        """Wait until the session is in a state."""
        while self.state is not state:
            await self.changed.next().wait()

    def look(self) -> None:
        """Look at the node soon, as something about it may have changed."""
        self._stirred.set()

    def running(self, module: str) -> tuple[Bundle, int]:
        """The bundle of a module that runs here, and its slot. Raises UsageFault where it does not.

        It must be one that this gateway has deployed somewhere.
        """
        for slot, status in self.slots.items():
            bundle = self._moves.bundle(status.digest)
            if status.name == module and bundle is not None and status.state is ModuleState.RUNNING:
                return bundle, slot
        runs = ", ".join(f"{slot}: {one.name} {one.version}" for slot, one in self.slots.items() if one.name)
        raise UsageFault(
            f"module {module} of this gateway does not run on board {self.name}", f"slots: {runs or 'empty'}"
        )

    async def until_reading(self, key: StreamKey) -> None:
        """Wait until a stream is followed here."""
        while key not in self.streams.read or not self.follows:
            await self.changed.next().wait()

    async def deploy(self, slot: int, bundle: Bundle) -> ModuleStatus:
        """Install a bundle and start it, or swap it in; the slot keeps it from now on.

        Raises LinkDown when the board is not followed now, CoapError when the node refuses: what ran goes on.
        """
        if self.state is not SessionState.FOLLOWING:
            raise LinkDown(f"board {self.name} is {self.state}: {self.fault or 'try again in a moment'}")
        info = await self.node.info()
        if self.info is None or info.boot_id != self.info.boot_id:
            self._check()
            raise LinkDown(f"board {self.name} was restarted", "it is being checked: try again in a moment")
        status = await self._slots.deploy(self.node, slot, bundle)
        self.fault = self._slots.fault
        return status

    def _check(self) -> None:
        """Check the board again from the beginning."""
        self._check_again = True
        self.look()

    # ---- the states -----------------------------------------------------------------------

    async def _connecting(self) -> SessionState:
        self._node = await self._connect(self.url)
        return SessionState.CHECKING

    async def _checking(self) -> SessionState:
        self._check_again = False
        self.info = await self.node.info()
        self.streams.boot_id = self.info.boot_id
        self._identities.claim(self.name, self.info.unique_id)
        await self._store.board_seen(self.name, self.info)
        return SessionState.DEPLOYING

    async def _deploying_modules(self) -> SessionState:
        """Bring every slot to what it should run; what a refusing node runs instead is still read."""
        await self._slots.bring_all(self.node)
        await self._take_guests()
        self.fault = self._slots.fault
        return SessionState.FOLLOWING

    async def _following(self) -> SessionState:
        if not self._bug:
            self._pauses = backoff()
        faults: list[BaseException] = []
        followers = self._followers()
        tasks = [asyncio.create_task(self._attend(), name=f"attend {self.name}")]
        for follower in followers:
            tasks.append(asyncio.create_task(follower.run(), name=f"follow {follower.key}"))
            self.streams.follows(follower, tasks[-1])
        try:
            await together(tasks)
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
        while True:
            await self._clock.wait(self._stirred, self._stale_after_s)
            self._stirred.clear()
            if self._check_again:
                raise Renumbered("the streams of the board changed")
            await self._look()
            self._bug = ""
            self.looked.beat()
            if self._slots.refused:
                raise Renumbered("a refused module is tried again")

    async def _look(self) -> None:
        info = await self.node.info()
        if self.info is None or info.boot_id != self.info.boot_id:
            raise Renumbered(f"board {self.name} was restarted ({info.reset_cause.name.lower()})")
        self.info = info
        await self._probations.confirm(self.node)
        statuses = {status.slot: status for status in await self.node.modules()}
        for slot in self._slots.wanted.keys() & statuses.keys():
            await self._see(slot, statuses[slot])
            came_back = any(key.slot == slot for key in self.streams.away)
            if came_back and statuses[slot].state is ModuleState.RUNNING:
                raise Renumbered("a module came back")
        if await self._slots.lost():
            raise Renumbered("a module that had moved away is nowhere any more")
        if await self._adopt(statuses):
            raise Renumbered("a module has moved here")

    async def _see(self, slot: int, status: ModuleStatus) -> None:
        """Note how a slot is. Raises Renumbered when a module was taken out of service there."""
        before = self.slots.get(slot)
        self._slots.seen[slot] = status
        if await self._probations.note_failure(slot, before, status):
            raise Renumbered("a module was rolled back")

    # ---- modules that came or were replaced -----------------------------------------------

    def _took(self, slot: int, stream: str, records: Sequence[Record]) -> None:
        self._stored()
        if self._probations.took(slot, stream, records):
            self.look()

    async def _take_guests(self) -> None:
        """Read the streams of modules that came from other places."""
        statuses = {status.slot: status for status in await self.node.modules()}
        for slot in await self.streams.resume_guests(statuses, self._slots.wanted.keys()):
            self._slots.seen[slot] = statuses[slot]
        await self._adopt(statuses)

    async def _adopt(self, statuses: Mapping[int, ModuleStatus]) -> bool:
        adopted = False
        for slot, status in statuses.items():
            if slot in self._slots.wanted or status.state is not ModuleState.RUNNING:
                continue
            if await self.streams.adopt(status):
                self._slots.seen[slot] = status
                adopted = True
        return adopted

    def _followers(self) -> list[StreamFollower]:
        return [
            StreamFollower(
                key,
                numbering,
                self.node,
                self._store,
                self._clock,
                self._stale_after_s,
                functools.partial(self._took, numbering.source.slot, key.stream),
                functools.partial(self._moves.elsewhere, numbering, self.slots[numbering.source.slot]),
            )
            for key, numbering in self.streams.read.items()
            if self.slots[numbering.source.slot].state is not ModuleState.EMPTY
        ]

    # ---- changes --------------------------------------------------------------------------

    def _enter(self, state: SessionState) -> None:
        if state is not self.state:
            self._log.debug("session", state=str(state))
        if state is SessionState.FOLLOWING:
            self._log.info("following", streams=[str(key.stream) for key in self.streams.read])
        self.state = state
        self.changed.beat()

    def _break(self, fault: WasmoteError) -> None:
        if str(fault) != self.fault:
            self._log.warning("session broken", state=str(self.state), fault=str(fault))
        self._give_up(str(fault))

    def _break_unexpectedly(self, bug: Exception) -> None:
        """Note a bug, with its traceback once, and try again later and later."""
        told = unexpected(bug)
        if told != self._bug:
            self._log.error("session failed", state=str(self.state), fault=told, exc_info=bug)
        self._bug = told
        self._give_up(told)

    def _give_up(self, fault: str) -> None:
        self.fault = fault
        self._identities.release(self.name)
        self._enter(SessionState.BROKEN)
