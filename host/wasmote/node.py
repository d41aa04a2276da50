"""One node, as a Python object: everything that firmware/SPEC.md lets a client do."""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from aiocoap import Code

from wasmote.coap import Endpoint, Timings, check
from wasmote.errors import UsageFault
from wasmote.link.connection import LinkState, Opener, Sleeper
from wasmote.link.ports import open_port
from wasmote.link.url import parse_link
from wasmote.observation import Observation
from wasmote.wire.codec import encode
from wasmote.wire.keys import KeyChange, TrustedKeys
from wasmote.wire.modules import Control, ControlRequest, ModuleStatus, config_from_cbor, config_to_cbor
from wasmote.wire.node import NodeInfo, NodeOrder
from wasmote.wire.samples import Sample, SensorInfo, sample_chunks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from aiocoap.message import Message

    from wasmote.link.slipmux import SlipmuxCounters
    from wasmote.upload import Progress
    from wasmote.wire.records import OutEntry, Records
    from wasmote.wire.trace import Trace, TracedEvent

FORMAT_TEXT = 0
FORMAT_COSE_SIGN1 = 18
FORMAT_LINK = 40
FORMAT_CBOR = 60
FORMAT_SENML_CBOR = 112
FORMAT_BUNDLE = 65001
FORMAT_STATE = 65002

ONE_MESSAGE_MAX = 1024  # bytes of a body that goes without Block1

