"""The gateway as a whole: one supervisor over board sessions, pipelines, sinks and the HTTP face.

async with Gateway(config).running() as gateway:
    async for prediction in gateway.predictions():
        ...
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from wasmote.cancellation import heed_cancellation
from wasmote.errors import NoAnswer, UsageFault, WasmoteError
from wasmote.gateway import http
from wasmote.gateway.config import HOST_BOARD
from wasmote.gateway.contract import ContractMismatch
from wasmote.gateway.deployment import load_bundle
from wasmote.gateway.entities import Place
from wasmote.gateway.identities import Identities
from wasmote.gateway.inference import load_model
from wasmote.gateway.moves import Moves
from wasmote.gateway.outlet import Outlet
from wasmote.gateway.pipeline import Pipeline
from wasmote.gateway.pulse import Clock, Pulse
from wasmote.gateway.session import BoardSession, Connect, SessionState
from wasmote.gateway.sinks import Sink, make_sink
from wasmote.gateway.store import Store
from wasmote.link.connection import backoff
from wasmote.move import Moved, move
from wasmote.node import Node

if TYPE_CHECKING:
    from wasmote.gateway.config import GatewayConfig, HostSettings
    from wasmote.gateway.entities import Prediction
    from wasmote.gateway.inference import Model
    from wasmote.wire.bundle import Bundle
    from wasmote.wire.modules import ModuleStatus
    from wasmote.wire.node import NodeInfo

READ_S = 60.0  # for a board to be read after a module has moved there
PAGE = 256  # predictions read from the store at once
ENDING = (signal.SIGTERM, signal.SIGINT)


class Gateway:
    """A configured gateway. `log` is where its log goes, if that counts lost lines; the rest is for tests."""

    def __init__(
        self,
        config: GatewayConfig,
        *,
        log: Outlet | None = None,
        connect: Connect = Node.connect,
        clock: Clock | None = None,
    ) -> None:
        self.config = config
        self.http_url = ""  # once it runs
        self.sessions: dict[str, BoardSession] = {}
        self.store = Store(config.gateway.store, config.gateway.commit_every_s)
        self._connect = connect
        self._clock = clock or Clock()
        self._bundles: dict[str, Bundle] = {}
        self._pipelines: dict[str, Pipeline] = {}
        self.stored = Pulse()
        self._predicted = Pulse()
        self._identities = Identities()
        self._moves = Moves(self.store)
        self._links = {name: board.link for name, board in config.boards.items()}
        self._stdout = Outlet.of("stdout", sys.stdout, self._tell_output)
        self._outlets = [self._stdout] if log is None else [self._stdout, log]
        self._log = structlog.get_logger()

    # ---- running ----------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Gateway]:
        """Run until the block is left; then observations end and the store is flushed.

        Raises, before anything runs, what is wrong with modules, models, store or address. What goes wrong
        with a board later is its session's to repeat.
        """
        async with AsyncExitStack() as stack:
            await self.load()
            stack.callback(self._stdout.close)
            listener = stack.enter_context(http.listen(self.config.http))
            await stack.enter_async_context(self.store)
            await self._agree()
            if self.config.host is not None:
                self._links[HOST_BOARD] = await stack.enter_async_context(_host_link(self.config.host))
            work = await self._work(listener)
            self._announce(listener)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one, name=name) for name, one in work]
                try:
                    yield self
                finally:
                    for task in tasks:
                        task.cancel()
        self._log.info("gateway ended")

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT. A second one ends the process at once, whatever holds it."""
        loop, ending = asyncio.get_running_loop(), asyncio.Event()

        def end(*_: object) -> None:
            for number in ENDING:
                signal.signal(number, signal.SIG_DFL)
            loop.call_soon_threadsafe(ending.set)

        # Not loop.add_signal_handler: it would wait for its turn in a loop that may be what hangs.
        before = {number: signal.signal(number, end) for number in ENDING}
        try:
            async with self.running():
                await ending.wait()
        finally:
            if not ending.is_set():
                for number, handler in before.items():
                    signal.signal(number, handler)

    async def predictions(self, since: int | None = None) -> AsyncGenerator[Prediction, None]:
        """Every prediction with an id above `since` (default: from now on), in order, for ever.

        Each reader goes at its own pace: what it has not read waits in the store.
        """
        last = await self.store.last_prediction() if since is None else since
        while True:
            wake = self._predicted.next()
            page = await self.store.predictions_after(last, None, PAGE)
            for prediction in page:
                yield prediction
                last = prediction.id
            if not page:
                await wake.wait()

    # ---- boards -----------------------------------------------------------------------------

    @property
    def nodes(self) -> dict[str, Node]:
        """The nodes that were reached so far, by the names of their boards."""
        return {name: session.node for name, session in self.sessions.items() if session.reached}

    async def following(self, board: str) -> None:
        """Wait until the modules of a board are deployed and its streams are read."""
        await self._session(board).until(SessionState.FOLLOWING)

    async def deploy(self, board: str, bundle: Bundle, slot: int = 0) -> ModuleStatus:
        """Install a bundle on a board and swap it in. Returns the slot afterwards.

        Raises ContractMismatch where a pipeline reads this slot and its model cannot read the bundle's
        stream, LinkDown when the board is not there, CoapError when the node refuses: what ran goes on.
        """
        session = self._session(board)
        for pipeline in self._pipelines.values():
            if (board, slot) in pipeline.places:
                pipeline.agree(bundle.manifest)
        return await session.deploy(slot, bundle)

    async def move(self, module: str, source: str, target: str, slot: int | None = None) -> Moved:
        """Let a module go on at another board with its state; its streams stay what they are.

        Returns when they are read from there. Raises UsageFault where `module` does not run at `source`, or
        `target` has no slot for it; LinkDown when a board is not there; what the nodes refuse: then it runs
        where it was.
        """
        here, there = self._session(source), self._session(target)
        async with self._moves.lock:
            bundle, old_slot = here.running(module)
            moved = await move(bundle, here.node, there.node, slot)
            keys = self._moves.expect(Place(source, old_slot), Place(target, moved.slot))
        here.look()
        there.look()
        try:
            async with asyncio.timeout(READ_S):
                for key in keys:
                    await there.until_reading(key)
        except TimeoutError:
            why = there.fault or there.state
            raise NoAnswer(f"{module} runs on board {target}, but cannot be read there yet: {why}") from None
        return moved

    async def describe(self) -> list[dict[str, object]]:
        """What `/boards` shows."""
        return [await self._describe(session) for session in self.sessions.values()]

    def describe_parts(self) -> dict[str, object]:
        """What `/healthz` shows of what is no board: how often each part has failed since the start."""
        pipelines = {
            name: {"withheld": one.withheld, "failed": one.failed} for name, one in self._pipelines.items()
        }
        outputs = {one.name: {"lost": one.lost, "fault": one.fault} for one in self._outlets}
        return {"pipelines": pipelines, "outputs": outputs}

    async def _describe(self, session: BoardSession) -> dict[str, object]:
        streams = [vars(totals) for totals in await self.store.totals(session.name)]
        guests = [
            {"board": key.board, "slot": key.slot, "stream": key.stream, "from_slot": numbering.source.slot}
            for key, numbering in session.streams.read.items()
            if key.board != session.name
        ]
        described = {"name": session.name, "state": str(session.state), "link": session.url}
        return {
            **described,
            "fault": session.fault,
            "node": _node_json(session.info) if session.info else None,
            "modules": [_module_json(status) for _, status in sorted(session.slots.items())],
            "streams": streams,
            "guests": guests,  # streams of other boards whose modules moved here
            "lost": sum(int(stream["lost"]) for stream in streams),
        }

    def _session(self, board: str) -> BoardSession:
        if board not in self.sessions:
            raise UsageFault(f"there is no board {board!r}", f"boards are: {', '.join(self.sessions)}")
        return self.sessions[board]

    # ---- parts ------------------------------------------------------------------------------

    async def load(self) -> None:
        """Bundles and models, so that nothing runs before all of them are right."""
        for name, module in self.config.modules.items():
            self._bundles[name] = await load_bundle(module)
        for name, settings in self.config.pipelines.items():
            model = await asyncio.to_thread(load_model, settings.model)
            self._pipelines[name] = self._make_pipeline(name, model)
            try:
                self._pipelines[name].agree(self._bundles[settings.module].manifest)
            except ContractMismatch as fault:
                fault.locate(f"pipelines.{name}")
                raise

    def _make_pipeline(self, name: str, model: Model) -> Pipeline:
        stream = self.config.pipelines[name].stream
        return Pipeline(name, stream, self.config.places_of(name), model, self.store, self._clock)

    async def _agree(self) -> None:
        """Let pipelines read the records of earlier releases, as far as their models can."""
        for bundle in self._bundles.values():
            await self.store.module_known(bundle.manifest)
        for manifest in await self.store.manifests():
            for pipeline in self._pipelines.values():
                with contextlib.suppress(ContractMismatch):
                    pipeline.agree(manifest)

    async def _work(self, listener: socket.socket) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """Everything that runs beside each other, with its name."""
        self.sessions = {board: self._make_session(board) for board in self._links}
        self._moves.sessions = self.sessions
        work = [(f"board {name}", session.run()) for name, session in self.sessions.items()]
        for name, pipeline in self._pipelines.items():
            work.append((f"pipeline {name}", pipeline.run(self.stored, self._predicted.beat)))
        since = await self.store.last_prediction()
        for name, settings in self.config.pipelines.items():
            for sink in (make_sink(one, self._stdout) for one in settings.sinks):
                work.append((f"{type(sink).__name__} of {name}", self._drive(sink, name, since)))
        app = http.make_app(self)
        work.append(("http", http.serve(app, listener)))
        return work

    def _make_session(self, board: str) -> BoardSession:
        modules = {
            settings.slot: self._bundles[name]
            for name, settings in self.config.modules.items()
            if board in self.config.boards_of(name)
        }
        return BoardSession(
            board,
            self._links[board],
            modules,
            self.store,
            stored=self.stored.beat,
            stale_after_s=self.config.gateway.stale_after_s,
            confirm_after=self.config.gateway.confirm_after_records,
            clock=self._clock,
            identities=self._identities,
            moves=self._moves,
            connect=self._connect,
        )

    async def _drive(self, sink: Sink, pipeline: str, since: int) -> None:
        """Hand a pipeline's predictions to a sink; after a fault go on where it stopped."""
        pauses = backoff()
        while True:
            try:
                async with contextlib.aclosing(self.predictions(since)) as predictions:
                    async for prediction in predictions:
                        if prediction.pipeline == pipeline:
                            await sink.send(prediction)
                        since = prediction.id
                        pauses = backoff()
            except WasmoteError as fault:
                heed_cancellation()
                self._log.error("sink waits", pipeline=pipeline, sink=type(sink).__name__, fault=str(fault))
                await self._clock.sleep(next(pauses))

    def _tell_output(self, fault: str, lost: int) -> None:
        if fault:
            self._log.error("predictions are lost on the way out", output="stdout", fault=fault)
        else:
            self._log.warning("predictions come through again", output="stdout", lost=lost)

    def _announce(self, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        self.http_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        store = str(self.config.gateway.store)
        self._log.info("gateway runs", http=self.http_url, answers="this machine only", store=store)


@asynccontextmanager
async def _host_link(settings: HostSettings) -> AsyncIterator[str]:
    """Be a node; yields its link."""
    from wasmote.runtime.server import serve  # late: wasmtime takes a while

    async with serve(settings.address, settings.port) as (_, link):
        yield link


def _node_json(info: NodeInfo) -> dict[str, object]:
    return {
        "board": info.board,
        "cpu": info.cpu,
        "firmware": info.firmware,
        "unique_id": info.unique_id.hex(),
        "boot_id": info.boot_id.hex(),
        "uptime_s": info.uptime_s,
        "reset_cause": info.reset_cause.name.lower(),
    }


def _module_json(status: ModuleStatus) -> dict[str, object]:
    return {
        "slot": status.slot,
        "state": status.state.name.lower(),
        "name": status.name,
        "version": status.version,
        "sequence": status.sequence,
        "digest": status.digest.hex() if status.digest else None,
        "events": status.events,
        "traps": status.traps,
        "error": status.error,
        "probation": status.probation,
        "fallback": status.fallback.version if status.fallback else None,
        "failure": {"cause": status.failure.cause.name.lower(), "module": status.failure.digest.hex()}
        if status.failure
        else None,
        "restart_in_ms": status.restart_in_ms,
        "swap_gap_us": status.swap_gap_us,
    }
