"""Keeps a slipmux link open: a state machine that re-opens a broken one, and never gives up.

    OPENING --opened--> UP --broken--> WAITING --back-off is over--> OPENING
    OPENING --failed--> WAITING                any state --close()--> CLOSED

The first opening is different: when it fails, the caller is told why, and nothing is tried again.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable, Iterator, Mapping

from wasmote.cancellation import ends_within
from wasmote.errors import LinkDown, WasmoteError
from wasmote.link.ports import ProtocolFactory, open_port
from wasmote.link.slipmux import CoapFrame, DiagnosticFrame, Frame, SlipmuxCounters, SlipmuxDecoder
from wasmote.link.trace import Tap
from wasmote.link.url import StreamLink

BACKOFF_MIN_S = 0.1
BACKOFF_MAX_S = 30.0
FLUSH_TIMEOUT_S = 1.0


def backoff() -> Iterator[float]:
    """Yield the pauses between tries, s: they grow up to a bound, and never end."""
    pause = BACKOFF_MIN_S
    while True:
        yield pause
        pause = min(2 * pause, BACKOFF_MAX_S)


Opener = Callable[[StreamLink, ProtocolFactory], Awaitable[asyncio.Transport]]
Sleeper = Callable[[float], Awaitable[None]]


class LinkState(enum.Enum):
    """Where a link is in its life."""

    OPENING = "opening"
    UP = "up"
    WAITING = "waiting"
    CLOSED = "closed"


StateListener = Callable[[LinkState], None]


class Connection:
    """A slipmux link that re-opens itself.

    `on_message` gets every CoAP message that arrives whole, `on_diagnostic` every diagnostics text, `tap` all
    that passes. `opener` and `sleep` are for tests.
    """

    def __init__(
        self,
        link: StreamLink,
        on_message: Callable[[bytes], None],
        on_diagnostic: Callable[[str], None] | None = None,
        *,
        tap: Tap | None = None,
        opener: Opener = open_port,
        sleep: Sleeper = asyncio.sleep,
    ) -> None:
        self.link = link
        self.counters = SlipmuxCounters()
        self.fault: WasmoteError | None = None  # why the link is not up
        self._on_message = on_message
        self._on_diagnostic = on_diagnostic
        self._tap = tap
        self._opener = opener
        self._sleep = sleep
        self._state = LinkState.WAITING
        self._listeners: list[StateListener] = []
        self._stream: _Stream | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._pauses = backoff()

    @property
    def state(self) -> LinkState:
        """The state now."""
        return self._state

    def subscribe(self, listener: StateListener) -> Callable[[], None]:
        """Call `listener` at every change of state from now on; call the result to end that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    async def wait_for(self, *states: LinkState) -> LinkState:
        """Wait until the link is in one of these states; return it."""
        if self._state in states:
            return self._state
        reached: asyncio.Future[LinkState] = asyncio.get_running_loop().create_future()

        def check(state: LinkState) -> None:
            if state in states and not reached.done():
                reached.set_result(state)

        unsubscribe = self.subscribe(check)
        try:
            return await reached
        finally:
            unsubscribe()

    async def open(self) -> None:
        """Open the link for the first time. Raises what `open_port` raises."""
        try:
            await self._open()
        except BaseException:
            self._enter(LinkState.CLOSED)
            raise
        self._keeper = asyncio.create_task(self._keep(), name=f"keeping {self.link} open")

    async def close(self) -> None:
        """Let go of the port for good; returns when the operating system has it back."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._keeper = None
        if self._stream is not None:
            await self._stream.close()
            self._stream = None
        self._enter(LinkState.CLOSED)

    def send(self, message: bytes) -> None:
        """Send one CoAP message. Raises `LinkDown`."""
        if self._state is not LinkState.UP or self._stream is None:
            raise self.down()
        frame = CoapFrame(message).to_bytes()
        self.counters.sent_bytes += len(frame)
        self._stream.transport.write(frame)
        if self._tap:
            self._tap.sent(message)

    def down(self) -> LinkDown:
        """Describe why nothing can be sent."""
        if self._state is LinkState.CLOSED:
            return LinkDown(f"{self.link}: the link is closed")
        cause = f": {self.fault.message}" if self.fault else ""
        return LinkDown(
            f"{self.link}: the link is down{cause}", "it is re-opened as soon as the port is back"
        )

    def _enter(self, state: LinkState) -> None:
        if state is not self._state:
            self._state = state
            for listener in list(self._listeners):
                listener(state)

    async def _open(self) -> None:
        self._enter(LinkState.OPENING)
        stream = _Stream(self._received, self.counters)
        stream.transport = await self._opener(self.link, lambda: stream)
        self._stream = stream
        self.fault = None
        self._enter(LinkState.UP)

    async def _keep(self) -> None:
        while True:
            assert self._stream is not None
            await self._stream.lost.wait()
            self.fault = WasmoteError(_why_lost(self._stream.cause))
            self._stream = None
            self._enter(LinkState.WAITING)
            await self._reopen()

    async def _reopen(self) -> None:
        while True:
            await self._sleep(next(self._pauses))
            try:
                await self._open()
            except WasmoteError as fault:
                self.fault = fault
                self._enter(LinkState.WAITING)
            else:
                return

    def _received(self, frame: Frame) -> None:
        # Only a link that carries something starts the back-off anew: a port that opens and breaks at once
        # must not be tried ten times a second.
        self._pauses = backoff()
        match frame:
            case CoapFrame(message):
                if self._tap:
                    self._tap.received(message)
                self._on_message(message)
            case DiagnosticFrame(text):
                if self._tap:
                    self._tap.diagnostic(text)
                if self._on_diagnostic:
                    self._on_diagnostic(text)


class _Stream(asyncio.Protocol):
    """One opening of the port, from connection_made to connection_lost."""

    transport: asyncio.Transport

    def __init__(self, received: Callable[[Frame], None], counters: SlipmuxCounters) -> None:
        self.lost = asyncio.Event()
        self.cause: Exception | None = None
        self._received = received
        self._decoder = SlipmuxDecoder(counters)

    async def close(self) -> None:
        """Close after what was written has gone out; a peer that takes nothing does not hold us up."""
        self.transport.close()
        if not await ends_within(FLUSH_TIMEOUT_S, self.lost.wait()):
            self.transport.abort()
            await self.lost.wait()

    def data_received(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            self._received(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        self.cause = exc
        self.lost.set()


def is_link_loss(context: Mapping[str, object]) -> bool:
    """Whether a loop's exception handler is told of a broken link, as requests are too.

    pyserial-asyncio-fast reports a failed write that way, besides `connection_lost`.
    """
    return isinstance(context.get("protocol"), _Stream) and isinstance(context.get("exception"), OSError)


def _why_lost(cause: Exception | None) -> str:
    if cause is None:
        return "the other end closed it"
    # pyserial says "readiness to read but returned no data" of a device that was unplugged, without an errno
    return (
        f"the port broke: {cause.strerror}"
        if isinstance(cause, OSError) and cause.errno
        else "the device is gone"
    )