_METHODS = {"GET": Code.GET, "POST": Code.POST, "PUT": Code.PUT, "DELETE": Code.DELETE}


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful response."""

    code: Code
    payload: bytes
    content_format: int | None

    @classmethod
    def of(cls, message: Message) -> Self:
        """Take from an aiocoap message what a client needs."""
        content_format = message.opt.content_format
        return cls(message.code, message.payload, None if content_format is None else int(content_format))


class Node:
    """A connected node.

    Every method raises `LinkDown` on a broken link (which re-opens itself), `NoAnswer` when nothing comes
    back, `CoapError` with the node's own reason when it refuses, `PayloadFault` for an answer that is not as
    in the SPEC.
    """

    def __init__(self, url: str, endpoint: Endpoint) -> None:
        self.url = url
        self._endpoint = endpoint

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        timings: Timings | None = None,
        on_diagnostic: Callable[[str], None] | None = None,
        probe: bool = True,
        opener: Opener = open_port,
        sleep: Sleeper = asyncio.sleep,
    ) -> Self:
        """Open the link `url` and, with `probe`, make sure that a node answers.

        `on_diagnostic` gets the diagnostics text that comes along on a serial link; `opener` and `sleep` are
        for tests. Raises `UsageFault`, `DeviceNotFound`, `PermissionRefused`, `Busy`, or `NoAnswer` for a
        silent board.
        """
        endpoint = Endpoint(parse_link(url), timings, on_diagnostic, opener=opener, sleep=sleep)
        try:
            await endpoint.open()
            if probe:
                await endpoint.probe()
        except BaseException:
            await endpoint.close()
            raise
        return cls(url, endpoint)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End what is going on with `LinkDown`, and let go of the port."""
        await self._endpoint.close()

    @property
    def link_state(self) -> LinkState:
        """Whether the link is up now; a UDP link has no state of its own, and counts as up."""
        connection = self._endpoint.connection
        return connection.state if connection is not None else LinkState.UP

    @property
    def link_counters(self) -> SlipmuxCounters | None:
        """What passed on the link so far; None for a UDP link."""
        connection = self._endpoint.connection
        return connection.counters if connection is not None else None

    def on_link_change(self, listener: Callable[[LinkState], None]) -> Callable[[], None]:
        """Call `listener` at every change of the link's state; call the result to end that."""
        connection = self._endpoint.connection
        return connection.subscribe(listener) if connection is not None else lambda: None

    async def wait_up(self) -> None:
        """Wait until the link is open again; over UDP, until it answers. Raises `LinkDown` if closed."""
        await self._endpoint.wait_up()

    # /node, /time

    async def info(self) -> NodeInfo:
        """GET /node."""
        return NodeInfo.from_cbor((await self.request("GET", "/node")).payload, "/node")

    async def order(self, order: NodeOrder | bytes) -> None:
        """POST /node: a signed order to restart (`wasmote.signing`), or in development mode a bare one.

        The node restarts behind its answer: wait for another boot id with `wasmote.restart`.
        """
        if isinstance(order, bytes):
            await self.request("POST", "/node", order, FORMAT_COSE_SIGN1)
        else:
            await self.request("POST", "/node", order.to_cbor(), FORMAT_CBOR)

    async def trusted_keys(self) -> TrustedKeys:
        """GET /node/keys."""
        return TrustedKeys.from_cbor((await self.request("GET", "/node/keys")).payload, "/node/keys")

    async def change_keys(self, change: KeyChange | bytes) -> None:
        """POST /node/keys: a signed change (`wasmote.signing`), or in development mode a bare one."""
        if isinstance(change, bytes):
            await self.request("POST", "/node/keys", change, FORMAT_COSE_SIGN1)
        else:
            await self.request("POST", "/node/keys", change.to_cbor(), FORMAT_CBOR)

    async def set_time(self, at: datetime | None = None) -> None:
        """Set the node's wall clock; to this machine's time where `at` (with a time zone) is not given."""
        now = at or datetime.now(UTC)
        if now.tzinfo is None:
            raise UsageFault(f"{now} has no time zone", "use datetime.now(UTC)")
        await self.request("PUT", "/time", encode(round(now.timestamp() * 1000)), FORMAT_CBOR)

    # /sensors

    async def sensors(self) -> list[SensorInfo]:
        """GET /sensors."""
        return SensorInfo.list_from_cbor((await self.request("GET", "/sensors")).payload, "/sensors")

    async def feed(self, sensor: str, samples: Sequence[Sample]) -> None:
        """Feed samples, in order of time, to an injected sensor.

        Returns when the modules have handled every one of them. When it raises, those of the chunks before
        (of at most 32 samples) have been handled; none where it raises `UsageFault` for a value that is no
        binary32.
        """
        for chunk in list(sample_chunks(samples)):
            await self.request("PUT", f"/sensors/{sensor}", chunk, FORMAT_CBOR)

    # /modules

    async def modules(self) -> list[ModuleStatus]:
        """GET /modules: every slot."""
        return ModuleStatus.list_from_cbor((await self.request("GET", "/modules")).payload, "/modules")

    async def module(self, slot: int) -> ModuleStatus:
        """GET /modules/N."""
        path = f"/modules/{slot}"
        return ModuleStatus.from_cbor((await self.request("GET", path)).payload, path)

    async def install(self, slot: int, bundle: bytes, progress: Progress | None = None) -> None:
        """Send a bundle to a slot as its candidate; what runs there goes on.

        `progress` gets (bytes taken, all bytes) after every block.
        """
        path = f"/modules/{slot}"
        response = await self._endpoint.upload(Code.PUT, path, bundle, FORMAT_BUNDLE, progress)
        check(response, f"PUT {path}")

    async def start_beside(self, slot: int, other: int) -> None:
        """Start the candidate of a slot with the state and parameters that the module of another one has."""
        payload = ControlRequest(Control.START, beside=other).to_cbor()
        await self.request("POST", f"/modules/{slot}/control", payload, FORMAT_CBOR)

    async def control(self, slot: int, operation: Control, next_seq: Mapping[str, int] | None = None) -> None:
        """Start, stop or swap. `next_seq`: the numbers that streams new to the slot go on with."""
        payload = ControlRequest(operation, next_seq).to_cbor()
        await self.request("POST", f"/modules/{slot}/control", payload, FORMAT_CBOR)

    async def remove(self, slot: int) -> None:
        """DELETE /modules/N: stop and remove the module and the candidate."""
        await self.request("DELETE", f"/modules/{slot}")

    async def config(self, slot: int) -> dict[str, float]:
        """GET /modules/N/config."""
        path = f"/modules/{slot}/config"
        return config_from_cbor((await self.request("GET", path)).payload, path)

    async def set_config(self, slot: int, config: Mapping[str, float]) -> None:
        """PUT /modules/N/config: parameters that are not named go back to their defaults.

        Raises `UsageFault` for a value that is not finite.
        """
        for name, value in config.items():
            if not math.isfinite(value):
                raise UsageFault(f"parameter {name}: {value} is no finite number")
        await self.request("PUT", f"/modules/{slot}/config", config_to_cbor(config), FORMAT_CBOR)

    async def snapshot(self, slot: int) -> bytes:
        """GET /modules/N/state: what `wasmote.wire.state.Snapshot` reads. Pause a module that gets events."""
        return (await self.request("GET", f"/modules/{slot}/state")).payload

    async def restore(self, slot: int, snapshot: bytes, progress: Progress | None = None) -> None:
        """Put a snapshot into the candidate, or the stopped module, of a slot; it is paused then."""
        path = f"/modules/{slot}/state"
        response = await self._endpoint.upload(Code.PUT, path, snapshot, FORMAT_STATE, progress)
        check(response, f"PUT {path}")

    # /modules/N/trace, /modules/N/event

    async def set_trace(self, slot: int, on: bool) -> None:
        """Begin or end to record what enters the module of a slot; one slot at a time."""
        await self.request("PUT", f"/modules/{slot}/trace", encode({0: on}), FORMAT_CBOR)

    async def trace(self, slot: int, since: int | None) -> Trace:
        """One GET of what the ring holds after number `since`, or of all: oldest first, as many as fit."""
        from wasmote.wire.trace import Trace

        path = f"/modules/{slot}/trace"
        reply = await self.request("GET", f"{path}?since={'none' if since is None else since}")
        return Trace.from_cbor(reply.payload, path)

    async def replay(self, slot: int, events: Sequence[TracedEvent]) -> None:
        """Let recorded events enter a paused module again, all in one request."""
        from wasmote.wire.trace import events_to_cbor

        await self.request("POST", f"/modules/{slot}/event", events_to_cbor(events), FORMAT_CBOR)

    # /out

    async def records(self, slot: int, stream: str, since: int | None) -> Records:
        """One GET of what the ring holds after number `since`, or of all: oldest first, as many as fit.

        There may be more: go on with the highest number until `next_seq` is reached.
        """
        from wasmote.wire.records import Records  # late: numpy takes a while

        path = f"/out/{slot}/{stream}"
        reply = await self.request("GET", f"{path}?since={'none' if since is None else since}")
        return Records.from_cbor(reply.payload, path)

    async def outputs(self, slot: int) -> list[OutEntry]:
        """GET /out/N: the streams of a slot, with the names of their values where the module has them."""
        from wasmote.wire.records import OutEntry  # late: numpy takes a while

        path = f"/out/{slot}"
        return OutEntry.list_from_cbor((await self.request("GET", path)).payload, path)

    async def watch(self, slot: int, stream: str) -> AsyncGenerator[Records, None]:
        """Observe a stream: what it holds now (the newest record, if any), then every notification.

        Notifications may be skipped: close gaps with `records()`. Raises `LinkDown` when the link breaks or
        the observation ends, `NotObserved` when the node has had no room for another observer for minutes.
        Leave it with `contextlib.aclosing`, or by cancelling the task: both deregister.
        """
        from wasmote.wire.records import Records  # late: numpy takes a while

        path = f"/out/{slot}/{stream}"
        async with aclosing(self.observe(path)) as replies:
            async for reply in replies:
                yield Records.from_cbor(reply.payload, path)

    # any resource

    async def request(
        self, method: str, path: str, payload: bytes = b"", content_format: int | None = None
    ) -> Reply:
        """Send a request; `path` may hold a query. A body of more than 1024 bytes goes in blocks.

        Raises `CoapError` for every response that is not 2.xx.
        """
        code = _METHODS.get(method.upper())
        if code is None:
            raise UsageFault(f"{method} is no method", f"use one of {', '.join(_METHODS)}")
        response = await self._exchange(code, path, payload, content_format)
        return Reply.of(check(response, f"{method.upper()} {path}"))

    async def _exchange(self, code: Code, path: str, payload: bytes, content_format: int | None) -> Message:
        if code is Code.GET and not payload:
            return await self._endpoint.get(path)
        if len(payload) > ONE_MESSAGE_MAX:
            return await self._endpoint.upload(code, path, payload, content_format, None)
        return await self._endpoint.exchange(self._endpoint.message(code, path, payload, content_format))

    async def observe(
        self, path: str, on_full: Callable[[], None] = lambda: None
    ) -> AsyncGenerator[Reply, None]:
        """Observe any resource: its representation now, then every notification. See `watch`.

        `on_full` is called when all the node's places are taken and one is waited for.
        """
        async with Observation(self._endpoint, path, on_full) as observation:
            while True:
                yield Reply.of(await observation.next())
