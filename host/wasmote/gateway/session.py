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
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from wasmote.errors import CoapError, LinkDown, UsageFault, WasmoteError
from wasmote.gateway.deployment import Action, activation, is_candidate, plan
from wasmote.gateway.entities import StreamKey
from wasmote.gateway.follower import Renumbered, StreamFollower
from wasmote.gateway.identities import Identities
from wasmote.gateway.proving import Probations
from wasmote.gateway.pulse import Clock, Pulse
from wasmote.gateway.reader import going_on
from wasmote.gateway.streams import BoardStreams
from wasmote.link.connection import backoff
from wasmote.node import Node
from wasmote.wire.modules import ModuleState

if TYPE_CHECKING:
    from wasmote.gateway.moves import Moves
    from wasmote.gateway.store import Store
    from wasmote.wire.bundle import Bundle
    from wasmote.wire.manifest import Manifest
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
        self.slots: dict[int, ModuleStatus] = {}
        self.modules = dict(modules)
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
        self._deploying = asyncio.Lock()
        self._stirred = asyncio.Event()  # there is something to look at
        self._check_again = False
        self._refused: dict[int, str] = {}  # is tried again
        self._left: dict[int, str] = {}  # is not
        self._moved: set[int] = set()  # whose modules run elsewhere
        self._pauses = backoff()
        self._log = structlog.get_logger().bind(board=name)

    @property
    def reached(self) -> bool:
        """Whether there was a node at the other end of the link once."""
        return self._node is not None

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
        self._left.pop(slot, None)
        status = await self._bring(slot, bundle.manifest, bundle, asked=True)
        self._tell_faults()
        before, self.modules[slot] = self.modules.get(slot), bundle
        if before is None or _stream_names(before.manifest) != _stream_names(bundle.manifest):
            self._check()
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
        self._refused.clear()
        self._left.clear()
        self._moved.clear()
        for slot, bundle in self.modules.items():
            try:
                await self._bring(slot, bundle.manifest, bundle)
            except CoapError as fault:
                self._refused[slot] = str(fault)
                self._log.error("module refused", slot=slot, module=bundle.manifest.name, fault=str(fault))
        await self._take_guests()
        self._tell_faults()
        return SessionState.FOLLOWING

    async def _following(self) -> SessionState:
        self._pauses = backoff()
        faults: list[BaseException] = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._attend(), name=f"attend {self.name}")
                for follower in self._followers():
                    task = group.create_task(follower.run(), name=f"follow {follower.key}")
                    self.streams.follows(follower, task)
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
            self.looked.beat()
            if self._refused:
                raise Renumbered("a refused module is tried again")

    async def _look(self) -> None:
        info = await self.node.info()
        if self.info is None or info.boot_id != self.info.boot_id:
            raise Renumbered(f"board {self.name} was restarted ({info.reset_cause.name.lower()})")
        self.info = info
        await self._probations.confirm(self.node)
        statuses = {status.slot: status for status in await self.node.modules()}
        for slot in self.modules.keys() & statuses.keys():
            await self._see(slot, statuses[slot])
            came_back = any(key.slot == slot for key in self.streams.away)
            if came_back and statuses[slot].state is ModuleState.RUNNING:
                raise Renumbered("a module came back")
        for slot in self._moved:
            if not await self._is_elsewhere(slot, self.modules[slot].manifest):
                raise Renumbered("a module that had moved away is nowhere any more")
        if await self._adopt(statuses):
            raise Renumbered("a module has moved here")

    async def _see(self, slot: int, status: ModuleStatus) -> None:
        """Note how a slot is. Raises Renumbered when a module was taken out of service there."""
        before = self.slots.get(slot)
        self.slots[slot] = status
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
        for slot in await self.streams.resume_guests(statuses, self.modules.keys()):
            self.slots[slot] = statuses[slot]
        await self._adopt(statuses)

    async def _adopt(self, statuses: Mapping[int, ModuleStatus]) -> bool:
        adopted = False
        for slot, status in statuses.items():
            if slot in self.modules or status.state is not ModuleState.RUNNING:
                continue
            if await self.streams.adopt(status):
                self.slots[slot] = status
                adopted = True
        return adopted

    # ---- modules and numberings -----------------------------------------------------------

    async def _bring(
        self, slot: int, wanted: Manifest, bundle: Bundle, *, asked: bool = False
    ) -> ModuleStatus:
        """Do what `plan` finds, telling the node the numbers its streams go on with.

        What somebody has `asked` for is tried again, even if it had failed.
        """
        async with self._deploying:
            self._moves.given(bundle)
            await self._store.module_known(wanted)
            status = await self.node.module(slot)
            await self._probations.note_failure(slot, self.slots.get(slot), status)
            existed = {stream.name for stream in status.streams}
            action = await self._plan(slot, wanted, status, asked=asked)
            ended = await self.streams.close_old(slot, _stream_names(wanted), status)
            refusal: CoapError | None = None
            if action is Action.INSTALL:
                try:
                    await self._activate(slot, bundle, status, going_on([*ended.items()]))
                except CoapError as fault:
                    refusal = fault  # what ran before goes on, and is read on
                before, status = status, await self.node.module(slot)
                if refusal is None:
                    await self._see_whether_it_lasted(slot, replace(before, digest=wanted.digest), status)
            elif action is not Action.LEAVE:
                self._leave(slot, wanted, status, action)
            made_now = {stream.name for stream in status.streams} - existed
            await self.streams.open_new(slot, status, ended, made_now)
            self.slots[slot] = status
            self._probations.begin(slot, status)
            if refusal is not None:
                raise refusal
            return status

    async def _plan(self, slot: int, wanted: Manifest, status: ModuleStatus, *, asked: bool) -> Action:
        last = await self._store.last_deployed(self.name, slot)
        changed = asked or last not in (None, wanted.digest)
        return plan(status, wanted, changed=changed, moved=await self._is_elsewhere(slot, wanted))

    async def _see_whether_it_lasted(self, slot: int, then: ModuleStatus, now: ModuleStatus) -> None:
        if await self._probations.note_failure(slot, then, now):
            self._check()

    def _tell_faults(self) -> None:
        self.fault = "; ".join([*self._refused.values(), *self._left.values()])

    async def _is_elsewhere(self, slot: int, wanted: Manifest) -> bool:
        """Whether the module of this slot has moved away and runs there."""
        keys = [StreamKey(self.name, slot, stream) for stream in _stream_names(wanted)]
        return any([await self._moves.runs_elsewhere(key, wanted.digest) for key in keys])

    def _leave(self, slot: int, wanted: Manifest, status: ModuleStatus, action: Action) -> None:
        what = f"slot {slot}: {wanted.name} {wanted.version}: {action.value}"
        self._log.warning("not deployed", slot=slot, module=wanted.name, why=action.value)
        if action is Action.LEAVE_MOVED:
            self._moved.add(slot)
        elif action is not Action.LEAVE_NEWER:
            self._left[slot] = f"{what}{f' ({status.error})' if status.error else ''}"

    async def _activate(
        self, slot: int, bundle: Bundle, status: ModuleStatus, numbers: dict[str, int]
    ) -> None:
        operation = activation(status)
        if not is_candidate(status, bundle.manifest):
            await self.node.install(slot, bundle.to_bytes())
        await self.node.control(slot, operation, numbers or None)
        await self._store.deployed(self.name, slot, bundle.manifest.digest)
        made = bundle.manifest
        self._log.info(
            "module deployed", slot=slot, module=made.name, version=made.version, how=operation.name
        )

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
        self.fault = str(fault)
        self._identities.release(self.name)
        self._enter(SessionState.BROKEN)


def _stream_names(manifest: Manifest) -> set[str]:
    return {stream.name for stream in manifest.streams}
